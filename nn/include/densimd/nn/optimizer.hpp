// Optimisers: how the parameters follow the gradient, and what they remember from step to step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <densimd/kernels.hpp>
#include <densimd/nn/memory.hpp>
#include <densimd/version.hpp>

namespace densimd::nn {

/// Formulas: densimd/kernels.hpp, sgd_step to adamw_step. The gradient is the mean over the batch, so a
/// learning rate means the same at every batch size.
struct Optimizer {
    enum class Method { sgd, momentum, nesterov, adam, adamw };

    Method method = Method::sgd;
    double learning_rate = 0.1;         ///< at least 0
    double momentum = 0.9;              ///< of momentum and nesterov, in [0, 1)
    double beta1 = 0.9, beta2 = 0.999;  ///< of adam and adamw, in [0, 1)
    double epsilon = 1e-8;      ///< of adam and adamw; at least 4e-18, or sqrt(smallest normal / (1 - beta2))
    double weight_decay = 0;    ///< of weights and biases alike, at least 0
    double max_gradient_norm =  ///< a longer gradient, of all layers together, is
        std::numeric_limits<double>::infinity();  ///< scaled down to this length; at least 1.2e-13 (1.6e-148
                                                  ///< in double)
};

constexpr Optimizer sgd(double learning_rate) { return {.learning_rate = learning_rate}; }
constexpr Optimizer momentum(double learning_rate, double momentum = 0.9) {
    return {.method = Optimizer::Method::momentum, .learning_rate = learning_rate, .momentum = momentum};
}
constexpr Optimizer nesterov(double learning_rate, double momentum = 0.9) {
    return {.method = Optimizer::Method::nesterov, .learning_rate = learning_rate, .momentum = momentum};
}
constexpr Optimizer adam(double learning_rate = 0.001) {
    return {.method = Optimizer::Method::adam, .learning_rate = learning_rate};
}
constexpr Optimizer adamw(double learning_rate = 0.001, double weight_decay = 0.01) {
    return {.method = Optimizer::Method::adamw, .learning_rate = learning_rate, .weight_decay = weight_decay};
}

/// The state of a method after its steps so far. The vectors are laid out like the parameters.
template <class T>
struct OptimizerState {
    Optimizer::Method method = Optimizer::Method::sgd;
    AlignedVector<T> first_moment;       ///< momentum's and nesterov's velocity, adam's and adamw's m
    AlignedVector<T> second_moment;      ///< adam's and adamw's v
    T beta1_power = 1, beta2_power = 1;  ///< to the number of steps

    bool operator==(const OptimizerState&) const = default;
};

/// Which ISAs train with the same bits: those with fused multiply-add, which are AVX2, AVX-512 and NEON;
/// baseline rounds products and sums separately.
enum class Rounding { unknown, fused, separate };

/// What to do with a state that was trained with another rounding, from which training would not go on bit
/// for bit.
enum class OtherRounding { refuse, accept };

/// Everything that training depends on: a network with this state continues bit for bit as the network that
/// it was taken from would have. The order of an epoch's rows is a function of the seed and the epoch's
/// number.
template <class T>
struct TrainingState {
    std::vector<kernels::Layer> layers;  ///< what `parameters` are laid out for
    AlignedVector<T> parameters;
    OptimizerState<T> optimizer;
    std::uint64_t seed = 0;
    std::size_t epochs_trained = 0;
    std::size_t steps_trained = 0;  ///< updates over the life of the network, by fit and train_step
    Rounding rounding = Rounding::unknown;

    bool operator==(const TrainingState&) const = default;
};

}  // namespace densimd::nn
