// Steps of optimisers.
#include "training/optimizer_step.hpp"

#include <limits>

#include "check.hpp"
#include "model/names.hpp"
#include "parallel/range.hpp"

namespace densimd::nn {
namespace {

using Method = Optimizer::Method;

// "adam's second moment" ...
const char* state_name(Method method, bool second) {
    switch (method) {
        case Method::momentum:
        case Method::nesterov:
            return "the velocity";
        case Method::adam:
            return second ? "adam's second moment" : "adam's first moment";
        case Method::adamw:
            return second ? "adamw's second moment" : "adamw's first moment";
        case Method::sgd:
            break;
    }
    return "the direction";
}

}  // namespace

std::string text(const Overflow& overflow, const std::vector<Dense>& layers) {
    return std::string(overflow.state) + " of " + parameter_name(layers, overflow.parameter) +
           " (counted from 0) would become infinite, from a gradient of " + text(overflow.gradient);
}

template <class T>
OptimizerState<T> fresh_state(Method method, std::size_t parameters) {
    OptimizerState<T> state;
    state.method = method;
    if (moments_of(method) > 0) state.first_moment.resize(parameters);
    if (moments_of(method) > 1) state.second_moment.resize(parameters);
    return state;
}

template <class T>
kernels::AdamOptions<T> OptimizerStep<T>::adam_options() const noexcept {
    return {.beta1 = static_cast<T>(optimizer_.beta1),
            .beta2 = static_cast<T>(optimizer_.beta2),
            .epsilon = static_cast<T>(optimizer_.epsilon),
            .beta1_power = state_.beta1_power,
            .beta2_power = state_.beta2_power};
}

template <class T>
void OptimizerStep<T>::note_size(std::span<const T> gradient, const T* parameters) noexcept {
    // With |g|^2 and |decay w|^2 below this the square of g + decay w is finite, and so is what a moment
    // takes of it.
    constexpr T largest_square = std::numeric_limits<T>::max() / 8;
    const T decay = optimizer_.method == Method::adamw ? T(0) : static_cast<T>(optimizer_.weight_decay);
    const auto square = [&](const T* x) { return k_.sum_of_squares(gradient.size(), x); };
    const T* const w = parameters + (gradient.data() - gradient_.data());
    if (!(square(gradient.data()) <= largest_square) ||
        (decay > 0 && !(decay * decay * square(w) <= largest_square)))
        is_large_.store(true, std::memory_order_relaxed);
}

template <class T>
bool OptimizerStep<T>::step(std::size_t batch, ThreadContext thread, T* parameters) noexcept {
    const Optimizer& o = optimizer_;
    const Range part = thread.part_of(gradient_.size());
    kernels::StepOptions<T> options{.learning_rate = learning_rate(),
                                    .weight_decay = static_cast<T>(o.weight_decay),
                                    .gradient_scale = 1 / static_cast<T>(batch)};
    if (!std::isinf(o.max_gradient_norm)) {
        // Every thread sums the whole gradient, in the same order.
        T reduction = 1, sum = k_.sum_of_squares(gradient_.size(), gradient_.data());
        if (std::isinf(sum)) {
            // Smaller by a power of two its squares are finite, and so is the reciprocal of its length.
            constexpr int exponent = std::numeric_limits<T>::max_exponent / 2 + 16;
            reduction = std::ldexp(T(1), -exponent);
            thread.barrier();
            for (std::size_t i = part.first; i < part.last; ++i) gradient_[i] *= reduction;
            thread.barrier();
            sum = k_.sum_of_squares(gradient_.size(), gradient_.data());
            options.gradient_scale /= reduction;
        }
        // An infinite gradient cannot be shortened.
        const double most = o.max_gradient_norm * static_cast<double>(batch) * static_cast<double>(reduction);
        const double norm = std::sqrt(static_cast<double>(sum));
        if (norm > most && std::isfinite(norm))
            options.gradient_scale = static_cast<T>(o.max_gradient_norm / norm);
    }
    if (is_large_.load(std::memory_order_relaxed)) {
        thread.barrier();  // all threads have seen it
        if (thread.index == 0) {
            is_large_.store(false, std::memory_order_relaxed);
            overflow_ = find_overflow(options, parameters);
            if (overflow_) restore_powers();
        }
        thread.barrier();
        if (overflow_) return false;
    }
    const std::size_t n = part.count();
    const auto at = [&part](auto& values) { return values.empty() ? nullptr : values.data() + part.first; };
    const T* g = at(gradient_);
    T *w = parameters + part.first, *m = at(state_.first_moment), *v = at(state_.second_moment);
    switch (o.method) {
        case Method::sgd:
            k_.sgd_step(n, options, g, w);
            break;
        case Method::momentum:
            k_.momentum_step(n, options, static_cast<T>(o.momentum), g, m, w);
            break;
        case Method::nesterov:
            k_.nesterov_step(n, options, static_cast<T>(o.momentum), g, m, w);
            break;
        case Method::adam:
            k_.adam_step(n, options, adam_options(), g, m, v, w);
            break;
        case Method::adamw:
            k_.adamw_step(n, options, adam_options(), g, m, v, w);
            break;
    }
    return true;
}

template <class T>
std::optional<Overflow> OptimizerStep<T>::find_overflow(const kernels::StepOptions<T>& options,
                                                        const T* parameters) const noexcept {
    // The kernels round a little differently.
    constexpr T largest = std::numeric_limits<T>::max() * T(1 - 0x1p-16);
    const auto fits = [](T x) { return std::abs(x) <= largest; };
    const kernels::AdamOptions<T> adam = adam_options();
    const bool adaptive = !state_.second_moment.empty();
    const T decay = optimizer_.method == Method::adamw ? T(0) : options.weight_decay;
    const T kept = adaptive ? adam.beta1 : static_cast<T>(optimizer_.momentum),
            taken = adaptive ? 1 - kept : 1;
    const bool looks_ahead = optimizer_.method == Method::nesterov;
    for (std::size_t i = 0; i < gradient_.size(); ++i) {
        const T d = gradient_[i] * options.gradient_scale + decay * parameters[i];
        const T first = state_.first_moment.empty() ? d : kept * state_.first_moment[i] + taken * d;
        const bool first_fits = fits(first) && (!looks_ahead || fits(d + kept * first));
        // Also as the step takes it, corrected for the zeros that it began with.
        const bool second_fits =
            !adaptive ||
            fits((adam.beta2 * state_.second_moment[i] + (1 - adam.beta2) * d * d) / (1 - adam.beta2_power));
        if (!first_fits || !second_fits)
            return Overflow{state_name(optimizer_.method, first_fits), i, static_cast<double>(d)};
    }
    return {};
}

template OptimizerState<float> fresh_state<float>(Method, std::size_t);
template OptimizerState<double> fresh_state<double>(Method, std::size_t);
template class OptimizerStep<float>;
#if DENSIMD_DOUBLE
template class OptimizerStep<double>;
#endif

}  // namespace densimd::nn
