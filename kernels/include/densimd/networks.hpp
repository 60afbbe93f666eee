// What networks are made of, for the kernels: activations, losses and layers; and what the kernels that take
// whole networks are given. Names and shapes are those of kernels.hpp.
#pragma once

#include <densimd/version.hpp>

#include <cstddef>

namespace densimd::kernels {

/// What a layer applies to its logits. Each is also a kernel of this name, where its formula stands.
/// leaky_relu has leaky_relu_slope here and elu has elu_alpha.
enum class Activation { identity, sigmoid, tanh, softplus, relu, leaky_relu, elu, gelu, gelu_tanh, silu };

template <class T>
inline constexpr T leaky_relu_slope = T(0.01);
template <class T>
inline constexpr T elu_alpha = T(1);

/// Whether the derivative of an activation is computed from its input, the logits; else from its output.
constexpr bool derivative_needs_logits(Activation activation) noexcept {
    return activation == Activation::gelu || activation == Activation::gelu_tanh ||
           activation == Activation::silu;
}

/// The losses that a network can be trained with. Each is also a kernel of this name, where its formula
/// stands.
enum class Loss {
    mean_squared_error,
    mean_absolute_error,
    huber,                 ///< with huber_delta
    binary_cross_entropy,  ///< targets in [0, 1]; the last layer must be sigmoid; computed from its logits
    /// Targets are the classes' shares, at least 0; normally one-hot. The last layer must be identity, with
    /// an output for each of at least 2 classes. Its outputs, and so predictions, are logits: the kernel
    /// `softmax` makes probabilities of them.
    categorical_cross_entropy,
    cosine_distance,  ///< 1 - cos(prediction, target)
};

/// Loss::huber's delta: where squares of residuals go over into straight lines.
template <class T>
inline constexpr T huber_delta = T(1);

/// Whether a loss is computed from the last layer's logits, whose activation is then left out.
constexpr bool takes_logits(Loss loss) noexcept {
    return loss == Loss::binary_cross_entropy || loss == Loss::categorical_cross_entropy;
}

/// Whether each term of a loss belongs to one output.
constexpr bool has_separate_terms(Loss loss) noexcept {
    return loss != Loss::categorical_cross_entropy && loss != Loss::cosine_distance;
}

/// One layer of a network whose parameters lie in one buffer: W[inputs][outputs] with the leading dimension
/// `stride`, and b[outputs], at offsets in elements.
struct Layer {
    std::size_t inputs, outputs, stride;
    Activation activation;
    std::size_t weights, biases;

    bool operator==(const Layer&) const = default;
};

/// What train_per_sample is given.
template <class T>
struct PerSampleTraining {
    const Layer* layers;  // [depth], depth >= 1; no activation whose derivative needs logits
    std::size_t depth;
    T* parameters;
    Loss loss;
    T learning_rate;
    const T* X;  // [rows][inputs of the first layer]
    std::size_t ldx;
    const T* Y;  // [rows][outputs of the last layer]
    std::size_t ldy;
    const std::size_t* order;  // [samples], the rows to train with one after the other; null: 0, 1, 2, ...
    T* losses;                 // [samples], each before its own update
    T* outputs;                // [samples][outputs of the last layer], or its logits; null: not wanted
    std::size_t ldo;
    T* scratch;  // per_sample_scratch elements

    // For what can_look_ahead, and not within a block; another order of rounding: the first layer's logits of
    // a sample are those with the parameters from before the last step, plus what that step changes, as
    // within a block. So the products with W need not wait for it.
    bool lookahead = false;

    // Within a block of samples whose inputs are known the first layer's W and b may stand still. Then its
    // logits of sample i are those with this W and b, which row i of dZ holds, plus what the steps of the
    // samples before would have added: the sum over s < i of -learning_rate (products[i][s] + 1) dZ[s], with
    // products of samples, x_i . x_s. Each sample leaves its dZ in its row, for dense_update with all of
    // them. X is not read.
    const T* products = nullptr;  // [samples][ldp], of which s < i is read; null: no block
    std::size_t ldp = 0;
    T* dZ = nullptr;  // [samples][outputs of the first layer]
    std::size_t lddz = 0;

    // For what has_transposable_last: W of the last layer, transposed, which is read and updated instead of
    // that among the parameters, where the biases stay; another order of rounding. Null: W is among them.
    T* transposed = nullptr;  // [transposed_size of that layer], see there
};

/// Elements of 16 floats or 8 doubles that hold n.
template <class T>
constexpr std::size_t whole_lines(std::size_t n) noexcept {
    constexpr std::size_t line = 64 / sizeof(T);
    return (n + line - 1) / line * line;
}

/// Networks that train_per_sample can look ahead with: a tiny first layer, alone or before a layer of one
/// output, and a loss whose terms belong to one output each.
inline constexpr std::size_t lookahead_inputs = 64;
template <class T>
constexpr bool can_look_ahead(std::size_t depth, const Layer* layers, Loss loss) noexcept {
    return has_separate_terms(loss) && layers[0].inputs <= lookahead_inputs && layers[0].outputs >= 1 &&
           layers[0].outputs <= whole_lines<T>(1) &&
           (depth == 1 || (depth == 2 && layers[1].outputs == 1 && layers[1].stride == 1));
}

/// The most samples of a block for train_per_sample.
inline constexpr std::size_t longest_block = 64;

/// Networks whose last layer train_per_sample takes transposed: one of several layers, with 2 to 16 float or
/// 8 double outputs.
template <class T>
constexpr bool has_transposable_last(std::size_t depth, const Layer* layers) noexcept {
    return depth > 1 && layers[depth - 1].outputs > 1 && layers[depth - 1].outputs <= whole_lines<T>(1);
}

/// How W of such a layer lies transposed: a line of 16 float or 8 double inputs of one output after the
/// other, with room for a multiple of four outputs, then the next lines; all but the weights are zeros.
/// Behind it is room for the inputs of one sample. Elements of a line of inputs of all outputs, of all of
/// this, and before the weight of input k and output j.
template <class T>
constexpr std::size_t transposed_line(const Layer& layer) noexcept {
    return (layer.outputs + 3) / 4 * 4 * whole_lines<T>(1);
}
template <class T>
constexpr std::size_t transposed_size(const Layer& layer) noexcept {
    return whole_lines<T>(layer.inputs) / whole_lines<T>(1) * (transposed_line<T>(layer) + whole_lines<T>(1));
}
template <class T>
constexpr std::size_t transposed_at(const Layer& layer, std::size_t k, std::size_t j) noexcept {
    constexpr std::size_t line = whole_lines<T>(1);
    return k / line * transposed_line<T>(layer) + j * line + k % line;
}

/// The most inputs that networks of tiny_steps may have, and the fewest rows of such a step: fewer are summed
/// in another order.
inline constexpr std::size_t tiny_inputs = 8, tiny_rows = 16;

/// What tiny_steps is given, for so many steps with mini-batches of `batch` rows.
template <class T>
struct TinyTraining {
    const Layer* layers;  // [depth], of which is_tiny holds; the last derivative needs no logits
    std::size_t depth;
    T* parameters;
    Loss loss;
    T scale;     // -learning_rate / batch
    const T* X;  // [rows][inputs of the first layer]
    std::size_t ldx;
    const T* Y;  // [rows], ldy elements apart
    std::size_t ldy;
    const std::size_t* order;  // [steps * batch], the rows to train with; null: 0, 1, 2, ...
    T* outputs;                // [steps * batch], the last layer's, or its logits; null: not wanted
    T* losses;                 // [steps * batch], each before its own step
    T* A;                      // scratch of two layers: [batch][outputs of the first]
    std::size_t lda;
    T* dz;  // scratch of two layers: [batch]

    /// From one step to the next.
    constexpr void advance(std::size_t batch) noexcept {
        if (order) {
            order += batch;
        } else {
            X += batch * ldx;
            Y += batch * ldy;
        }
        if (outputs) outputs += batch;
        losses += batch;
    }
};

/// Networks that tiny_steps takes: up to tiny_inputs inputs and a single output, with or
/// without a layer of 2 to 16 float or 8 double outputs and a usual activation in between, and a loss whose
/// terms belong to one output each.
template <class T>
constexpr bool is_tiny(std::size_t depth, const Layer* layers, Loss loss) noexcept {
    const Layer &first = layers[0], &last = layers[depth - 1];
    return has_separate_terms(loss) && depth <= 2 && first.inputs >= 1 && first.inputs <= tiny_inputs &&
           last.outputs == 1 && last.stride == 1 &&
           (depth == 1 || (first.outputs >= 2 && first.outputs <= whole_lines<T>(1) &&
                           (first.activation == Activation::sigmoid || first.activation == Activation::tanh ||
                            first.activation == Activation::relu)));
}

/// What the scratch memory of train_per_sample holds: A and dZ of each layer.
template <class T>
constexpr std::size_t per_sample_scratch(std::size_t depth, const Layer* layers) noexcept {
    std::size_t elements = 0;
    for (std::size_t l = 0; l < depth; ++l) elements += 2 * whole_lines<T>(layers[l].outputs);
    return elements;
}

/// What the scratch memory of network_forward holds for so many rows at a time: A of two layers.
template <class T>
constexpr std::size_t forward_scratch(std::size_t depth, const Layer* layers, std::size_t rows) noexcept {
    std::size_t widest = 0;
    for (std::size_t l = 0; l + 1 < depth; ++l)
        if (layers[l].outputs > widest) widest = layers[l].outputs;
    return 2 * rows * (whole_lines<T>(widest) + whole_lines<T>(1));
}

}  // namespace densimd::kernels
