// Delayed updates in blocks of K = 16 to 32 samples. With X the inputs of a block's samples, W and b the first layer's
// parameters at its beginning and dz_s the layer's gradient for sample s, the logits of sample t are
//
//     z_t = x_t W + b + sum over s < t of G[t][s] dz_s,    G[t][s] = -learning_rate (x_t . x_s + 1),
//
// and after the block W -= learning_rate X^T dZ: products of matrices. In exact arithmetic that is a step after every
// sample. delayed_registers.hpp is the same for K = 1.
#pragma once

#include <cstring>
#include <limits>

#include "network/output.hpp"

namespace densimd::kernels {
namespace {

// A block's half of the memory.
template <class T>
struct Block {
    const Training<T>& training;
    const Layer& layer = training.layers[0];
    BlockLayout<T> layout{training.depth, training.layers};
    std::size_t length = BlockLayout<T>::block(training.layers), half;

    Block(const Training<T>& all, std::size_t first) : training(all), half(first / length % 2) {}
    Block before() const {
        Block other = *this;
        other.half = 1 - half;
        return other;
    }

    T* X() const { return at(layout.inputs, whole_lines<T>(length * layout.ldx)); }
    T* products() const { return at(layout.products, ldp * longest_block); }  // x_t . x_s
    // On the way to a sample's turn its row holds x W + b, then its logits, then dz.
    T* dZ() const { return at(layout.gradients, whole_lines<T>(length * layout.lddz)); }
    // Whether G is sure to be finite: where inputs are so large that it is not, the updates are not delayed.
    T& is_delayed() const { return *at(layout.notes, 1); }
    // How many rows of dZ are steps that the first layer has yet to take.
    T& pending() const { return *at(layout.notes + 2, 1); }

    static constexpr std::size_t ldp = longest_block;

  private:
    T* at(std::size_t offset, std::size_t size) const { return training.memory + offset + half * size; }
};

// Of the products of samples only what is below the diagonal will be read. None is larger than the largest on the
// diagonal, by Cauchy and Schwarz.
template <class T>
void training_gather_kernel(const Training<T>& training, std::size_t first, std::size_t count) noexcept {
    if (count == 0 || !has_blocks(training)) return;
    const Block<T> block(training, first);
    const Samples<T> samples{training, first, nullptr, nullptr, 0};
    const std::size_t inputs = block.layer.inputs, ldx = block.layout.ldx, ldp = block.ldp;
    T *const X = block.X(), *const products = block.products();
    for (std::size_t i = 0; i < count; ++i) std::memcpy(X + i * ldx, samples.x(i), inputs * sizeof(T));
    constexpr std::size_t rows_per_call = 4;
    constexpr T largest = std::numeric_limits<T>::max() / 4;  // far from where rounding could matter
    bool finite = true;
    for (std::size_t t = 0; t < count; t += rows_per_call) {
        const std::size_t rows = count - t < rows_per_call ? count - t : rows_per_call;
        own<T>().dense_backward_input_rows(1, rows, t + rows, inputs, X + t * ldx, ldx, X, ldx, nullptr, 0,
                                           Activation::identity, products + t * ldp, ldp);
        for (std::size_t i = t; i < t + rows; ++i) {
            const T square = products[i * ldp + i] + 1;
            finite = finite && square <= largest && training.learning_rate * square <= largest;
        }
    }
    block.is_delayed() = finite ? T(1) : T(0);
}

template <class T>
void training_advance_kernel(const Training<T>& training, std::size_t first, std::size_t count,
                             std::size_t column, std::size_t columns) noexcept {
    if (!has_blocks(training)) return;
    const Block<T> next(training, first), before = next.before();
    const Layer& layer = next.layer;
    const std::size_t ldx = next.layout.ldx, lddz = next.layout.lddz;
    T *const W = training.parameters + layer.weights, *const b = training.parameters + layer.biases;
    if (const auto pending = static_cast<std::size_t>(before.pending()))
        own<T>().dense_update(pending, layer.inputs, columns, before.X(), ldx, before.dZ() + column, lddz,
                              -training.learning_rate, W + column, layer.stride, b + column);
    if (count > 0)
        own<T>().dense_forward_columns(count, layer.inputs, layer.outputs, column, columns, next.X(), ldx, W,
                                       layer.stride, b, Activation::identity, next.dZ(), lddz);
}

// What the steps of a block so far add to the logits in z, and the activation. In registers: the next layer waits for
// it.
template <class T>
void add_steps(const Layer& layer, Activation activation, std::size_t steps, const T* G, const T* dZ, std::size_t lddz,
               const T* z, T* a) {
    const auto columns = [&](std::size_t j, std::size_t count, auto vectors, auto kind) DENSIMD_INLINE_LAMBDA {
        constexpr std::size_t n = decltype(vectors)::value;
        constexpr bool partial = decltype(kind)::partial;
        Batch<T> sum[n];
        logits_of_row<2, partial>(steps, count, G, dZ + j, lddz, DirectB{}, z + j, sum);
        with_activation<T>(activation, [&](const auto& function) DENSIMD_INLINE_LAMBDA {
            if constexpr (!requires { function == nullptr; }) activate_all(function, sum);
            return sum[0];
        });
        for_each_vector_of_row<n, partial, T>(
            count, [&](std::size_t v, std::size_t k, std::size_t left, auto ends)
                       DENSIMD_INLINE_LAMBDA { store<ends>(a + j + k, left, sum[v]); });
    };
    constexpr std::size_t w = vector_size<T>;
    std::size_t j = 0;
    for (; j + 4 * w <= layer.outputs; j += 4 * w)
        columns(j, 4 * w, std::integral_constant<std::size_t, 4>{}, Full{});
    for_each_vector<T>(layer.outputs - j,
                       [&](std::size_t k, std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
                           columns(j + k, count, std::integral_constant<std::size_t, 1>{}, kind);
                       });
}

// The first layer's outputs `a` of the block's sample t, after t steps; its logits stay in dZ.
template <class T>
void forward_delayed(const Block<T>& block, std::size_t t, Activation activation, T* a) {
    const Layer& layer = block.layer;
    const std::size_t lddz = block.layout.lddz;
    T *const dZ = block.dZ(), *const z = dZ + t * lddz;
    const Batch<T> factor(-block.training.learning_rate), one(T(1));
    alignas(64) T G[longest_block];  // in whole vectors: masked stores do not forward to loads
    for_each_vector<T>(t, [&](std::size_t s, std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
        const T* const products = block.products() + t * block.ldp + s;
        store<false>(G + s, count, factor * (load<decltype(kind)::partial>(products, count) + one));
    });
    if (adds_steps_in_registers(layer, machine<T>))
        add_steps(layer, activation, t, G, dZ, lddz, z, a);
    else
        own<T>().dense_forward(1, t, layer.outputs, G, t, dZ, lddz, z, activation, a, layer.outputs);
}

}  // namespace
}  // namespace densimd::kernels
