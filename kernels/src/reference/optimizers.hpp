// The definitions of the optimisers' steps.
#pragma once

#include "reference/activations.hpp"

namespace densimd::kernels {
namespace {

// The direction that a step descends.
template <class T>
Wide<T> direction(const StepOptions<T>& step, T g, T w) {
    return wide(step.gradient_scale) * g + wide(step.weight_decay) * w;
}

template <class T>
void sgd_step(std::size_t n, const StepOptions<T>& options, const T* g, T* w) noexcept {
    for (std::size_t i = 0; i < n; ++i)
        w[i] = static_cast<T>(w[i] - options.learning_rate * direction(options, g[i], w[i]));
}

template <class T>
void momentum_step(std::size_t n, const StepOptions<T>& options, T momentum, const T* g, T* v,
                   T* w) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
        const Wide<T> velocity = wide(momentum) * v[i] + direction(options, g[i], w[i]);
        v[i] = static_cast<T>(velocity);
        w[i] = static_cast<T>(w[i] - options.learning_rate * velocity);
    }
}

template <class T>
void nesterov_step(std::size_t n, const StepOptions<T>& options, T momentum, const T* g, T* v,
                   T* w) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
        const Wide<T> d = direction(options, g[i], w[i]), velocity = wide(momentum) * v[i] + d;
        v[i] = static_cast<T>(velocity);
        w[i] = static_cast<T>(w[i] - options.learning_rate * (d + momentum * velocity));
    }
}

// One step along d, after w has shrunk by the factor 1 - shrink.
template <class T>
void adam_element(const StepOptions<T>& options, const AdamOptions<T>& adam, Wide<T> d, Wide<T> shrink, T& m,
                  T& v, T& w) {
    const Wide<T> mean = wide(adam.beta1) * m + (1 - wide(adam.beta1)) * d;
    const Wide<T> square = wide(adam.beta2) * v + (1 - wide(adam.beta2)) * d * d;
    m = static_cast<T>(mean);
    v = static_cast<T>(square);
    w = static_cast<T>(w * (1 - shrink) -
                       options.learning_rate * (mean / (1 - wide(adam.beta1_power))) /
                           (std::sqrt(square / (1 - wide(adam.beta2_power))) + adam.epsilon));
}

template <class T>
void adam_step(std::size_t n, const StepOptions<T>& options, const AdamOptions<T>& adam, const T* g, T* m,
               T* v, T* w) noexcept {
    for (std::size_t i = 0; i < n; ++i)
        adam_element(options, adam, direction(options, g[i], w[i]), Wide<T>(0), m[i], v[i], w[i]);
}

template <class T>
void adamw_step(std::size_t n, const StepOptions<T>& options, const AdamOptions<T>& adam, const T* g, T* m,
                T* v, T* w) noexcept {
    const Wide<T> shrink = wide(options.learning_rate) * options.weight_decay;
    for (std::size_t i = 0; i < n; ++i)
        adam_element(options, adam, wide(options.gradient_scale) * g[i], shrink, m[i], v[i], w[i]);
}

template <class T>
T sum_of_squares(std::size_t n, const T* x) noexcept {
    Wide<T> sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += wide(x[i]) * x[i];
    return static_cast<T>(sum);
}

}  // namespace
}  // namespace densimd::kernels
