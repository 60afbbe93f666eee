// The definitions of the losses.
#pragma once

#include "reference/activations.hpp"

namespace densimd::kernels {
namespace {

// Wide terms, added up; a loss of T from their mean.
template <class T, class Term>
void mean_of_terms(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                   std::size_t ldy, T* dA, std::size_t ldda, T* loss, Term term) {
    const Wide<T> length = static_cast<Wide<T>>(std::max<std::size_t>(out, 1));
    for (std::size_t i = 0; i < batch; ++i) {
        Wide<T> sum = 0;
        for (std::size_t j = 0; j < out; ++j) {
            const auto [value, gradient] = term(wide(A[i * lda + j]), wide(Y[i * ldy + j]));
            sum += value;
            if (dA) dA[i * ldda + j] = static_cast<T>(gradient / length);
        }
        loss[i] = static_cast<T>(sum / length);
    }
}

template <class T>
struct Term {
    Wide<T> value, gradient;
};

template <class T>
void mean_squared_error(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                        std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept {
    mean_of_terms(batch, out, A, lda, Y, ldy, dA, ldda, loss, [](Wide<T> a, Wide<T> y) {
        return Term<T>{(a - y) * (a - y), 2 * (a - y)};
    });
}

template <class T>
void binary_cross_entropy(std::size_t batch, std::size_t out, const T* Z, std::size_t ldz, const T* Y,
                          std::size_t ldy, T* dZ, std::size_t lddz, T* loss) noexcept {
    mean_of_terms(batch, out, Z, ldz, Y, ldy, dZ, lddz, loss, [](Wide<T> z, Wide<T> y) {
        const Wide<T> positive = z < 0 ? 0 : z;  // not std::max, which would drop a NaN
        return Term<T>{positive - z * y + std::log1p(std::exp(-std::abs(z))), 1 / (1 + std::exp(-z)) - y};
    });
}

template <class T>
void binary_cross_entropy_from_probabilities(std::size_t batch, std::size_t out, const T* P, std::size_t ldp,
                                             const T* Y, std::size_t ldy, T* dP, std::size_t lddp,
                                             T* loss) noexcept {
    mean_of_terms(batch, out, P, ldp, Y, ldy, dP, lddp, loss, [](Wide<T> p, Wide<T> y) {
        const auto at_least = [](Wide<T> low, Wide<T> x) { return x < low ? low : x; };  // keeps a NaN
        const Wide<T> log_p = at_least(-100, std::log(p)), log_q = at_least(-100, std::log1p(-p));
        return Term<T>{-(y * log_p + (1 - y) * log_q), (p - y) / at_least(T(1e-12), p * (1 - p))};
    });
}

template <class T>
void categorical_cross_entropy(std::size_t batch, std::size_t out, const T* Z, std::size_t ldz, const T* Y,
                               std::size_t ldy, T* dZ, std::size_t lddz, T* loss) noexcept {
    for (std::size_t i = 0; i < batch; ++i) {
        const auto [shift, log_sum] = log_sum_exp(out, Z + i * ldz);
        Wide<T> sum = 0, share = 0;
        for (std::size_t j = 0; j < out; ++j) {
            const Wide<T> y = Y[i * ldy + j];
            share += y;
            if (y != 0 || std::isnan(Z[i * ldz + j])) sum += y * (log_sum - (Z[i * ldz + j] - shift));
        }
        loss[i] = static_cast<T>(sum);
        for (std::size_t j = 0; j < out && dZ; ++j)
            dZ[i * lddz + j] =
                static_cast<T>(share * std::exp(Z[i * ldz + j] - shift - log_sum) - Y[i * ldy + j]);
    }
}

template <class T>
void mean_absolute_error(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                         std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept {
    mean_of_terms(batch, out, A, lda, Y, ldy, dA, ldda, loss, [](Wide<T> a, Wide<T> y) {
        const Wide<T> r = a - y;
        return Term<T>{std::abs(r), r > 0 ? 1 : r < 0 ? -1 : r};
    });
}

template <class T>
void huber(std::size_t batch, std::size_t out, T delta, const T* A, std::size_t lda, const T* Y,
           std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept {
    mean_of_terms(batch, out, A, lda, Y, ldy, dA, ldda, loss, [d = wide(delta)](Wide<T> a, Wide<T> y) {
        const Wide<T> r = a - y;
        if (r > d) return Term<T>{d * (r - d / 2), d};
        if (r < -d) return Term<T>{d * (-r - d / 2), -d};
        return Term<T>{r * r / 2, r};
    });
}

template <class T>
void cosine_distance(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                     std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept {
    for (std::size_t i = 0; i < batch; ++i, A += lda, Y += ldy) {
        Wide<T> aa = 0, yy = 0, ay = 0;
        for (std::size_t j = 0; j < out; ++j) {
            aa += wide(A[j]) * A[j];
            yy += wide(Y[j]) * Y[j];
            ay += wide(A[j]) * Y[j];
        }
        using Limits = std::numeric_limits<T>;
        const bool undefined = aa < wide(Limits::min()) || yy < wide(Limits::min());
        const bool overflow = !(aa <= wide(Limits::max()) && yy <= wide(Limits::max()));  // or a NaN
        const Wide<T> a_length = std::sqrt(aa), y_length = std::sqrt(yy);
        const Wide<T> cosine = overflow    ? std::numeric_limits<Wide<T>>::quiet_NaN()
                               : undefined ? 0
                                           : ay / (a_length * y_length);
        loss[i] = static_cast<T>(1 - cosine);
        if (dA == nullptr) continue;
        for (std::size_t j = 0; j < out; ++j) {
            const Wide<T> a = A[j], y = Y[j];
            dA[i * ldda + j] = undefined && !overflow
                                   ? T(0)
                                   : static_cast<T>((cosine * a / a_length - y / y_length) / a_length);
        }
    }
}

}  // namespace
}  // namespace densimd::kernels
