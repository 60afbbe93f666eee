// One call of every kernel on given data, for properties that all kernels share.
#pragma once

#include <cstddef>
#include <vector>

#include <densimd/kernels.hpp>

#include "hash.hpp"
#include "random.hpp"
#include "sizes.hpp"

namespace densimd::test {

/// Runs every kernel on random data of one shape, calling `around(call)` to make each call, and adds all
/// results to the hash.
template <class T, class Around>
void run_every_kernel(const kernels::Kernels<T>& k, Shape s, Random& random, Hash& hash, Around around) {
    using enum kernels::Activation;
    const std::size_t batch = s.batch, in = s.in, out = s.out;
    const auto X = random.vector<T>(batch * in), W = random.vector<T>(in * out), b = random.vector<T>(out),
               dZ = random.vector<T>(batch * out), S = random.vector<T>(batch * in, 0, 1),
               logits = random.vector<T>(batch * out, -30, 30), Y = random.vector<T>(batch * out, 0, 1);
    std::vector<T> result, loss(batch);
    const auto run = [&](std::size_t size, auto call) {
        result.assign(size, T{0});
        around([&] { call(result.data()); });
        hash.add(std::span<const T>(result));
    };
    run(batch * out, [&](T* y) { k.sigmoid(batch * out, logits.data(), y); });
    run(batch * in, [&](T* dx) { k.sigmoid_grad(batch * in, S.data(), X.data(), dx); });
    run(1, [&](T* finite) { *finite = k.all_finite(X.size(), X.data()) ? T{1} : T{0}; });
    run(out, [&](T* y) { k.gemv(in, out, X.data(), W.data(), out, b.data(), y); });
    run(in, [&](T* dx) { k.gemv_t(in, out, dZ.data(), W.data(), out, dx); });
    run(in * out, [&](T* W_out) { k.ger(in, out, T{0.375}, X.data(), dZ.data(), W_out, out); });
    run(batch * out, [&](T* Z) { k.gemm(batch, in, out, X.data(), in, W.data(), out, Z, out); });
    run(batch * in, [&](T* dX) { k.gemm_nt(batch, in, out, dZ.data(), out, W.data(), out, dX, in); });
    run(in * out, [&](T* dW) { k.gemm_tn(batch, in, out, X.data(), in, dZ.data(), out, dW, out); });
    for (const auto activation : {identity, sigmoid}) {
        run(batch * out, [&](T* A) {
            k.dense_forward(batch, in, out, X.data(), in, W.data(), out, b.data(), activation, A, out);
        });
        run(batch * in, [&](T* dX) {
            k.dense_backward_input(batch, in, out, dZ.data(), out, W.data(), out, S.data(), in, activation,
                                   dX, in);
        });
    }
    run(in * out + out, [&](T* W_and_b) {
        k.dense_update(batch, in, out, X.data(), in, dZ.data(), out, T{0.625}, W_and_b, out,
                       W_and_b + in * out);
    });
    using Member = decltype(&kernels::Kernels<T>::mean_squared_error);
    for (const Member member :
         {&kernels::Kernels<T>::mean_squared_error, &kernels::Kernels<T>::binary_cross_entropy,
          &kernels::Kernels<T>::cosine_distance}) {
        run(batch * out, [&](T* gradient) {
            (k.*member)(batch, out, logits.data(), out, Y.data(), out, gradient, out, loss.data());
        });
        hash.add(std::span<const T>(loss));
    }
}

}  // namespace densimd::test
