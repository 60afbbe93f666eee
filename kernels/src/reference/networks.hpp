// The definitions of the kernels that work on whole networks, layer by layer.
#pragma once

#include <algorithm>
#include <cmath>

#include "network/program.hpp"
#include "reference/layers.hpp"
#include "reference/losses.hpp"

namespace densimd::kernels {
namespace {

template <class T>
void network_forward(std::size_t batch, std::size_t depth, const Layer* layers, const T* parameters,
                     const T* X, std::size_t ldx, T* out, std::size_t ldo, std::size_t, T* scratch) noexcept {
    T* const halves[] = {scratch, scratch + forward_scratch<T>(depth, layers, 1) / 2};
    for (std::size_t row = 0; row < batch; ++row) {
        const T* x = X + row * ldx;
        for (std::size_t l = 0; l < depth; ++l) {
            T* const y = l + 1 == depth ? out + row * ldo : halves[l % 2];
            dense_forward<T>(1, layers[l].inputs, layers[l].outputs, x, layers[l].inputs,
                             parameters + layers[l].weights, layers[l].stride, parameters + layers[l].biases,
                             layers[l].activation, y, layers[l].outputs);
            x = y;
        }
    }
}

template <class T>
void loss_of_row(Loss loss, std::size_t n, const T* a, const T* y, T* da, T* value) {
    switch (loss) {
        case Loss::mean_squared_error:
            return mean_squared_error<T>(1, n, a, n, y, n, da, n, value);
        case Loss::mean_absolute_error:
            return mean_absolute_error<T>(1, n, a, n, y, n, da, n, value);
        case Loss::huber:
            return huber<T>(1, n, huber_delta<T>, a, n, y, n, da, n, value);
        case Loss::binary_cross_entropy:
            return binary_cross_entropy<T>(1, n, a, n, y, n, da, n, value);
        case Loss::categorical_cross_entropy:
            return categorical_cross_entropy<T>(1, n, a, n, y, n, da, n, value);
        case Loss::cosine_distance:
            return cosine_distance<T>(1, n, a, n, y, n, da, n, value);
    }
}

// A of the first of two layers, and dz of the output.
template <class T>
struct TinyMemory {
    std::size_t lda;
    T *A, *dz;

    explicit TinyMemory(const Training<T>& training)
        : lda(tiny_stride<T>(training.depth, training.layers)),
          A(training.memory),
          dz(A + training.batch * lda) {}
};

template <class T>
void forward_of_tiny(const Samples<T>& samples) noexcept {
    const Training<T>& job = samples.training;
    const TinyMemory<T> memory(job);
    const Layer &first = job.layers[0], &last = job.layers[job.depth - 1];
    const Activation activation = output_activation(job.depth, job.layers, job.loss);
    for (std::size_t i = 0; i < job.batch; ++i) {
        const T* x = samples.x(i);
        if (job.depth == 2) {
            T* const a = memory.A + i * memory.lda;
            dense_forward<T>(1, first.inputs, first.outputs, x, job.ldx, job.parameters + first.weights,
                             first.stride, job.parameters + first.biases, first.activation, a, memory.lda);
            x = a;
        }
        T output;
        dense_forward<T>(1, last.inputs, 1, x, last.inputs, job.parameters + last.weights, last.stride,
                         job.parameters + last.biases, activation, &output, 1);
        T& dz = memory.dz[i];
        loss_of_row(job.loss, 1, &output, samples.y(i), &dz, samples.losses + i);
        dz = static_cast<T>(dz * derivative(activation, wide(output), default_parameter<T>(activation)));
        if (samples.outputs) samples.outputs[i] = output;
    }
}

template <class T>
void update_of_tiny(const Samples<T>& samples) noexcept {
    const Training<T>& job = samples.training;
    const TinyMemory<T> memory(job);
    const T scale = -job.learning_rate / static_cast<T>(job.batch);
    const Layer &first = job.layers[0], &last = job.layers[job.depth - 1];
    const auto step = [&](std::size_t parameter, auto gradient_of) {
        Wide<T> sum = 0;
        for (std::size_t i = 0; i < job.batch; ++i) sum += gradient_of(i);
        T& w = job.parameters[parameter];
        w = static_cast<T>(w + wide(scale) * sum);
    };
    // dz(i): a layer's gradient for one of its outputs in row i.
    const auto step_column = [&](const Layer& layer, std::size_t j, auto input, auto dz) {
        for (std::size_t k = 0; k < layer.inputs; ++k)
            step(layer.weights + k * layer.stride + j, [&](std::size_t i) { return input(i)[k] * dz(i); });
        step(layer.biases + j, dz);
    };
    const auto x = [&](std::size_t i) { return samples.x(i); };
    const auto a = [&](std::size_t i) -> const T* { return memory.A + i * memory.lda; };
    const auto last_dz = [&](std::size_t i) { return wide(memory.dz[i]); };
    if (job.depth == 1) return step_column(first, 0, x, last_dz);
    for (std::size_t j = 0; j < first.outputs; ++j) {
        const T w = job.parameters[last.weights + j];
        step_column(first, j, x, [&](std::size_t i) {
            return wide(memory.dz[i]) * w *
                   derivative(first.activation, wide(a(i)[j]), default_parameter<T>(first.activation));
        });
    }
    step_column(last, 0, a, last_dz);
}

// One layer, too, has dz in memory.
template <class T>
TrainingProgram reference_program(std::size_t depth, const Layer* layers, Loss loss, Method method,
                                  std::size_t batch) noexcept {
    TrainingProgram program = training_program<T>(depth, layers, loss, method, batch);
    if (!program.exists) return program;
    const std::size_t own = method == Method::minibatch ? batch * (tiny_stride<T>(depth, layers) + 1)
                                                        : sample_memory<T>(depth, layers);
    return {true, program.block, own, program.note};
}

template <class T>
std::size_t tiny_steps(const Training<T>& training, std::size_t first, std::size_t steps, T* losses,
                       T* outputs) noexcept {
    const std::size_t batch = training.batch;
    for (std::size_t s = 0; s < steps; ++s) {
        const std::size_t done = s * batch;
        const Samples<T> samples{training, first + done, losses + done, outputs ? outputs + done : nullptr, 1};
        forward_of_tiny(samples);
        for (std::size_t i = 0; i < batch; ++i)
            if (!std::isfinite(samples.losses[i])) return s;
        update_of_tiny(samples);
    }
    return steps;
}

// In exact arithmetic delayed updates are steps after every sample, and that is their definition.
template <class T>
void training_begin(const Training<T>&) noexcept {}
template <class T>
void training_gather(const Training<T>&, std::size_t, std::size_t) noexcept {}
template <class T>
void training_advance(const Training<T>&, std::size_t, std::size_t, std::size_t, std::size_t) noexcept {}
template <class T>
void training_end(const Training<T>&) noexcept {}

template <class T>
std::size_t train_per_sample(const Training<T>& job, std::size_t first, std::size_t count, T* losses, T* outputs,
                             std::size_t ldo) noexcept {
    const Samples<T> samples{job, first, losses, outputs, ldo};
    const Layer& last = job.layers[job.depth - 1];
    const Activation last_activation = output_activation(job.depth, job.layers, job.loss);
    const auto a_of = [&](std::size_t l) { return job.memory + sample_memory<T>(l, job.layers); };
    const auto dz_of = [&](std::size_t l) { return a_of(l) + whole_lines<T>(job.layers[l].outputs); };
    for (std::size_t i = 0; i < count; ++i) {
        const auto input_of = [&](std::size_t l) -> const T* { return l == 0 ? samples.x(i) : a_of(l - 1); };
        for (std::size_t l = 0; l < job.depth; ++l) {
            const Layer& layer = job.layers[l];
            dense_forward<T>(1, layer.inputs, layer.outputs, input_of(l), layer.inputs,
                             job.parameters + layer.weights, layer.stride, job.parameters + layer.biases,
                             l + 1 == job.depth ? last_activation : layer.activation, a_of(l), layer.outputs);
        }
        T *const a = a_of(job.depth - 1), *const dz = dz_of(job.depth - 1);
        loss_of_row(job.loss, last.outputs, a, samples.y(i), dz, losses + i);
        if (outputs) std::copy_n(a, last.outputs, outputs + i * ldo);
        if (!std::isfinite(losses[i])) return i;
        for (std::size_t j = 0; j < last.outputs; ++j)
            dz[j] = static_cast<T>(
                dz[j] * derivative(last_activation, wide(a[j]), default_parameter<T>(last_activation)));
        for (std::size_t l = job.depth; l-- > 0;) {
            const Layer& layer = job.layers[l];
            T* const W = job.parameters + layer.weights;
            if (l > 0)
                dense_backward_input<T>(1, layer.inputs, layer.outputs, dz_of(l), layer.outputs, W, layer.stride,
                                        input_of(l), layer.inputs, job.layers[l - 1].activation, dz_of(l - 1),
                                        layer.inputs);
            dense_update<T>(1, layer.inputs, layer.outputs, input_of(l), layer.inputs, dz_of(l), layer.outputs,
                            -job.learning_rate, W, layer.stride, job.parameters + layer.biases);
        }
    }
    return count;
}

}  // namespace
}  // namespace densimd::kernels
