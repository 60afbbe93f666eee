// exp and log1p on the ranges that the kernels need, and the sigmoid.
#pragma once

#include "algorithms/vector.hpp"

namespace densimd::kernels {
namespace {

// exp(x) = 2^n exp(r), n = round(x / ln 2), r = x - n ln 2 in [-ln(2)/2, ln(2)/2], exp(r) = 1 + r + r^2 q(r).
// The coefficients of q are minimax (Remez), lowest first. ln 2 is split so that n * ln2_high is exact.
// `round` is 1.5 * 2^(mantissa bits) + exponent bias: adding it rounds to an integer and leaves n + bias in
// the low bits, one shift away from 2^n.
template <class T>
struct ExpConstants;

template <>
struct ExpConstants<float> {
    static constexpr float round = 0x1.8p23f + 127, log2_e = 0x1.715476p+0f;
    static constexpr float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
    static constexpr float lowest = -87.3f, highest = 88.37f;  // n from -126 to 127
    static constexpr float q[] = {0.5000000026950337845f, 0.16666576970026886485f, 0.041666375133085550141f,
                                  0.0083631812374333794817f, 0.0013941124078187236499f};
};

template <>
struct ExpConstants<double> {
    static constexpr double round = 0x1.8p52 + 1023, log2_e = 0x1.71547652b82fep+0;
    static constexpr double ln2_high = 0x1.62e42fefap-1, ln2_low = 0x1.cf79abc9e3b3ap-40;
    static constexpr double lowest = -708.3, highest = 709.4;  // n from -1022 to 1023
    static constexpr double q[] = {0.50000000000000010223,     0.16666666666666674531,
                                   0.041666666666624123669,    0.0083333333333222063993,
                                   0.0013888888917215464125,   0.00019841269886593310706,
                                   0.000024801521293628821371, 2.7557242334418329825e-6,
                                   2.7620089412890901721e-7,   2.511005064807161279e-8};
};

template <class T, std::size_t N>
Batch<T> polynomial(Batch<T> x, const T (&coefficient)[N]) {
    Batch<T> sum(coefficient[N - 1]);
    DENSIMD_UNROLL
    for (std::size_t i = 2; i <= N; ++i) sum = Simd::fma(sum, x, Batch<T>(coefficient[N - i]));
    return sum;
}

// Within 1 ULP and a half for x in [lowest, highest]; beyond, exp of the nearer end. NaN gives NaN: both of a
// maximum's x86 and ARM forms return their second argument if that is a NaN.
template <class T>
Batch<T> exp_clamped(Batch<T> x) {
    using Constants = ExpConstants<T>;
    x = xsimd::max(Batch<T>(Constants::lowest), x);
    x = xsimd::min(Batch<T>(Constants::highest), x);
    const Batch<T> shifted = Simd::fma(x, Batch<T>(Constants::log2_e), Batch<T>(Constants::round));
    const Batch<T> n = shifted - Batch<T>(Constants::round);
    Batch<T> r = Simd::fma(n, Batch<T>(-Constants::ln2_high), x);
    r = Simd::fma(n, Batch<T>(-Constants::ln2_low), r);
    const Batch<T> p = Simd::fma(r * r, polynomial(r, Constants::q), r) + Batch<T>(T(1));
    return p * Simd::bits_to_exponent(shifted);
}

// log(1 + x) for x in [0, 1]: 2 atanh(s) with s = x / (2 + x) in [0, 1/3], as s P(s^2), P minimax (Remez).
template <class T>
struct Log1pConstants;

template <>
struct Log1pConstants<float> {
    static constexpr float p[] = {2.0000000080787403509f, 0.66666310144923472713f, 0.40025114320997872524f,
                                  0.27957665841961405188f, 0.28191546989572170433f};
};

template <>
struct Log1pConstants<double> {
    static constexpr double p[] = {2.0000000000000000025,   0.6666666666666612541,  0.40000000000192945171,
                                   0.28571428544623494805,  0.22222224129410802775, 0.18181739195343283608,
                                   0.15386647566742887087,  0.13299949223425816331, 0.12113421309237522065,
                                   0.083107203363632901294, 0.17068995696583413851};
};

template <class T>
Batch<T> log1p_unit(Batch<T> x) {
    const Batch<T> s = Simd::divide(x, x + Batch<T>(T(2)));
    return s * polynomial(s * s, Log1pConstants<T>::p);
}

// 1 / (1 + exp(-x)). Relative errors of exp near 1 shrink in the sum, so no case distinction by sign is
// needed. Below -highest, where exp would overflow, the result is 0.
template <class T>
Batch<T> sigmoid(Batch<T> x) {
    const Batch<T> one(T(1));
    const Batch<T> s = Simd::divide(one, one + exp_clamped(-x));
    return xsimd::select(x < Batch<T>(-ExpConstants<T>::highest), Batch<T>(T(0)), s);
}

}  // namespace
}  // namespace densimd::kernels
