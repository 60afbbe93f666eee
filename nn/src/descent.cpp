// What optimisers accept, and their steps.
#include "descent.hpp"

#include <algorithm>
#include <string>

#include "check.hpp"

namespace densimd::nn {
namespace {

using Method = Optimizer::Method;

// Also what T rounds to: 1e-300 is no float's epsilon.
template <class T>
void check_number(const char* name, double value, double least, bool or_equal, double below) {
    const double rounded = static_cast<double>(static_cast<T>(value));
    const bool large_enough = or_equal ? rounded >= least : rounded > least;
    if (large_enough && rounded < below) return;
    throw Error(std::string(name) + " is " + text(value) + "; expected " +
                (or_equal ? "at least " : "more than ") + text(least) +
                (!std::isinf(below)           ? " and less than " + text(below)
                 : sizeof(T) < sizeof(double) ? std::string(" and finite as a float")
                                              : " and finite"));
}

}  // namespace

template <class T>
void check_optimizer(const Optimizer& o) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (o.method < Method::sgd || o.method > Method::adamw) throw Error("unknown optimizer");
    check_number<T>("learning_rate", o.learning_rate, 0, true, infinity);
    check_number<T>("weight_decay", o.weight_decay, 0, true, infinity);
    if (!(o.max_gradient_norm > 0))
        throw Error("max_gradient_norm is " + text(o.max_gradient_norm) + "; expected more than 0");
    if (o.method == Method::momentum || o.method == Method::nesterov)
        check_number<T>("momentum", o.momentum, 0, true, 1);
    if (o.method == Method::adam || o.method == Method::adamw) {
        check_number<T>("beta1", o.beta1, 0, true, 1);
        check_number<T>("beta2", o.beta2, 0, true, 1);
        check_number<T>("epsilon", o.epsilon, 0, false, infinity);
    }
}

template <class T>
OptimizerState<T> fresh_state(Method method, std::size_t parameters) {
    OptimizerState<T> state;
    state.method = method;
    if (method != Method::sgd) state.first_moment.resize(parameters);
    if (method == Method::adam || method == Method::adamw) state.second_moment.resize(parameters);
    return state;
}

template <class T>
void Descent<T>::step(std::size_t batch, Range part, T* parameters) const noexcept {
    const Optimizer& o = optimizer_;
    kernels::StepOptions<T> options{.learning_rate = learning_rate(),
                                    .weight_decay = static_cast<T>(o.weight_decay),
                                    .gradient_scale = 1 / static_cast<T>(batch)};
    if (!std::isinf(o.max_gradient_norm)) {
        // Every thread sums the whole gradient, in the same order. Where squares overflow they are taken of
        // shares of the largest element. An infinite gradient cannot be shortened.
        T largest = 1, sum = k_.sum_of_squares(gradient_.size(), gradient_.data());
        if (std::isinf(sum)) {
            largest = sum = 0;
            for (const T g : gradient_) largest = std::max(largest, std::abs(g));
            for (const T g : gradient_) sum += (g / largest) * (g / largest);
        }
        const double most = o.max_gradient_norm * static_cast<double>(batch) / static_cast<double>(largest);
        const double norm = std::sqrt(static_cast<double>(sum));
        if (norm > most && std::isfinite(norm))
            options.gradient_scale =
                static_cast<T>(o.max_gradient_norm / static_cast<double>(largest) / norm);
    }
    const std::size_t n = part.count();
    const auto at = [&part](auto& values) { return values.empty() ? nullptr : values.data() + part.first; };
    const T* g = at(gradient_);
    T *w = parameters + part.first, *m = at(state_.first_moment), *v = at(state_.second_moment);
    const kernels::AdamOptions<T> adam{.beta1 = static_cast<T>(o.beta1),
                                       .beta2 = static_cast<T>(o.beta2),
                                       .epsilon = static_cast<T>(o.epsilon),
                                       .beta1_power = state_.beta1_power,
                                       .beta2_power = state_.beta2_power};
    switch (o.method) {
        case Method::sgd:
            return k_.sgd_step(n, options, g, w);
        case Method::momentum:
            return k_.momentum_step(n, options, static_cast<T>(o.momentum), g, m, w);
        case Method::nesterov:
            return k_.nesterov_step(n, options, static_cast<T>(o.momentum), g, m, w);
        case Method::adam:
            return k_.adam_step(n, options, adam, g, m, v, w);
        case Method::adamw:
            return k_.adamw_step(n, options, adam, g, m, v, w);
    }
}

template void check_optimizer<float>(const Optimizer&);
template void check_optimizer<double>(const Optimizer&);
template OptimizerState<float> fresh_state<float>(Method, std::size_t);
template OptimizerState<double> fresh_state<double>(Method, std::size_t);
template class Descent<float>;
template class Descent<double>;

}  // namespace densimd::nn
