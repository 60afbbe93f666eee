// The definitions of the kernels that work on whole networks, layer by layer.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

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

template <class T>
std::size_t row_of(const TinyTraining<T>& job, std::size_t i) {
    return job.order ? job.order[i] : i;
}
template <class T>
const T* input_of(const TinyTraining<T>& job, std::size_t i) {
    return job.X + row_of(job, i) * job.ldx;
}

template <class T>
void forward_of_tiny(std::size_t batch, const TinyTraining<T>& job) noexcept {
    const Layer &first = job.layers[0], &last = job.layers[job.depth - 1];
    const Activation activation = takes_logits(job.loss) ? Activation::identity : last.activation;
    for (std::size_t i = 0; i < batch; ++i) {
        const T* x = input_of(job, i);
        if (job.depth == 2) {
            T* const a = job.A + i * job.lda;
            dense_forward<T>(1, first.inputs, first.outputs, x, job.ldx, job.parameters + first.weights,
                             first.stride, job.parameters + first.biases, first.activation, a, job.lda);
            x = a;
        }
        T output;
        dense_forward<T>(1, last.inputs, 1, x, job.lda, job.parameters + last.weights, last.stride,
                         job.parameters + last.biases, activation, &output, 1);
        loss_of_row(job.loss, 1, &output, job.Y + row_of(job, i) * job.ldy, job.dz + i, job.losses + i);
        job.dz[i] = static_cast<T>(job.dz[i] *
                                   derivative(activation, wide(output), default_parameter<T>(activation)));
        if (job.outputs) job.outputs[i] = output;
    }
}

template <class T>
void update_of_tiny(std::size_t batch, const TinyTraining<T>& job) noexcept {
    const Layer &first = job.layers[0], &last = job.layers[job.depth - 1];
    const auto step = [&](std::size_t parameter, auto gradient_of) {
        Wide<T> sum = 0;
        for (std::size_t i = 0; i < batch; ++i) sum += gradient_of(i);
        T& w = job.parameters[parameter];
        w = static_cast<T>(w + wide(job.scale) * sum);
    };
    // dz(i): a layer's gradient for one of its outputs in row i.
    const auto step_column = [&](const Layer& layer, std::size_t j, auto input, auto dz) {
        for (std::size_t k = 0; k < layer.inputs; ++k)
            step(layer.weights + k * layer.stride + j, [&](std::size_t i) { return input(i)[k] * dz(i); });
        step(layer.biases + j, dz);
    };
    const auto x = [&](std::size_t i) { return input_of(job, i); };
    const auto a = [&](std::size_t i) -> const T* { return job.A + i * job.lda; };
    const auto last_dz = [&](std::size_t i) { return wide(job.dz[i]); };
    if (job.depth == 1) return step_column(first, 0, x, last_dz);
    for (std::size_t j = 0; j < first.outputs; ++j) {
        const T w = job.parameters[last.weights + j];
        step_column(first, j, x, [&](std::size_t i) {
            return wide(job.dz[i]) * w *
                   derivative(first.activation, wide(a(i)[j]), default_parameter<T>(first.activation));
        });
    }
    step_column(last, 0, a, last_dz);
}

template <class T>
std::size_t tiny_steps(std::size_t steps, std::size_t batch, const TinyTraining<T>& job) noexcept {
    TinyTraining<T> step = job;
    for (std::size_t s = 0; s < steps; ++s) {
        forward_of_tiny(batch, step);
        for (std::size_t i = 0; i < batch; ++i)
            if (!std::isfinite(step.losses[i])) return s;
        update_of_tiny(batch, step);
        step.advance(batch);
    }
    return steps;
}

// A layer's activations and, behind them, its gradients.
template <class T>
struct LayerScratch {
    T *a, *dz;
};
template <class T>
LayerScratch<T> scratch_of(const PerSampleTraining<T>& job, std::size_t sample, std::size_t l) {
    T* const a = job.scratch + per_sample_scratch<T>(l, job.layers);
    const bool in_block = l == 0 && job.products;
    return {a, in_block ? job.dZ + sample * job.lddz : a + whole_lines<T>(job.layers[l].outputs)};
}

// The last layer's weights change places with those in job.transposed.
template <class T>
void exchange_last_layer(const PerSampleTraining<T>& job) {
    const Layer& last = job.layers[job.depth - 1];
    for (std::size_t k = 0; k < last.inputs; ++k)
        for (std::size_t j = 0; j < last.outputs; ++j)
            std::swap(job.parameters[last.weights + k * last.stride + j],
                      job.transposed[transposed_at<T>(last, k, j)]);
}

template <class T>
std::size_t train_in_place(std::size_t samples, const PerSampleTraining<T>& job) {
    const Layer& last = job.layers[job.depth - 1];
    for (std::size_t i = 0; i < samples; ++i) {
        const std::size_t row = job.order ? job.order[i] : i;
        const auto input_of = [&](std::size_t l) {
            return l == 0 ? job.X + row * job.ldx : scratch_of(job, i, l - 1).a;
        };
        for (std::size_t l = 0; l < job.depth; ++l) {
            const Layer& layer = job.layers[l];
            const bool logits = l + 1 == job.depth && takes_logits(job.loss);
            const Activation activation = logits ? Activation::identity : layer.activation;
            const auto [a, dz] = scratch_of(job, i, l);
            if (l == 0 && job.products) {
                T G[longest_block];
                for (std::size_t s = 0; s < i; ++s)
                    G[s] = -job.learning_rate * (job.products[i * job.ldp + s] + 1);
                dense_forward<T>(1, i, layer.outputs, G, i, job.dZ, job.lddz, dz, activation, a,
                                 layer.outputs);
            } else
                dense_forward<T>(1, layer.inputs, layer.outputs, input_of(l), layer.inputs,
                                 job.parameters + layer.weights, layer.stride, job.parameters + layer.biases,
                                 activation, a, layer.outputs);
        }
        const auto [a, dz] = scratch_of(job, i, job.depth - 1);
        loss_of_row(job.loss, last.outputs, a, job.Y + row * job.ldy, dz, job.losses + i);
        if (job.outputs) std::copy_n(a, last.outputs, job.outputs + i * job.ldo);
        if (!std::isfinite(job.losses[i])) return i;
        if (!takes_logits(job.loss))
            for (std::size_t j = 0; j < last.outputs; ++j)
                dz[j] = static_cast<T>(
                    dz[j] * derivative(last.activation, wide(a[j]), default_parameter<T>(last.activation)));
        for (std::size_t l = job.depth; l-- > (job.products ? 1 : 0);) {
            const Layer& layer = job.layers[l];
            T* const W = job.parameters + layer.weights;
            const T* const dZ = scratch_of(job, i, l).dz;
            if (l > 0)
                dense_backward_input<T>(1, layer.inputs, layer.outputs, dZ, layer.outputs, W, layer.stride,
                                        input_of(l), layer.inputs, job.layers[l - 1].activation,
                                        scratch_of(job, i, l - 1).dz, layer.inputs);
            dense_update<T>(1, layer.inputs, layer.outputs, input_of(l), layer.inputs, dZ, layer.outputs,
                            -job.learning_rate, W, layer.stride, job.parameters + layer.biases);
        }
    }
    return samples;
}

template <class T>
std::size_t train_per_sample(std::size_t samples, const PerSampleTraining<T>& job) noexcept {
    if (job.transposed) exchange_last_layer(job);
    const std::size_t done = train_in_place(samples, job);
    if (job.transposed) exchange_last_layer(job);
    return done;
}

}  // namespace
}  // namespace densimd::kernels
