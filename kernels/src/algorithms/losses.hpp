// Losses: one pass over each row for its value and its gradient.
#pragma once

#include <limits>

#include "algorithms/exponential.hpp"

namespace densimd::kernels {
namespace {

inline float square_root(float x) { return __builtin_sqrtf(x); }
inline double square_root(double x) { return __builtin_sqrt(x); }

// 1 / sqrt(square); 0 for what counts as a zero vector, NaN for an overflow.
template <class T>
T reciprocal_root(T square) {
    if (square < std::numeric_limits<T>::min()) return T(0);
    if (square > std::numeric_limits<T>::max()) return std::numeric_limits<T>::quiet_NaN();
    return T(1) / square_root(square);
}

// x with zeros from element n on: what is beyond the end of a row must not count.
template <bool Partial, class T>
Batch<T> first_elements(Batch<T> x, std::size_t n) {
    if constexpr (!Partial) return x;
    T values[width<T>];
    x.store_unaligned(values);
    return Simd::load_partial(values, n);
}

template <class T>
struct Term {
    Batch<T> loss, gradient;
};

// loss[row] = mean of the terms of a row; the gradient of each term is divided by the row's length alike.
// Terms are divided before they are added: a mean of finite terms is finite.
template <class T, class Function>
void mean_of_terms(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                   std::size_t ldy, T* dA, std::size_t ldda, T* loss, Function term) {
    const Batch<T> share(T(1) / static_cast<T>(out > 0 ? out : 1));
    for (std::size_t row = 0; row < batch; ++row, A += lda, Y += ldy) {
        T* gradient = dA ? dA + row * ldda : nullptr;
        LaneSum<T> sum;
        for_each_lane_vector<T>(out, [&](std::size_t v, std::size_t i, std::size_t n, auto kind) {
            constexpr bool partial = decltype(kind)::partial;
            const Term<T> t = term(load<partial>(A + i, n), load<partial>(Y + i, n));
            sum.part[v] = sum.part[v] + first_elements<partial>(t.loss * share, n);
            if (gradient) store<partial>(gradient + i, n, t.gradient * share);
        });
        loss[row] = sum.total();
    }
}

template <class T>
void mean_squared_error_kernel(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                               std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept {
    mean_of_terms(batch, out, A, lda, Y, ldy, dA, ldda, loss, [](Batch<T> a, Batch<T> y) {
        const Batch<T> residual = a - y;
        return Term<T>{residual * residual, residual + residual};
    });
}

// One exp serves the loss and, through 1 / (1 + e) or e / (1 + e), the probability.
template <class T>
void binary_cross_entropy_kernel(std::size_t batch, std::size_t out, const T* Z, std::size_t ldz, const T* Y,
                                 std::size_t ldy, T* dZ, std::size_t lddz, T* loss) noexcept {
    mean_of_terms(batch, out, Z, ldz, Y, ldy, dZ, lddz, loss, [](Batch<T> z, Batch<T> y) {
        const Batch<T> zero(T(0)), one(T(1));
        const Batch<T> positive = xsimd::max(zero, z);  // a NaN in z stays
        const Batch<T> e = exp_clamped(z - (positive + positive));
        const Batch<T> probability = Simd::divide(xsimd::select(z < zero, e, one), one + e);
        return Term<T>{(positive - z * y) + log1p_unit(e), probability - y};
    });
}

template <class T>
void cosine_distance_kernel(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                            std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept {
    for (std::size_t row = 0; row < batch; ++row, A += lda, Y += ldy) {
        LaneSum<T> aa, yy, ay;
        for_each_lane_vector<T>(out, [&](std::size_t v, std::size_t i, std::size_t n, auto kind) {
            const Batch<T> a = load<decltype(kind)::partial>(A + i, n),
                           y = load<decltype(kind)::partial>(Y + i, n);
            aa.part[v] = Simd::fma(a, a, aa.part[v]);
            yy.part[v] = Simd::fma(y, y, yy.part[v]);
            ay.part[v] = Simd::fma(a, y, ay.part[v]);
        });
        const T per_a = reciprocal_root(aa.total()), per_y = reciprocal_root(yy.total());
        const bool undefined = per_a == T(0) || per_y == T(0);
        const T cosine = ay.total() * per_a * per_y;
        loss[row] = T(1) - cosine;
        if (dA == nullptr) continue;
        const Batch<T> a_factor(cosine * per_a), y_factor(per_y), factor(undefined ? per_a * per_y : per_a);
        map(
            out, dA + row * ldda,
            [&](Batch<T> a, Batch<T> y) { return (a * a_factor - y * y_factor) * factor; }, A, Y);
    }
}

}  // namespace
}  // namespace densimd::kernels
