// One call of every kernel on given data, for properties that all kernels share. Those that are called alike
// come from the tables in functions.hpp, losses.hpp and optimizers.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <densimd/kernels.hpp>

#include "activations.hpp"
#include "functions.hpp"
#include "hash.hpp"
#include "losses.hpp"
#include "networks.hpp"
#include "optimizers.hpp"
#include "random.hpp"
#include "sizes.hpp"

namespace densimd::test {

using kernels::Layer;

template <class T>
std::vector<T> joined(std::vector<T> first, const std::vector<T>& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

/// Runs every kernel on random data of one shape: calls around(name, call) for each, with the names of the
/// kernel and of its variant, where call() makes the call and returns its results. What a kernel is given
/// depends on the seed, the shape and its own name alone, so that a new kernel changes the results of no
/// other.
template <class T, class Around>
void run_every_kernel(const Kernels<T>& k, Shape s, std::uint64_t seed, Around around) {
    const std::size_t batch = s.batch, in = s.in, out = s.out;
    Random random(seed);
    const auto random_for = [seed](const std::string& name) {
        Hash hash;
        hash.add_bytes(name.data(), name.size());
        return Random(seed + hash.value());
    };
    const auto X = random.vector<T>(batch * in), W = random.vector<T>(in * out), b = random.vector<T>(out),
               dZ = random.vector<T>(batch * out), S = random.vector<T>(batch * in, 0, 1),
               logits = random.vector<T>(batch * out, -30, 30);
    std::vector<T> result;
    // call(result) with `result` as it is given.
    const auto run_on = [&](const std::string& name, std::vector<T> initial, auto call) {
        result = std::move(initial);
        around(name, [&] {
            call(result.data());
            return std::span<const T>(result);
        });
    };
    const auto run = [&](const std::string& name, std::size_t size, auto call) {
        run_on(name, std::vector<T>(size), call);
    };

    for (const Function<T>& f : functions<T>()) {
        const auto x = random_for(f.name).template vector<T>(batch * out, f.low, f.high);
        run(f.name, x.size(), [&](T* y) { f.call(k, x.size(), x.data(), y); });
    }
    for (const Derivative<T>& f : derivatives<T>()) {
        const auto a = random_for(f.name).template vector<T>(batch * out, f.low, f.high);
        run(f.name, a.size(), [&](T* dx) { f.call(k, a.size(), a.data(), dZ.data(), dx); });
    }
    run("all_finite", 1, [&](T* finite) { *finite = k.all_finite(X.size(), X.data()) ? T{1} : T{0}; });
    run("softmax", batch * out, [&](T* Y) { k.softmax(batch, out, logits.data(), out, Y, out); });
    run("log_softmax", batch * out, [&](T* Y) { k.log_softmax(batch, out, logits.data(), out, Y, out); });

    run("gemv", out, [&](T* y) { k.gemv(in, out, X.data(), W.data(), out, b.data(), y); });
    run("gemv_t", in, [&](T* dx) { k.gemv_t(in, out, dZ.data(), W.data(), out, dx); });
    run_on("ger", W, [&](T* W_out) { k.ger(in, out, T{0.375}, X.data(), dZ.data(), W_out, out); });
    run("gemm", batch * out, [&](T* Z) { k.gemm(batch, in, out, X.data(), in, W.data(), out, Z, out); });
    run("gemm_nt", batch * in,
        [&](T* dX) { k.gemm_nt(batch, in, out, dZ.data(), out, W.data(), out, dX, in); });
    run("gemm_tn", in * out,
        [&](T* dW) { k.gemm_tn(batch, in, out, X.data(), in, dZ.data(), out, dW, out); });

    const std::vector<T> W_and_b = joined(W, b), updates = joined(W_and_b, std::vector<T>(std::max(in, out)));
    run_on("dense_update", W_and_b, [&](T* updated) {
        k.dense_update(batch, in, out, X.data(), in, dZ.data(), out, T{-0.625} / static_cast<T>(batch),
                       updated, out, updated + in * out);
    });
    for (const Activation activation : all_activations) {
        const std::string variant = name_of(activation);
        run("dense_forward " + variant, batch * out, [&](T* A) {
            k.dense_forward(batch, in, out, X.data(), in, W.data(), out, b.data(), activation, A, out);
        });
        run("dense_forward_columns " + variant, batch * out, [&](T* A) {
            k.dense_forward_columns(batch, in, out, out / 3, out / 2, X.data(), in, W.data(), out, b.data(),
                                    activation, A, out);
        });
        run("dense_backward_input " + variant, batch * in, [&](T* dX) {
            k.dense_backward_input(batch, in, out, dZ.data(), out, W.data(), out, S.data(), in, activation,
                                   dX, in);
        });
        run("dense_backward_input_rows " + variant, (batch + 1) / 2 * in, [&](T* dX) {
            k.dense_backward_input_rows(batch, (batch + 1) / 2, in, out, dZ.data(), out, W.data(), out, S.data(), in,
                                        activation, dX, in);
        });
        run_on("dense_backward_update " + variant, updates, [&](T* updated) {
            T* const new_b = updated + in * out;
            k.dense_backward_update(in, out, X.data(), dZ.data(), T{-0.625}, updated, out, new_b, S.data(),
                                    activation, new_b + out);
        });
        run_on("dense_update_forward " + variant, updates, [&](T* updated) {
            T* const new_b = updated + in * out;
            k.dense_update_forward(in, out, X.data(), dZ.data(), T{-0.625}, updated, out, new_b, S.data(),
                                   activation, new_b + out);
        });
    }
    for (const Loss<T>& loss : losses<T>()) {
        Random own = random_for(loss.name);
        const auto A = own.vector<T>(batch * out, loss.low, loss.high),
                   Y = own.vector<T>(batch * out, loss.target_low, loss.target_high);
        run(loss.name, batch * (out + 1), [&](T* gradient) {
            loss.call(k, batch, out, A.data(), out, Y.data(), out, gradient, out, gradient + batch * out);
        });
    }
    for (const Optimizer<T>& optimizer : optimizers<T>()) {
        const std::size_t n = in * out;
        const auto g = random_for(optimizer.name).template vector<T>(n);
        run_on(optimizer.name, joined(std::vector<T>(2 * n), W), [&](T* m) {
            optimizer.call(k, n, {T{0.25}, T{0.125}, T{0.75}},
                           {T{0.75}, T{0.875}, T{0.0625}, T{0.75}, T{0.875}}, g.data(), m, m + n, m + 2 * n);
        });
    }
    run("sum_of_squares", 1, [&](T* sum) { *sum = k.sum_of_squares(X.size(), X.data()); });

    if (in == 0 || out == 0) return;
    // Programs that train whole networks. memory: of the one for these layers.
    const auto training_of = [&](const TestNetwork<T>& net, kernels::Method method, std::size_t rows, T* parameters,
                                 T learning_rate, const std::vector<T>& all_X, const std::vector<T>& all_Y,
                                 std::vector<T>& memory) {
        const std::size_t depth = net.layers.size();
        constexpr kernels::Loss squares = kernels::Loss::mean_squared_error;
        memory.assign(k.training_program(depth, net.layers.data(), squares, method, rows).memory, T{0});
        return kernels::Training<T>{.layers = net.layers.data(),
                                    .depth = depth,
                                    .parameters = parameters,
                                    .loss = squares,
                                    .method = method,
                                    .batch = rows,
                                    .learning_rate = learning_rate,
                                    .X = all_X.data(),
                                    .ldx = net.inputs(),
                                    .Y = all_Y.data(),
                                    .ldy = net.outputs(),
                                    .order = nullptr,
                                    .memory = memory.data()};
    };
    // A tiny network of about this shape. The result is what a step leaves behind, and what the layers' kernels,
    // whose bits it has, make of the layer in between: A, and dz of the output.
    const std::size_t tiny_in = std::min<std::size_t>(in, 8);
    Random tiny_random = random_for("tiny_steps"), network_random = random_for("train_per_sample");
    const TestNetwork<T> tiny({tiny_in, 2 + out % (kernels::whole_lines<T>(1) - 1), 1}, Activation::sigmoid,
                              0, tiny_random);
    const Layer &hidden_layer = tiny.layers[0], &output_layer = tiny.layers[1];
    const std::size_t rows = std::max<std::size_t>(batch, 16), hidden = hidden_layer.outputs;
    const auto tiny_X = tiny_random.vector<T>(rows * tiny_in), tiny_y = tiny_random.vector<T>(rows, 0, 1);
    std::vector<T> memory;
    run_on("tiny_steps", joined(tiny.parameters, std::vector<T>(rows * (hidden + 3))), [&](T* parameters) {
        T *const A = parameters + tiny.parameters.size(), *const outputs = A + rows * hidden,
                *const losses = outputs + rows, *const dz = losses + rows;
        k.dense_forward(rows, tiny_in, hidden, tiny_X.data(), tiny_in, parameters + hidden_layer.weights,
                        hidden_layer.stride, parameters + hidden_layer.biases, Activation::sigmoid, A, hidden);
        k.dense_forward(rows, hidden, 1, A, hidden, parameters + output_layer.weights, 1,
                        parameters + output_layer.biases, Activation::sigmoid, outputs, 1);
        k.mean_squared_error(rows, 1, outputs, 1, tiny_y.data(), 1, dz, 1, losses);
        k.sigmoid_grad(rows, outputs, dz, dz);
        k.tiny_steps(training_of(tiny, kernels::Method::minibatch, rows, parameters,
                                 T{0.25} * static_cast<T>(rows), tiny_X, tiny_y, memory),
                     0, 1, losses, outputs);
    });
    const TestNetwork<T> net({in, out, 3}, Activation::sigmoid, 1, network_random);
    const auto Y = network_random.vector<T>(batch * 3, 0, 1);
    std::vector<T> scratch(kernels::forward_scratch<T>(2, net.layers.data(), 4));
    run("network_forward", batch * 3, [&](T* A) {
        k.network_forward(batch, 2, net.layers.data(), net.parameters.data(), X.data(), in, A, 3, 4,
                          scratch.data());
    });
    run_on("train_per_sample", joined(net.parameters, std::vector<T>(batch)), [&](T* parameters) {
        k.train_per_sample(
            training_of(net, kernels::Method::per_sample, 1, parameters, T{0.25}, X, Y, memory), 0, batch,
            parameters + net.parameters.size(), nullptr, 0);
    });
    // The phases of a program are a kernel only together: four such networks, one for each phase.
    run("training_program", 2, [&](T* program) {
        const kernels::TrainingProgram chosen =
            k.training_program(2, net.layers.data(), kernels::Loss::huber, kernels::Method::delayed_updates, 1);
        program[0] = chosen.exists ? T{1} : T{0};
        program[1] = static_cast<T>(chosen.block);
    });
    for (const auto& [phase, outputs] : {std::pair{"training_begin", 3}, std::pair{"training_gather", 40},
                                         std::pair{"training_advance", 8}, std::pair{"training_end", 1}}) {
        Random own = random_for(phase);
        const std::size_t last = static_cast<std::size_t>(outputs);
        const TestNetwork<T> delayed({in, out, last}, Activation::tanh, 0, own);
        const auto targets = own.vector<T>(batch * last, 0, 1);
        run_on(phase, joined(delayed.parameters, std::vector<T>(batch)), [&](T* parameters) {
            const auto training = training_of(delayed, kernels::Method::delayed_updates, 1, parameters, T{0.0625},
                                              X, targets, memory);
            const std::size_t block = k.training_program(2, delayed.layers.data(), training.loss, training.method, 1)
                                          .block,
                              length = block > 1 ? block : batch;
            k.training_begin(training);
            for (std::size_t first = 0;; first += length) {
                const std::size_t count = first < batch ? std::min(length, batch - first) : 0;
                k.training_gather(training, first, count);
                k.training_advance(training, first, count, 0, out);
                if (count == 0) break;
                k.train_per_sample(training, first, count, parameters + delayed.parameters.size() + first, nullptr, 0);
            }
            k.training_end(training);
        });
    }
}

}  // namespace densimd::test
