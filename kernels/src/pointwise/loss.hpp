// Losses: one pass over each row for its value and its gradient.
#pragma once

#include <limits>

#include "plan/loss.hpp"
#include "pointwise/softmax.hpp"

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

template <class T>
struct Term {
    Batch<T> loss, gradient;
};

// Rows of one term, lanes along the rows.
template <class T, class Function>
void single_terms(std::size_t batch, const T* A, const T* Y, T* dA, T* loss, Function term) {
    for_each_vector<T>(batch, [&](std::size_t i, std::size_t n, auto kind) {
        constexpr bool partial = decltype(kind)::partial;
        const Term<T> t = term(load<partial>(A + i, n), load<partial>(Y + i, n));
        store<partial>(loss + i, n, without_negative_zero(t.loss));
        if (dA) store<partial>(dA + i, n, t.gradient);
    });
}

// loss[row] = mean of the terms of a row; the gradient of each term is divided by the row's length alike.
// Terms are divided before they are added: a mean of finite terms is finite.
template <class T, class Function>
void mean_of_terms(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                   std::size_t ldy, T* dA, std::size_t ldda, T* loss, Function term) {
    const bool contiguous = lda == 1 && ldy == 1 && (dA == nullptr || ldda == 1);
    const LossPath path = plan_loss(out, contiguous, machine<T>);
    if (path == LossPath::column) return single_terms(batch, A, Y, dA, loss, term);
    const Batch<T> share(T(1) / static_cast<T>(out > 0 ? out : 1));
    if (path == LossPath::short_rows) {
        constexpr std::size_t at_once = Simd::sums_at_once<T>;
        for (; batch >= at_once; batch -= at_once) {
            Batch<T> sums[at_once];
            DENSIMD_UNROLLED (r, at_once) {
                const Term<T> t = term(load<true>(A, out), load<true>(Y, out));
                sums[r] = first_elements<true>(t.loss * share, out);
                A += lda;
                Y += ldy;
                if (dA) {
                    store<true>(dA, out, t.gradient * share);
                    dA += ldda;
                }
            }
            T totals[at_once];
            Simd::sums(sums, totals);
            for (std::size_t r = 0; r < at_once; ++r) loss[r] = without_negative_zero(totals[r]);
            loss += at_once;
        }
    }
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

struct SquaredError {
    template <class T>
    DENSIMD_INLINE Term<T> operator()(Batch<T> a, Batch<T> y) const {
        const Batch<T> residual = a - y;
        return {residual * residual, residual + residual};
    }
};

template <class T>
void mean_squared_error_kernel(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                               std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept {
    mean_of_terms(batch, out, A, lda, Y, ldy, dA, ldda, loss, SquaredError{});
}

// One exp serves the loss and, through 1 / (1 + e) or e / (1 + e), the probability.
struct BinaryCrossEntropy {
    template <class T>
    DENSIMD_INLINE Term<T> operator()(Batch<T> z, Batch<T> y) const {
        const Batch<T> zero(T(0)), one(T(1));
        const Batch<T> positive = xsimd::max(zero, z);  // a NaN in z stays
        const Batch<T> e = exp_clamped(negative(xsimd::abs(z)));
        const Batch<T> probability = Simd::divide(xsimd::select(z < zero, e, one), one + e);
        return {(positive - z * y) + log1p_reduced(e), probability - y};
    }
};

template <class T>
void binary_cross_entropy_kernel(std::size_t batch, std::size_t out, const T* Z, std::size_t ldz, const T* Y,
                                 std::size_t ldy, T* dZ, std::size_t lddz, T* loss) noexcept {
    mean_of_terms(batch, out, Z, ldz, Y, ldy, dZ, lddz, loss, BinaryCrossEntropy{});
}

struct AbsoluteError {
    template <class T>
    DENSIMD_INLINE Term<T> operator()(Batch<T> a, Batch<T> y) const {
        const Batch<T> zero(T(0)), one(T(1)), residual = a - y;
        const Batch<T> sign =
            xsimd::select(residual > zero, one, xsimd::select(residual < zero, -one, residual));
        return {xsimd::abs(residual), sign};  // 0 and NaN are their own signs
    }
};

template <class T>
void mean_absolute_error_kernel(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                                std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept {
    mean_of_terms(batch, out, A, lda, Y, ldy, dA, ldda, loss, AbsoluteError{});
}

// With c the residual clamped to delta: c (r - c / 2) is r^2 / 2 within and delta (|r| - delta / 2) beyond.
template <class T>
struct HuberTerm {
    T delta;

    DENSIMD_INLINE Term<T> operator()(Batch<T> a, Batch<T> y) const {
        const Batch<T> residual = a - y, clamped = clamp(residual, -delta, delta);
        return {clamped * (residual - clamped * Batch<T>(T(0.5))), clamped};
    }
};

template <class T>
void huber_kernel(std::size_t batch, std::size_t out, T delta, const T* A, std::size_t lda, const T* Y,
                  std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept {
    mean_of_terms(batch, out, A, lda, Y, ldy, dA, ldda, loss, HuberTerm<T>{delta});
}

// log(0) counts as -100 and a variance p (1 - p) below 1e-12 as 1e-12, so that all of [0, 1] gives finite
// results.
template <class T>
void binary_cross_entropy_from_probabilities_kernel(std::size_t batch, std::size_t out, const T* P,
                                                    std::size_t ldp, const T* Y, std::size_t ldy, T* dP,
                                                    std::size_t lddp, T* loss) noexcept {
    mean_of_terms(batch, out, P, ldp, Y, ldy, dP, lddp, loss, [](Batch<T> p, Batch<T> y) {
        const Batch<T> one(T(1)), lowest(T(-100)), least(T(1e-12)), q = one - p;
        const Batch<T> log_p = xsimd::max(lowest, log(p)), log_q = xsimd::max(lowest, log1p(negative(p)));
        return Term<T>{-(y * log_p + (one - y) * log_q), Simd::divide(p - y, xsimd::max(least, p * q))};
    });
}

// With d = z - max(z), e = exp(d), s = sum(e), t = sum(y): loss = t log(s) - sum(y d), both terms of which
// are positive, and dZ = t e / s - y. The exps wait in dZ for their sum. A class without a share in Y may
// have a logit of -infinity.
template <class T>
void categorical_cross_entropy_kernel(std::size_t batch, std::size_t out, const T* Z, std::size_t ldz,
                                      const T* Y, std::size_t ldy, T* dZ, std::size_t lddz,
                                      T* loss) noexcept {
    for (std::size_t row = 0; row < batch; ++row, Z += ldz, Y += ldy) {
        T* gradient = dZ ? dZ + row * lddz : nullptr;
        const Batch<T> zero(T(0)), shift(largest(out, Z));
        LaneSum<T> exps, shares, distances;
        for_each_lane_vector<T>(out, [&](std::size_t v, std::size_t i, std::size_t n, auto kind) {
            constexpr bool partial = decltype(kind)::partial;
            const Batch<T> d = load<partial>(Z + i, n) - shift, y = load<partial>(Y + i, n), e = exp(d);
            if (gradient) store<partial>(gradient + i, n, e);
            exps.part[v] = exps.part[v] + first_elements<partial>(e, n);
            shares.part[v] = shares.part[v] + y;
            distances.part[v] = distances.part[v] + xsimd::select(y == zero, zero, y * d);
        });
        const T sum = out > 0 ? exps.total() : T(1), share = shares.total();
        loss[row] = share * log_of(sum) - distances.total();
        if (gradient == nullptr) continue;
        const Batch<T> factor(share / sum);
        map(
            out, gradient, [=](Batch<T> e, Batch<T> y) { return e * factor - y; }, gradient, Y);
    }
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
