// exp and log1p on the ranges that the kernels need, and the sigmoid.
#pragma once

#include "algorithms/vector.hpp"

namespace densimd::kernels {
namespace {

template <class T, std::size_t N>
Batch<T> polynomial(Batch<T> x, const T (&coefficient)[N]) {
    Batch<T> sum(coefficient[N - 1]);
    DENSIMD_UNROLL
    for (std::size_t i = 2; i <= N; ++i) sum = Simd::fma(sum, x, Batch<T>(coefficient[N - i]));
    return sum;
}

// exp(x) = 2^n exp(r) with r = x - n ln 2, and exp(r) from a minimax polynomial (Remez; coefficients lowest
// first). ln 2 is split in two so that r keeps its bits. `round` is so large that adding it rounds x / ln 2
// to n and leaves n in the low bits.
template <class T>
struct Exp;

// n is a multiple of 1/8 and r within ln(2)/16, where exp(r) = 1 + r p(r) needs three terms. 2^n is an entry
// of a table that fits a register, moved up by n's whole part; the entry is 2^(i/8) less i << 20, because n's
// bits carry i along.
template <>
struct Exp<float> {
    static constexpr float round = 0x1.8p20f, log2_e = 0x1.715476p+0f;
    static constexpr float ln2_high = 0x1.62ep-1f, ln2_low = 0x1.0bfbe8p-15f;
    static constexpr float lowest = -87.3f, highest = 88.37f;  // n from -126 to 127.5
    static constexpr float all_zero = -104.5f;                 // exp and all below round to 0
    static constexpr float p[] = {0.99999999263214122764f, 0.50005876978315580712f, 0.16668625638972137993f};
    static constexpr float table[8] = {0x1.000000p+0f, 0x1.f72b84p-1f, 0x1.f06fe0p-1f, 0x1.ebfdaep-1f,
                                       0x1.ea09e6p-1f, 0x1.eace54p-1f, 0x1.ee89fap-1f, 0x1.f5818ep-1f};

    static Batch<float> scaled(Batch<float> r, Batch<float> shifted) {
        const Batch<float> power = Simd::add_shifted_bits(Simd::lookup(table, shifted), shifted);
        return Simd::fma(power, r * polynomial(r, p), power);
    }
};

// n is whole and r within ln(2)/2, where exp(r) = 1 + r + r^2 q(r). `round` holds the exponent's bias as
// well, so that the low bits are one shift away from 2^n.
template <>
struct Exp<double> {
    static constexpr double round = 0x1.8p52 + 1023, log2_e = 0x1.71547652b82fep+0;
    static constexpr double ln2_high = 0x1.62e42fefap-1, ln2_low = 0x1.cf79abc9e3b3ap-40;
    static constexpr double lowest = -708.3, highest = 709.4;  // n from -1022 to 1023
    static constexpr double all_zero = -746;                   // exp and all below round to 0
    static constexpr double q[] = {0.50000000000000010223,     0.16666666666666674531,
                                   0.041666666666624123669,    0.0083333333333222063993,
                                   0.0013888888917215464125,   0.00019841269886593310706,
                                   0.000024801521293628821371, 2.7557242334418329825e-6,
                                   2.7620089412890901721e-7,   2.511005064807161279e-8};

    static Batch<double> scaled(Batch<double> r, Batch<double> shifted) {
        const Batch<double> p = Simd::fma(r * r, polynomial(r, q), r) + Batch<double>(1.0);
        return p * Simd::bits_to_exponent(shifted);
    }
};

// exp(x) / 2^taken_out within 1.5 ULP, for x in [lowest, highest + taken_out ln 2], which the caller makes
// sure of. NaN gives NaN.
template <class T>
Batch<T> exp_in_range(Batch<T> x, Batch<T> taken_out = Batch<T>(T(0))) {
    const Batch<T> shifted = Simd::fma(x, Batch<T>(Exp<T>::log2_e), Batch<T>(Exp<T>::round));
    const Batch<T> n = shifted - Batch<T>(Exp<T>::round);
    Batch<T> r = Simd::fma(n, Batch<T>(-Exp<T>::ln2_high), x);
    r = Simd::fma(n, Batch<T>(-Exp<T>::ln2_low), r);
    return Exp<T>::scaled(r, shifted - taken_out);
}

// exp of the nearer end beyond [lowest, highest]. A maximum's x86 and ARM forms both return their second
// argument if that is a NaN.
template <class T>
Batch<T> exp_clamped(Batch<T> x) {
    x = xsimd::max(Batch<T>(Exp<T>::lowest), x);
    return exp_in_range(xsimd::min(Batch<T>(Exp<T>::highest), x));
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

// The sigmoid where exp(-x) would overflow or the result is not a normal number: beside such an exp the 1 is
// negligible, so a power of two is taken out of it and multiplied back at the end, with one rounding to a
// denormal.
template <class T>
[[gnu::noinline]] Batch<T> sigmoid_of_very_negative(Batch<T> x) {
    constexpr T power = sizeof(T) == 4 ? T(64) : T(512);
    constexpr T factor = sizeof(T) == 4 ? T(0x1p-64) : T(0x1p-512);  // 2^-power
    const Batch<T> zero(T(0)), one(T(1));
    const auto tiny = x < Batch<T>(Exp<T>::lowest);
    Batch<T> y = xsimd::max(Batch<T>(Exp<T>::lowest), -x);
    y = xsimd::min(Batch<T>(-Exp<T>::all_zero), y);
    const Batch<T> e = exp_in_range(y, xsimd::select(tiny, Batch<T>(power), zero));
    return Simd::divide(one, one + e) * xsimd::select(tiny, Batch<T>(factor), one);
}

// 1 / (1 + exp(-x)). Relative errors of exp near 1 shrink in the sum, so no case distinction by sign is
// needed.
template <class T>
Batch<T> sigmoid(Batch<T> x) {
    const Batch<T> one(T(1)), lowest(Exp<T>::lowest);
    if (xsimd::any(x < lowest)) [[unlikely]]
        return sigmoid_of_very_negative(x);
    return Simd::divide(one, one + exp_in_range(xsimd::max(lowest, -x)));
}

}  // namespace
}  // namespace densimd::kernels
