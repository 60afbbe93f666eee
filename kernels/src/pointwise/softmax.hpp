// Row-wise softmax and its logarithm.
#pragma once

#include <limits>

#include "math/log.hpp"

namespace densimd::kernels {
namespace {

// The largest element of a row, or 0 without any; whatever it is if there is a NaN, which the exps will show.
template <class T>
T largest(std::size_t n, const T* x) {
    if (n == 0) return T(0);
    Batch<T> best(x[0]);
    std::size_t i = 0;
    for (; i + vector_size<T> <= n; i += vector_size<T>) best = xsimd::max(best, load(x + i));
    for (; i < n; ++i) best = xsimd::max(best, Batch<T>(x[i]));
    T lane[vector_size<T>], result = x[0];
    best.store_unaligned(lane);
    for (const T value : lane) result = value > result ? value : result;
    return result;
}

template <class T>
T log_of(T x) {
    T lane[vector_size<T>];
    log(Batch<T>(x)).store_unaligned(lane);
    return lane[0];
}

// The sum of exp(x - shift) over a row. The exps go to e, which may be x, or null.
template <class T>
T exps_and_sum(std::size_t n, const T* x, T shift, T* e) {
    const Batch<T> shifts(shift);
    LaneSum<T> sum;
    for_each_lane_vector<T>(n, [&](std::size_t v, std::size_t i, std::size_t count, auto kind) {
        constexpr bool partial = decltype(kind)::partial;
        const Batch<T> value = exp(load<partial>(x + i, count) - shifts);
        if (e) store<partial>(e + i, count, value);
        sum.part[v] = sum.part[v] + first_elements<partial>(value, count);
    });
    return sum.total();
}

// Bound: the exps.
template <class T>
void softmax_kernel(std::size_t batch, std::size_t n, const T* X, std::size_t ldx, T* Y,
                    std::size_t ldy) noexcept {
    for (std::size_t row = 0; row < batch; ++row, X += ldx, Y += ldy) {
        const Batch<T> factor(T(1) / exps_and_sum(n, X, largest(n, X), Y));
        map(
            n, Y, [=](Batch<T> e) { return e * factor; }, Y);
    }
}

template <class T>
void log_softmax_kernel(std::size_t batch, std::size_t n, const T* X, std::size_t ldx, T* Y,
                        std::size_t ldy) noexcept {
    for (std::size_t row = 0; row < batch; ++row, X += ldx, Y += ldy) {
        const T shift = largest(n, X);
        const Batch<T> shifts(shift), log_sum(log_of(exps_and_sum<T>(n, X, shift, nullptr)));
        map(
            n, Y, [=](Batch<T> x) { return (x - shifts) - log_sum; }, X);
    }
}

}  // namespace
}  // namespace densimd::kernels
