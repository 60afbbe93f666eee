// Steps of optimisers over all parameters of a model, in one pass. Bound: the memory of the gradient, the
// state and the weights.
#pragma once

#include <densimd/kernels.hpp>

#include "simd/reduce.hpp"

namespace densimd::kernels {
namespace {

// What a step descends: scale g, and the gradient of weight_decay |w|^2 / 2.
template <class T>
Batch<T> decayed_gradient(const StepOptions<T>& step, Batch<T> g, Batch<T> w) {
    return Simd::fma(Batch<T>(step.weight_decay), w, g * Batch<T>(step.gradient_scale));
}

template <class T>
void sgd_step_kernel(std::size_t n, const StepOptions<T>& options, const T* g, T* w) noexcept {
    const StepOptions<T> step = options;
    map(
        n, w,
        [=](Batch<T> gradient, Batch<T> weight) {
            return Simd::fma(Batch<T>(-step.learning_rate), decayed_gradient(step, gradient, weight), weight);
        },
        g, w);
}

// Nesterov's step looks ahead by one more momentum (Sutskever et al., ICML 2013, as frameworks write it).
template <bool Nesterov, class T>
void momentum_step(std::size_t n, const StepOptions<T>& options, T momentum, const T* g, T* v, T* w) {
    const StepOptions<T> step = options;
    const Batch<T> mu(momentum), down(-step.learning_rate);
    for_each_vector<T>(n, [=](std::size_t i, std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
        constexpr bool partial = decltype(kind)::partial;
        const Batch<T> weight = load<partial>(w + i, count);
        const Batch<T> gradient = decayed_gradient(step, load<partial>(g + i, count), weight);
        const Batch<T> velocity = Simd::fma(mu, load<partial>(v + i, count), gradient);
        const Batch<T> direction = Nesterov ? Simd::fma(mu, velocity, gradient) : velocity;
        store<partial>(v + i, count, velocity);
        store<partial>(w + i, count, Simd::fma(down, direction, weight));
    });
}

template <class T>
void momentum_step_kernel(std::size_t n, const StepOptions<T>& options, T momentum, const T* g, T* v,
                          T* w) noexcept {
    momentum_step<false>(n, options, momentum, g, v, w);
}

template <class T>
void nesterov_step_kernel(std::size_t n, const StepOptions<T>& options, T momentum, const T* g, T* v,
                          T* w) noexcept {
    momentum_step<true>(n, options, momentum, g, v, w);
}

// One square root and two divisions per vector, which memory hides from L2 outwards.
template <bool Decoupled, class T>
void adam_step(std::size_t n, const StepOptions<T>& options, const AdamOptions<T>& adam, const T* g, T* m,
               T* v, T* w) {
    StepOptions<T> step = options;
    const T shrink = Decoupled ? step.learning_rate * step.weight_decay : T(0);
    if (Decoupled) step.weight_decay = T(0);
    const Batch<T> beta1(adam.beta1), beta2(adam.beta2), rest1(T(1) - adam.beta1), rest2(T(1) - adam.beta2);
    const Batch<T> epsilon(adam.epsilon), shrinking(-shrink);
    const Batch<T> correction2(T(1) / (T(1) - adam.beta2_power));
    const Batch<T> down(-step.learning_rate / (T(1) - adam.beta1_power));
    for_each_vector<T>(n, [=](std::size_t i, std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
        constexpr bool partial = decltype(kind)::partial;
        const Batch<T> weight = load<partial>(w + i, count);
        const Batch<T> gradient = decayed_gradient(step, load<partial>(g + i, count), weight);
        const Batch<T> mean = Simd::fma(beta1, load<partial>(m + i, count), rest1 * gradient);
        const Batch<T> square = Simd::fma(beta2, load<partial>(v + i, count), rest2 * gradient * gradient);
        const Batch<T> direction = Simd::divide(mean, Simd::square_root(square * correction2) + epsilon);
        const Batch<T> shrunk = Decoupled ? Simd::fma(shrinking, weight, weight) : weight;
        store<partial>(m + i, count, mean);
        store<partial>(v + i, count, square);
        store<partial>(w + i, count, Simd::fma(down, direction, shrunk));
    });
}

template <class T>
void adam_step_kernel(std::size_t n, const StepOptions<T>& options, const AdamOptions<T>& adam, const T* g,
                      T* m, T* v, T* w) noexcept {
    adam_step<false>(n, options, adam, g, m, v, w);
}

template <class T>
void adamw_step_kernel(std::size_t n, const StepOptions<T>& options, const AdamOptions<T>& adam, const T* g,
                       T* m, T* v, T* w) noexcept {
    adam_step<true>(n, options, adam, g, m, v, w);
}

// Four lines of virtual lanes hide the latency of the multiply-add. Bound: one load per vector.
template <class T>
T sum_of_squares_kernel(std::size_t n, const T* x) noexcept {
    constexpr std::size_t line = virtual_lanes<T>, vectors = vectors_per_line<T>, lines = 4;
    Batch<T> sum[lines][vectors];
    DENSIMD_UNROLLED (l, lines)
        DENSIMD_UNROLLED (v, vectors) sum[l][v] = Batch<T>(T(0));
    std::size_t i = 0;
    for (; i + lines * line <= n; i += lines * line)
        DENSIMD_UNROLLED (l, lines)
            DENSIMD_UNROLLED (v, vectors) {
                const Batch<T> value = load(x + i + l * line + v * vector_size<T>);
                sum[l][v] = Simd::fma(value, value, sum[l][v]);
            }
    LaneSum<T> total;
    DENSIMD_UNROLLED (v, vectors) total.part[v] = (sum[0][v] + sum[2][v]) + (sum[1][v] + sum[3][v]);
    for_each_lane_vector<T>(n - i, [&](std::size_t v, std::size_t at, std::size_t count, auto kind) {
        const Batch<T> value = load<decltype(kind)::partial>(x + i + at, count);
        total.part[v] = Simd::fma(value, value, total.part[v]);
    });
    return total.total();
}

}  // namespace
}  // namespace densimd::kernels
