// exp, exp - 1 and what is made of them.
#pragma once

#include "math/fast_range.hpp"
#include "simd/reduce.hpp"

namespace densimd::kernels {
namespace {

template <class T, std::size_t N>
DENSIMD_INLINE Batch<T> polynomial(Batch<T> x, const T (&coefficient)[N]) {
    Batch<T> sum(coefficient[N - 1]);
    DENSIMD_UNROLL
    for (std::size_t i = 2; i <= N; ++i) sum = Simd::fma(sum, x, Batch<T>(coefficient[N - i]));
    return sum;
}

// A bit flipped: unlike a subtraction it does not wait for an adder.
template <class T>
DENSIMD_INLINE Batch<T> negative(Batch<T> x) {
    return x ^ Batch<T>(T(-0.0));
}

// exp(x) = 2^n exp(r) with r = x - n ln 2, and exp(r) from a minimax polynomial (Remez; coefficients lowest
// first). ln 2 is split in two so that r keeps its bits. `round` is so large that adding it rounds x / ln 2
// to n and leaves n in the low bits.
template <class T>
struct Exp;

// n is a multiple of 1/8 and r within ln(2)/16. 2^n is an entry of a table that fits a register, moved up by
// n's whole part. The entries are c 2^(i/8), c so chosen that their roundings are below 2^-27 (Gal and
// Bachelis, ACM TOMS 17, 1991), and the polynomial is that of exp(r) / c - 1 = r p(r) + p0, tilted a little
// so that exp rises where one entry follows the other. An entry is stored less i << 20, because n's bits
// carry i along.
template <>
struct Exp<float> {
    static constexpr float round = 0x1.8p20f, log2_e = 0x1.715476p+0f;
    static constexpr float ln2_high = 0x1.62ep-1f, ln2_low = 0x1.0bfbe8p-15f;
    static constexpr float lowest = -87.25f, highest = 88.37f;  // n from -125.9 to 127.5
    static constexpr float all_zero = -120, all_infinite = 89;  // 0, even times that number; infinity
    static constexpr float rescale = 0x1p64f, rescale_exponent = 64;
    static constexpr float p[] = {0x1.00186p+0f, 0x1.00233p-1f, 0x1.54ae56p-3f}, p0 = 0x1.857fa8p-12f;
    static constexpr float table[8] = {0x1.ffcf54p-1f, 0x1.f710fap-1f, 0x1.f052f0p-1f, 0x1.ebde1ep-1f,
                                       0x1.e9e77cp-1f, 0x1.eaa8ccp-1f, 0x1.ee610cp-1f, 0x1.f554ecp-1f};

    // The same of exp(-r) / c, tilted so that 1 + 2^n exp(-r), rounded once, never rises with r. For fused
    // multiply-adds.
    static constexpr float of_minus_r[] = {0x1.001858p+0f, -0x1.00186p+0f, 0x1.0022dcp-1f, -0x1.54ad7p-3f};

    DENSIMD_INLINE static Batch<float> power(Batch<float> shifted) {
        return Simd::add_bits(Simd::lookup(table, shifted), Simd::shift_bits_up<20>(shifted));
    }
    DENSIMD_INLINE static Batch<float> scaled(Batch<float> r, Batch<float> shifted) {
        const Batch<float> c = power(shifted);
        return Simd::fma(c, Simd::fma(r, polynomial(r, p), Batch<float>(p0)), c);
    }
    DENSIMD_INLINE static Batch<float> one_plus_scaled(Batch<float> minus_r, Batch<float> shifted) {
        if constexpr (!Simd::fma_rounds_once)  // then only small products are as accurate as sums
            return Batch<float>(1.0f) + scaled(negative(minus_r), shifted);
        else
            return Simd::fma(power(shifted), polynomial(minus_r, of_minus_r), Batch<float>(1.0f));
    }
};

// n is whole and r within ln(2)/2, where exp(r) = 1 + r + r^2 q(r). `round` holds the exponent's bias as
// well, so that the low bits are one shift away from 2^n.
template <>
struct Exp<double> {
    static constexpr double round = 0x1.8p52 + 1023, log2_e = 0x1.71547652b82fep+0;
    static constexpr double ln2_high = 0x1.62e42fefap-1, ln2_low = 0x1.cf79abc9e3b3ap-40;
    static constexpr double lowest = -708.3, highest = 709.4;     // n from -1022 to 1023
    static constexpr double all_zero = -800, all_infinite = 710;  // 0, even times that number; infinity
    static constexpr double rescale = 0x1p512, rescale_exponent = 512;
    static constexpr double q[] = {0.50000000000000010223,     0.16666666666666674531,
                                   0.041666666666624123669,    0.0083333333333222063993,
                                   0.0013888888917215464125,   0.00019841269886593310706,
                                   0.000024801521293628821371, 2.7557242334418329825e-6,
                                   2.7620089412890901721e-7,   2.511005064807161279e-8};

    DENSIMD_INLINE static Batch<double> unscaled(Batch<double> r) {
        return Simd::fma(r * r, polynomial(r, q), r) + Batch<double>(1.0);
    }
    DENSIMD_INLINE static Batch<double> scaled(Batch<double> r, Batch<double> shifted) {
        return unscaled(r) * Simd::shift_bits_up<52>(shifted);
    }
    DENSIMD_INLINE static Batch<double> one_plus_scaled(Batch<double> minus_r, Batch<double> shifted) {
        return Simd::fma(unscaled(negative(minus_r)), Simd::shift_bits_up<52>(shifted), Batch<double>(1.0));
    }
};

// exp(x) / 2^scale_exponent within 1.5 ULP, for x in [lowest, highest + scale_exponent ln 2], which the caller makes
// sure of. NaN gives NaN.
template <class T>
DENSIMD_INLINE Batch<T> exp_in_range(Batch<T> x, Batch<T> scale_exponent = Batch<T>(T(0))) {
    using E = Exp<T>;
    const Batch<T> shifted = Simd::fma(x, Batch<T>(E::log2_e), Batch<T>(E::round));
    const Batch<T> n = shifted - Batch<T>(E::round);
    const Batch<T> r = Simd::fnma(n, Batch<T>(E::ln2_low), Simd::fnma(n, Batch<T>(E::ln2_high), x));
    return E::scaled(r, shifted - scale_exponent);
}

// 1 + exp(-x), likewise: without a negation and, where multiply-adds are fused, with one rounding less.
// Relative errors of exp near 1 shrink in the sum, so sigmoids need no case distinction by sign.
template <class T>
DENSIMD_INLINE Batch<T> one_plus_exp_minus(Batch<T> x, Batch<T> scale_exponent = Batch<T>(T(0))) {
    using E = Exp<T>;
    const Batch<T> shifted = Simd::fnma(x, Batch<T>(E::log2_e), Batch<T>(E::round));
    const Batch<T> n = shifted - Batch<T>(E::round);
    const Batch<T> minus_r = Simd::fma(n, Batch<T>(E::ln2_low), Simd::fma(n, Batch<T>(E::ln2_high), x));
    return E::one_plus_scaled(minus_r, shifted - scale_exponent);
}

// The nearer end of [low, high] if x is beyond it. A maximum's x86 and ARM forms both return their second
// argument if that is a NaN.
template <class T>
DENSIMD_INLINE Batch<T> clamp(Batch<T> x, T low, T high) {
    return xsimd::min(Batch<T>(high), xsimd::max(Batch<T>(low), x));
}

template <class T>
DENSIMD_INLINE Batch<T> exp_clamped(Batch<T> x) {
    return exp_in_range(clamp(x, Exp<T>::lowest, Exp<T>::highest));
}

// exp and numerator / (1 + exp(-x)), which sigmoids are made of, for two ranges of x.
//
// FastRange: |x| <= -lowest, and NaN.
struct FastRange {
    template <class T>
    DENSIMD_INLINE static Batch<T> exp(Batch<T> x) {
        return exp_in_range(x);
    }

    template <class T>
    DENSIMD_INLINE static Batch<T> sigmoid_times(Batch<T> numerator, Batch<T> x) {
        return Simd::divide(numerator, one_plus_exp_minus(x));
    }
};

// sigmoid(x) and 1 - sigmoid(x) for an x of the fast range, both with all their bits.
template <class T>
struct SigmoidAndRest {
    Batch<T> sigmoid, rest;
};

template <class T>
DENSIMD_INLINE SigmoidAndRest<T> sigmoid_and_rest(Batch<T> x) {
    const Batch<T> one(T(1)), e = exp_in_range(negative(x)), s = Simd::divide(one, one + e);
    return {s, e * s};
}

// Any x. Where the result would be infinite or not a normal number, a power of two is taken out of exp and
// multiplied back at the end, with one rounding; beside an exp that large the 1 is negligible.
struct FullRange {
    template <class T>
    static Batch<T> exp(Batch<T> x) {
        using E = Exp<T>;
        const Batch<T> zero(T(0)), one(T(1));
        const auto tiny = x<Batch<T>(E::lowest), huge = x> Batch<T>(E::highest);
        const Batch<T> scale_exponent = xsimd::select(tiny, Batch<T>(-E::rescale_exponent),
                                                 xsimd::select(huge, Batch<T>(E::rescale_exponent), zero));
        const Batch<T> factor =
            xsimd::select(tiny, Batch<T>(1 / E::rescale), xsimd::select(huge, Batch<T>(E::rescale), one));
        return exp_in_range(clamp(x, E::all_zero, E::all_infinite), scale_exponent) * factor;
    }

    template <class T>
    static Batch<T> sigmoid_times(Batch<T> numerator, Batch<T> x) {
        using E = Exp<T>;
        const Batch<T> zero(T(0)), one(T(1));
        const auto tiny = x < Batch<T>(E::lowest);
        const Batch<T> denominator = one_plus_exp_minus(
            clamp(x, E::all_zero, -E::lowest), xsimd::select(tiny, Batch<T>(E::rescale_exponent), zero));
        return Simd::divide(numerator, denominator) * xsimd::select(tiny, Batch<T>(1 / E::rescale), one);
    }
};

template <class T>
struct ExpFunction {
    static constexpr T fast_limit = -Exp<T>::lowest;

    template <class Range>
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const {
        return Range::exp(x);
    }
};

template <class T>
DENSIMD_INLINE Batch<T> exp(Batch<T> x) {
    return value_of(ExpFunction<T>{}, x);
}

// exp(x) - 1 = 2^n (exp(r) - 1) + (2^n - 1) with n whole, for x in [Expm1<T>::lowest, highest]: nothing
// cancels but what is exact.
template <class T>
struct Expm1;

template <>
struct Expm1<float> {
    static constexpr float round = 0x1.8p23f + 127, lowest = -20;
    static constexpr int mantissa_bits = 23;
    static constexpr float q[] = {0.50000000269501713017f, 0.16666576970026700011f, 0.041666375133902483269f,
                                  0.0083631812376520448386f, 0.0013941124021726353197f};
};

template <>
struct Expm1<double> {
    static constexpr double round = Exp<double>::round, lowest = -40;
    static constexpr int mantissa_bits = 52;
    static constexpr auto& q = Exp<double>::q;
};

template <class T>
DENSIMD_INLINE Batch<T> expm1_in_range(Batch<T> x) {
    const Batch<T> shifted = Simd::fma(x, Batch<T>(Exp<T>::log2_e), Batch<T>(Expm1<T>::round));
    const Batch<T> n = shifted - Batch<T>(Expm1<T>::round);
    const Batch<T> r = Simd::fnma(n, Batch<T>(Exp<T>::ln2_low), Simd::fnma(n, Batch<T>(Exp<T>::ln2_high), x));
    const Batch<T> power = Simd::template shift_bits_up<Expm1<T>::mantissa_bits>(shifted);
    return Simd::fma(power, Simd::fma(r * r, polynomial(r, Expm1<T>::q), r), power - Batch<T>(T(1)));
}

// tanh(x) = x + x z P(z) with z = x^2 and P minimax (Remez) up to 1/2, beyond which 1 - 2 / (exp(2 |x|) + 1)
// has lost nothing. From `all_one` on it rounds to 1.
template <class T>
struct Tanh;

template <>
struct Tanh<float> {
    static constexpr float P[] = {-0.33333332821620220849f, 0.13333228956495733094f,
                                  -0.053934103296270459375f, 0.021474732935468662821f,
                                  -0.0069510292966336574417f};
    static constexpr float all_one = 10;
};

template <>
struct Tanh<double> {
    static constexpr double P[] = {-0.33333333333333329153,    0.13333333333329956158,
                                   -0.053968253963750499682,   0.021869488302991008445,
                                   -0.0088632293883212093258,  0.0035920348302460922911,
                                   -0.0014549686396651495449,  0.00058500195542668609232,
                                   -0.00022115021335175566756, 0.000059538838413042519407};
    static constexpr double all_one = 20;
};

template <class T>
DENSIMD_INLINE Batch<T> tanh(Batch<T> x) {
    const Batch<T> one(T(1)), two(T(2)), sign = x & Batch<T>(T(-0.0)), magnitude = xsimd::abs(x);
    const Batch<T> bounded = xsimd::min(Batch<T>(Tanh<T>::all_one), magnitude), z = bounded * bounded;
    const Batch<T> small = Simd::fma(bounded * z, polynomial(z, Tanh<T>::P), bounded);
    const Batch<T> large = one - Simd::divide(two, one + exp_in_range(bounded + bounded));
    return xsimd::select(bounded < Batch<T>(T(0.5)), small, large) | sign;
}

}  // namespace
}  // namespace densimd::kernels
