// The programs that train whole networks: which one order.hpp chooses, and what its memory holds. The same for every ISA.
#pragma once

#include <cstddef>

#include <densimd/networks.hpp>
#include <densimd/stride.hpp>

#include "order.hpp"

namespace densimd::kernels {
namespace {

// The last layer's activation; none if the loss takes logits.
constexpr Activation output_activation(std::size_t depth, const Layer* layers, Loss loss) {
    return takes_logits(loss) ? Activation::identity : layers[depth - 1].activation;
}

// How W of a last layer lies transposed: a line of 16 float or 8 double inputs of one output after the other, with room
// for a multiple of four outputs, then the next lines. Elements of a line of inputs of all outputs, and before the
// weight of input k and output j.
template <class T>
constexpr std::size_t transposed_line(const Layer& layer) {
    return (layer.outputs + 3) / 4 * 4 * whole_lines<T>(1);
}
template <class T>
constexpr std::size_t transposed_at(const Layer& layer, std::size_t k, std::size_t j) {
    constexpr std::size_t line = whole_lines<T>(1);
    return k / line * transposed_line<T>(layer) + j * line + k % line;
}

// A and dZ of each layer, for one sample: elements, and before those of layer l.
template <class T>
constexpr std::size_t sample_memory(std::size_t l, const Layer* layers) {
    std::size_t elements = 0;
    for (std::size_t i = 0; i < l; ++i) elements += 2 * whole_lines<T>(layers[i].outputs);
    return elements;
}

// A and dz of a mini-batch of a tiny network.
template <class T>
constexpr std::size_t tiny_stride(std::size_t depth, const Layer* layers) {
    return depth == 1 ? 0 : padded_stride<T>(layers[0].outputs);
}
template <class T>
constexpr std::size_t tiny_memory(std::size_t depth, const Layer* layers, std::size_t batch) {
    return depth != 2 ? 0 : batch * (tiny_stride<T>(depth, layers) + 1);
}

// The memory of delayed updates in blocks, behind sample_memory: offsets in elements. There are two halves: while the
// samples of one block train, the next block is gathered in the other.
template <class T>
struct BlockLayout {
    std::size_t ldx, lddz;                                    // of X and dZ
    std::size_t notes, products, inputs, gradients, weights;  // [2] halves each, but for the weights
    std::size_t size;

    constexpr BlockLayout(std::size_t depth, const Layer* layers)
        : ldx(padded_stride<T>(layers[0].inputs)),
          lddz(padded_stride<T>(layers[0].outputs)),
          notes(sample_memory<T>(depth, layers)),
          products(notes + whole_lines<T>(4)),
          inputs(products + 2 * longest_block * longest_block),
          gradients(inputs + 2 * whole_lines<T>(block(layers) * ldx)),
          weights(gradients + 2 * whole_lines<T>(block(layers) * lddz)),
          size(weights + transposed_memory(depth, layers)) {}

    static constexpr std::size_t block(const Layer* layers) {
        return block_length(layers[0].inputs, layers[0].outputs);
    }

  private:
    // W transposed, the inputs of one sample, b and dz.
    static constexpr std::size_t transposed_memory(std::size_t depth, const Layer* layers) {
        if (!has_transposable_last<T>(depth, layers)) return 0;
        constexpr std::size_t line = whole_lines<T>(1);
        const Layer& last = layers[depth - 1];
        return whole_lines<T>(last.inputs) / line * (transposed_line<T>(last) + line) + 2 * line;
    }
};

template <class T>
TrainingProgram training_program(std::size_t depth, const Layer* layers, Loss loss, Method method,
                                 std::size_t batch) noexcept {
    switch (method) {
        case Method::per_sample:
            return {true, 1, sample_memory<T>(depth, layers), ""};
        case Method::delayed_updates:
            if (can_look_ahead<T>(depth, layers, loss)) return {true, 1, 0, "looks ahead"};
            return {true, BlockLayout<T>::block(layers), BlockLayout<T>(depth, layers).size,
                    has_transposable_last<T>(depth, layers) ? "last layer transposed" : ""};
        case Method::minibatch:
            return {batch >= tiny_rows && is_tiny<T>(depth, layers, loss), 1, tiny_memory<T>(depth, layers, batch), ""};
    }
    return {false, 1, 0, ""};
}

// Whether training works in blocks.
template <class T>
constexpr bool has_blocks(const Training<T>& training) {
    return training.method == Method::delayed_updates &&
           !can_look_ahead<T>(training.depth, training.layers, training.loss);
}

// The samples from `first` on of a Training, and where their losses and outputs go.
template <class T>
struct Samples {
    const Training<T>& training;
    std::size_t first;
    T *losses, *outputs;  // outputs: null if not wanted
    std::size_t ldo;

    std::size_t row(std::size_t i) const { return training.order ? training.order[first + i] : first + i; }
    const T* x(std::size_t i) const { return training.X + row(i) * training.ldx; }
    const T* y(std::size_t i) const { return training.Y + row(i) * training.ldy; }
};

}  // namespace
}  // namespace densimd::kernels
