// Rows forward through whole networks, in one call.
#pragma once

#include "network/register_row.hpp"

namespace densimd::kernels {
namespace {

template <class T>
void forward_row(const Layer& layer, const T* parameters, const T* x, Activation activation, T* y) {
    if (is_narrow<T>(layer))
        with_logits(layer, parameters, x, [&](auto row) DENSIMD_INLINE_LAMBDA {
            activate<T>(activation, row);
            store_row(layer.outputs, row, y);
        });
    else
        own<T>().dense_forward(1, layer.inputs, layer.outputs, x, layer.inputs, parameters + layer.weights,
                             layer.stride, parameters + layer.biases, activation, y, layer.outputs);
}

// The two layers of which has_output_neuron speaks.
template <class T>
void forward_to_output_neuron(const Layer* layers, const T* parameters, const T* x, T* y) {
    const Layer &before = layers[0], &last = layers[1];
    with_logits(before, parameters, x, [&](auto row) DENSIMD_INLINE_LAMBDA {
        activate<T>(before.activation, row);
        decltype(row) w;
        RegisterElement<T> z =
            single_logit(before.outputs, row, parameters + last.weights, parameters + last.biases, w);
        activate<T>(last.activation, z);
        store_row(1, z, y);
    });
}

// Rows a multiple of 1 KiB apart would compete for few sets of the L1 cache.
template <class T>
constexpr std::size_t scratch_stride(std::size_t outputs) {
    const std::size_t padded = whole_lines<T>(outputs);
    return padded * sizeof(T) % 1024 == 0 ? padded + virtual_lanes<T> : padded;
}

// One row through all layers; the activations of every other layer are `half` elements apart.
template <class T>
void forward_one_row(std::size_t depth, const Layer* layers, const T* parameters, const T* x, T* y,
                     T* scratch, std::size_t half) {
    const std::size_t before_output_neuron = has_output_neuron<T>(depth, layers) ? depth - 2 : depth - 1;
    for (std::size_t l = 0; l < before_output_neuron; ++l) {
        T* const a = scratch + (l % 2) * half;
        forward_row(layers[l], parameters, x, layers[l].activation, a);
        x = a;
    }
    if (before_output_neuron + 2 == depth)
        forward_to_output_neuron(layers + before_output_neuron, parameters, x, y);
    else
        forward_row(layers[before_output_neuron], parameters, x, layers[before_output_neuron].activation, y);
}

// From layer to layer, all rows or some at a time, whose activations stay in L1.
template <class T>
void network_forward_kernel(std::size_t batch, std::size_t depth, const Layer* layers, const T* parameters,
                            const T* X, std::size_t ldx, T* out, std::size_t ldo, std::size_t rows,
                            T* scratch) noexcept {
    const std::size_t half = keeps_two_layers(batch, depth) ? forward_scratch<T>(depth, layers, rows) / 2 : 0;
    for (std::size_t row = 0; row < batch; row += rows) {
        const std::size_t count = batch - row < rows ? batch - row : rows;
        const T* x = X + row * ldx;
        T* const result = out + row * ldo;
        if (count == 1) {
            forward_one_row(depth, layers, parameters, x, result, scratch, half);
            continue;
        }
        std::size_t ld = ldx;
        for (std::size_t l = 0; l < depth; ++l) {
            const Layer& layer = layers[l];
            const bool is_last = l + 1 == depth;
            T* const y = is_last ? result : scratch + (l % 2) * half;
            const std::size_t ldy = is_last ? ldo : scratch_stride<T>(layer.outputs);
            own<T>().dense_forward(count, layer.inputs, layer.outputs, x, ld, parameters + layer.weights,
                                 layer.stride, parameters + layer.biases, layer.activation, y, ldy);
            x = y;
            ld = ldy;
        }
    }
}

}  // namespace
}  // namespace densimd::kernels
