// The optimiser's state and the training state: save, check, restore.
#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include <densimd/kernels.hpp>
#include <densimd/nn/network.hpp>
#include <densimd/subnormals.hpp>

#include "check.hpp"
#include "model/layout.hpp"
#include "model/names.hpp"
#include "training/check_optimizer.hpp"
#include "training/optimizer_step.hpp"

namespace densimd::nn {
namespace {

template <class T>
Rounding rounding_of(const kernels::Kernels<T>* kernels) {
    return kernels == kernels::find_table<T>(kernels::Isa::baseline) ? Rounding::separate : Rounding::fused;
}

const char* name(Rounding rounding) {
    return rounding == Rounding::fused ? "with fused multiply-add" : "without fused multiply-add";
}

// What a network of these layers was made with.
template <class T>
NetworkOptions options_of(const TrainingState<T>& state) {
    if (state.layers.empty()) throw Error("network: the state has no layers; expected at least 1");
    NetworkOptions options{.inputs = state.layers.front().inputs, .layers = {}, .seed = state.seed};
    for (const Dense& layer : state.layers) options.layers.push_back({layer.outputs, layer.activation});
    const std::size_t expected = parameters_of<T>(lay_out<T>(options));
    if (state.parameters.size() != expected)
        throw Error("network: the state has " + std::to_string(state.parameters.size()) +
                    " parameters; expected " + std::to_string(expected) + " for " + shape_of(state.layers));
    return options;
}

// Copies with the memory that `to` has: to reserve may throw, and changes nothing.
template <class T>
void reserve_like(const OptimizerState<T>& from, OptimizerState<T>& to) {
    to.first_moment.reserve(from.first_moment.size());
    to.second_moment.reserve(from.second_moment.size());
}

}  // namespace

template <class T>
BasicNetwork<T>::BasicNetwork(const TrainingState<T>& state, OtherRounding other)
    : BasicNetwork(options_of(state)) {
    restore(state, other);
}

template <class T>
bool BasicNetwork<T>::has_memory_for(const Optimizer& optimizer) const noexcept {
    return is_plain_descent(optimizer) || !gradient_.empty();
}

template <class T>
OptimizerState<T> BasicNetwork<T>::prepare(const Optimizer& optimizer) {
    if (!has_memory_for(optimizer)) gradient_.resize(parameters_.size());
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
    TrainingState<T> state;
    training_state(state);
    return state;
}

template <class T>
void BasicNetwork<T>::training_state(TrainingState<T>& into) const {
    into.layers = layers_;
    into.parameters = parameters_;
    into.optimizer = optimizer_state_;
    into.seed = seed_;
    into.epochs_trained = epochs_trained_;
    into.steps_trained = steps_trained_;
    into.rounding = rounding_of(kernels_);
}

template <class T>
bool BasicNetwork<T>::restore(const TrainingState<T>& state, OtherRounding other) {
    const kernels::FlushSubnormals flush;
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
    const std::size_t moments = moments_of(optimizer.method);
    check("parameters", state.parameters, parameters_.size());
    check("elements of the first moment", optimizer.first_moment, moments > 0 ? parameters_.size() : 0);
    check("elements of the second moment", optimizer.second_moment, moments > 1 ? parameters_.size() : 0);
    // A number outside of [lowest, highest], or a NaN.
    const auto find = [](std::span<const T> numbers, T lowest, T highest) {
        const auto found = std::ranges::find_if(numbers, [=](T n) { return !(n >= lowest && n <= highest); });
        return static_cast<std::size_t>(found - numbers.begin());
    };
    const auto check_each = [&](const char* what, std::span<const T> numbers, T lowest,
                                const char* expected) {
        const std::size_t i = find(numbers, lowest, std::numeric_limits<T>::max());
        if (i < numbers.size())
            throw Error(std::string("restore: the state has ") + text(static_cast<double>(numbers[i])) +
                        " for " + what + " of " + parameter_name(layers_, i) +
                        " (counted from 0); expected " + expected);
    };
    constexpr T lowest = std::numeric_limits<T>::lowest();
    check_each("the value", state.parameters, lowest, "finite numbers");
    check_each("the first moment", optimizer.first_moment, lowest, "finite numbers");
    check_each("the second moment", optimizer.second_moment, T(0), "finite numbers of at least 0");
    const T powers[] = {optimizer.beta1_power, optimizer.beta2_power};
    if (const std::size_t i = find(powers, T(0), T(1)); i < 2)
        throw Error("restore: the state has " + text(static_cast<double>(powers[i])) +
                    " for the power of beta" + std::to_string(i + 1) + "; expected at least 0 and at most 1");
    const Rounding own = rounding_of(kernels_);
    if (state.rounding != own && state.rounding != Rounding::unknown && other == OtherRounding::refuse)
        throw Error(std::string("restore: the state was trained ") + name(state.rounding) +
                    ", but this network computes " + name(own) +
                    ", so training would not go on bit for bit; OtherRounding::accept goes on all the same");
    if (optimizer.method != Optimizer::Method::sgd) gradient_.resize(parameters_.size());
    reserve_like(optimizer, optimizer_state_);
    roll_back(state);
    return state.rounding == own;
}

template <class T>
void BasicNetwork<T>::roll_back(const TrainingState<T>& state) {
    optimizer_state_ = state.optimizer;
    std::ranges::copy(state.parameters, parameters_.begin());
    seed_ = state.seed;
    epochs_trained_ = state.epochs_trained;
    steps_trained_ = state.steps_trained;
}

#define DENSIMD_INSTANTIATE(T)                                                      \
    template BasicNetwork<T>::BasicNetwork(const TrainingState<T>&, OtherRounding); \
    template bool BasicNetwork<T>::has_memory_for(const Optimizer&) const noexcept; \
    template OptimizerState<T> BasicNetwork<T>::prepare(const Optimizer&);          \
    template void BasicNetwork<T>::reset_optimizer(const Optimizer&);               \
    template TrainingState<T> BasicNetwork<T>::training_state() const;              \
    template void BasicNetwork<T>::training_state(TrainingState<T>&) const;         \
    template bool BasicNetwork<T>::restore(const TrainingState<T>&, OtherRounding); \
    template void BasicNetwork<T>::roll_back(const TrainingState<T>&);
DENSIMD_INSTANTIATE(float)
#if DENSIMD_DOUBLE
DENSIMD_INSTANTIATE(double)
#endif
#undef DENSIMD_INSTANTIATE

}  // namespace densimd::nn
