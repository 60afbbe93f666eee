// What networks are made of, for the kernels: activations, losses and layers; and what the kernels that train
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

/// Elements of 16 floats or 8 doubles that hold n.
template <class T>
constexpr std::size_t whole_lines(std::size_t n) noexcept {
    constexpr std::size_t line = 64 / sizeof(T);
    return (n + line - 1) / line * line;
}

/// How a network is trained by stochastic gradient descent. The method fixes the order of rounding.
enum class Method {
    per_sample,  ///< a step after every sample, with the bits of the layers' kernels one by one
    /// The same steps, but the first layer's weights take them later, many at a time. Until then a low-rank
    /// correction adds to each sample's logits what the pending steps would have changed.
    delayed_updates,
    minibatch,  ///< a step with the mean gradient of every `batch` samples, with the bits of the layers' kernels
};

/// What is to be trained, with which samples, and how. `memory` is that of the program that training_program
/// names; what it holds is the kernels' own.
template <class T>
struct Training {
    const Layer* layers;  // [depth], depth >= 1; no activation whose derivative needs logits
    std::size_t depth;
    T* parameters;
    Loss loss;
    Method method;
    std::size_t batch;  // 1 unless the method is minibatch
    T learning_rate;
    const T* X;  // [rows][inputs of the first layer]
    std::size_t ldx;
    const T* Y;  // [rows][outputs of the last layer]
    std::size_t ldy;
    const std::size_t* order;  // sample i is row order[i] of X and Y; null: row i
    T* memory;                 // TrainingProgram::memory elements, in use from training_begin to training_end
};

/// How the kernels carry out a Training.
struct TrainingProgram {
    bool exists;         ///< false: there is none for this network, and the layers' kernels have to do
    std::size_t block;   ///< samples that share the first layer's products, if more than 1
    std::size_t memory;  ///< elements; but for delayed_updates by the widths and the batch alone, growing with it
    const char* note;    ///< what is special about it, for people; may be empty
};

/// What the scratch memory of network_forward holds for so many rows at a time: A of two layers.
template <class T>
constexpr std::size_t forward_scratch(std::size_t depth, const Layer* layers, std::size_t rows) noexcept {
    std::size_t widest = 0;
    for (std::size_t l = 0; l + 1 < depth; ++l)
        if (layers[l].outputs > widest) widest = layers[l].outputs;
    return 2 * rows * (whole_lines<T>(widest) + whole_lines<T>(1));
}

}  // namespace densimd::kernels
