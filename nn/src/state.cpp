// What training goes on from: the optimiser's state and the whole.
#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include <densimd/nn/network.hpp>

#include "check.hpp"
#include "descent.hpp"

namespace densimd::nn {
template <class T>
OptimizerState<T> BasicNetwork<T>::prepare(const Optimizer& optimizer) {
    if (!is_plain_descent(optimizer)) gradient_.resize(parameters_.size());
    if (optimizer.method == optimizer_state_.method) return {};
    return std::exchange(optimizer_state_, fresh_state<T>(optimizer.method, parameters_.size()));
}

template <class T>
void BasicNetwork<T>::reset_optimizer(const Optimizer& optimizer) {
    check_optimizer<T>(optimizer);
    prepare(optimizer);
    optimizer_state_ = fresh_state<T>(optimizer.method, parameters_.size());
}

template <class T>
TrainingState<T> BasicNetwork<T>::training_state() const {
    return {layers_, parameters_, optimizer_state_, seed_, epochs_trained_};
}

template <class T>
void BasicNetwork<T>::restore(const TrainingState<T>& state) {
    const OptimizerState<T>& optimizer = state.optimizer;
    if (state.layers != layers_)
        throw Error("restore: the state is of a network " + shape_of(state.layers) + "; expected " +
                    shape_of(layers_) + " with the same activations");
    const auto check = [](const char* what, const AlignedVector<T>& found, std::size_t expected) {
        if (found.size() != expected)
            throw Error("restore: the state has " + std::to_string(found.size()) + " " + what +
                        "; expected " + std::to_string(expected));
    };
    if (optimizer.method < Optimizer::Method::sgd || optimizer.method > Optimizer::Method::adamw)
        throw Error("restore: the state has an unknown optimizer");
    const OptimizerState<T> fresh = fresh_state<T>(optimizer.method, parameters_.size());
    check("parameters", state.parameters, parameters_.size());
    check("elements of the first moment", optimizer.first_moment, fresh.first_moment.size());
    check("elements of the second moment", optimizer.second_moment, fresh.second_moment.size());
    // A number outside of [lowest, highest], or a NaN.
    const auto check_each = [](const char* what, std::span<const T> numbers, T lowest, T highest,
                               const char* expected) {
        const auto found = std::ranges::find_if(numbers, [=](T n) { return !(n >= lowest && n <= highest); });
        if (found != numbers.end())
            throw Error("restore: the state has " + text(static_cast<double>(*found)) + " for " + what + " " +
                        std::to_string(found - numbers.begin()) + " (counted from 0); expected " + expected);
    };
    using Limits = std::numeric_limits<T>;
    check_each("parameter", state.parameters, Limits::lowest(), Limits::max(), "finite numbers");
    // Squares of finite gradients can be infinite.
    check_each("first moment", optimizer.first_moment, -Limits::infinity(), Limits::infinity(), "numbers");
    check_each("second moment", optimizer.second_moment, T(0), Limits::infinity(), "at least 0");
    const T powers[] = {optimizer.beta1_power, optimizer.beta2_power};
    check_each("power of beta", powers, T(0), T(1), "at least 0 and at most 1");
    if (optimizer.method != Optimizer::Method::sgd) gradient_.resize(parameters_.size());
    optimizer_state_ = OptimizerState<T>(optimizer);
    std::ranges::copy(state.parameters, parameters_.begin());
    seed_ = state.seed;
    epochs_trained_ = state.epochs_trained;
}

#define DENSIMD_INSTANTIATE(T)                                             \
    template OptimizerState<T> BasicNetwork<T>::prepare(const Optimizer&); \
    template void BasicNetwork<T>::reset_optimizer(const Optimizer&);      \
    template TrainingState<T> BasicNetwork<T>::training_state() const;     \
    template void BasicNetwork<T>::restore(const TrainingState<T>&);
DENSIMD_INSTANTIATE(float)
DENSIMD_INSTANTIATE(double)
#undef DENSIMD_INSTANTIATE

}  // namespace densimd::nn
