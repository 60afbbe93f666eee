// The kernel of an activation's derivative and of a loss, by its enumerator.
#pragma once

#include <cstddef>

#include <densimd/kernels.hpp>
#include <densimd/nn/activation.hpp>
#include <densimd/nn/matrix.hpp>

namespace densimd::nn {

/// ds[n] times the derivative of an activation with the output a[n].
template <class T>
void times_derivative(const kernels::Kernels<T>& k, Activation activation, std::size_t n, const T* a,
                      T* ds) noexcept {
    switch (activation) {
        case Activation::sigmoid:
            return k.sigmoid_grad(n, a, ds, ds);
        case Activation::tanh:
            return k.tanh_grad(n, a, ds, ds);
        case Activation::softplus:
            return k.softplus_grad(n, a, ds, ds);
        case Activation::relu:
            return k.relu_grad(n, a, ds, ds);
        case Activation::leaky_relu:
            return k.leaky_relu_grad(n, kernels::leaky_relu_slope<T>, a, ds, ds);
        case Activation::elu:
            return k.elu_grad(n, kernels::elu_alpha<T>, a, ds, ds);
        case Activation::identity:
        // No network has these: see its constructor.
        case Activation::gelu:
        case Activation::gelu_tanh:
        case Activation::silu:
            return;
    }
}

/// Losses of the rows of A, and their gradient unless dA is empty.
template <class T>
void call_loss(const kernels::Kernels<T>& k, kernels::Loss loss, MatrixView<const T> A, MatrixView<const T> Y,
               MatrixView<T> dA, T* losses) noexcept {
    const auto call = [&](auto kernel, auto... delta) {
        kernel(Y.rows(), Y.cols(), delta..., A.data(), A.stride(), Y.data(), Y.stride(), dA.data(),
               dA.stride(), losses);
    };
    switch (loss) {
        case kernels::Loss::mean_squared_error:
            return call(k.mean_squared_error);
        case kernels::Loss::mean_absolute_error:
            return call(k.mean_absolute_error);
        case kernels::Loss::huber:
            return call(k.huber, kernels::huber_delta<T>);
        case kernels::Loss::binary_cross_entropy:
            return call(k.binary_cross_entropy);
        case kernels::Loss::categorical_cross_entropy:
            return call(k.categorical_cross_entropy);
        case kernels::Loss::cosine_distance:
            return call(k.cosine_distance);
    }
}

}  // namespace densimd::nn
