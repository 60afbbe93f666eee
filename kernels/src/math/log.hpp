// log and log(1 + x).
#pragma once

#include <limits>
#include <type_traits>

#include "math/exp.hpp"

namespace densimd::kernels {
namespace {

// log(1 + f) = 2 atanh(s) = f - s (f - s^2 R(s^2)) with s = f / (2 + f); R is minimax for s in [0, 1/3]
// (Remez).
template <class T>
struct Log;

template <>
struct Log<float> {
    static constexpr float R[] = {0.66666638977743600838f, 0.40007782360360241607f, 0.28231279431602438409f,
                                  0.268836100667510101f};
    static constexpr int mantissa_bits = 23;
    static constexpr float exponent_bits = std::numeric_limits<float>::infinity();  // all of them are set
    static constexpr float number_bits = 0x1p23f, bias = 127;
};

template <>
struct Log<double> {
    static constexpr double R[] = {0.66666666666666658104, 0.40000000000015251076, 0.28571428566947979609,
                                   0.2222222273231131863,  0.18181788746167048594, 0.15385588027873397044,
                                   0.13313869553594200682, 0.12003519978702394693, 0.087889818372616518908,
                                   0.16187577031522876269};
    static constexpr int mantissa_bits = 52;
    static constexpr double exponent_bits = std::numeric_limits<double>::infinity();
    static constexpr double number_bits = 0x1p52, bias = 1023;
};

// log(1 + f) for f in [-0.3, 1].
template <class T>
DENSIMD_INLINE Batch<T> log1p_reduced(Batch<T> f) {
    const Batch<T> s = Simd::divide(f, f + Batch<T>(T(2))), z = s * s;
    return Simd::fnma(s, Simd::fnma(z, polynomial(z, Log<T>::R), f), f);
}

// x = 2^k m with m in [sqrt(1/2), sqrt(2)), for x positive and normal: k, and 2^k with its bits.
template <class T>
struct Exponent {
    Batch<T> k, power;
};

template <class T>
DENSIMD_INLINE Exponent<T> exponent(Batch<T> x) {
    using L = Log<T>;
    // Adding the distance from sqrt(1/2) to 1, in bits, carries into the exponent from sqrt(2) / 2 on.
    const Batch<T> one(T(1)), root(T(0.70710678118654752440));
    const Batch<T> moved = Simd::add_bits(x, Simd::subtract_bits(one, root));
    // The exponent, an integer, as the low bits of a number so large that they count ones.
    const Batch<T> number =
        Simd::add_bits(Simd::template shift_bits_down<L::mantissa_bits>(moved), Batch<T>(L::number_bits));
    return {number - Batch<T>(L::number_bits + L::bias), moved & Batch<T>(L::exponent_bits)};
}

// k ln 2 + log(1 + f)
template <class T>
DENSIMD_INLINE Batch<T> log_of_parts(Batch<T> k, Batch<T> f) {
    const Batch<T> low = Simd::fma(k, Batch<T>(Exp<T>::ln2_low), log1p_reduced(f));
    return Simd::fma(k, Batch<T>(Exp<T>::ln2_high), low);
}

// log(x) 2^added for x positive and normal, or NaN.
template <class T>
DENSIMD_INLINE Batch<T> log_in_range(Batch<T> x, Batch<T> added = Batch<T>(T(0))) {
    const Batch<T> one(T(1));
    const auto [k, power] = exponent(x);
    const Batch<T> m = Simd::add_bits(Simd::subtract_bits(x, power), one);
    // A NaN has lost itself in the bits.
    return xsimd::select(x == x, log_of_parts(k + added, m - one), x);
}

template <class T>
Batch<T> log_of_any(Batch<T> x) {
    using Limits = std::numeric_limits<T>;
    const Batch<T> zero(T(0)), one(T(1)), infinity(Limits::infinity());
    const auto tiny = x < Batch<T>(Limits::min());
    const Batch<T> normal = x * xsimd::select(tiny, Batch<T>(Exp<T>::rescale), one);
    Batch<T> y = log_in_range(normal, xsimd::select(tiny, Batch<T>(-Exp<T>::rescale_exponent), zero));
    y = xsimd::select(x == zero, -infinity, y);
    y = xsimd::select(x < zero, Batch<T>(Limits::quiet_NaN()), y);
    return xsimd::select(x == infinity, infinity, y);
}

template <class T>
struct LogFunction {
    DENSIMD_INLINE auto needs_full_range(Batch<T> x) const {
        using Limits = std::numeric_limits<T>;
        return (x < Batch<T>(Limits::min())) | (x > Batch<T>(Limits::max()));
    }

    template <class Range>
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const {
        if constexpr (std::is_same_v<Range, FastRange>)
            return log_in_range(x);
        else
            return log_of_any(x);
    }
};

// With 1 + x = 2^k m: f = m - 1 = 2^-k x + (2^-k - 1), rounded once. From `large` on the 1 is negligible, and
// 2^-k might not be a normal number.
template <class T>
struct Log1pFunction {
    static constexpr T large = T(0x1p64);

    DENSIMD_INLINE auto needs_full_range(Batch<T> x) const { return (x <= Batch<T>(T(-1))) | (x > Batch<T>(large)); }

    template <class Range>
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const {
        const Batch<T> one(T(1));
        const auto [k, power] = exponent(one + x);
        const Batch<T> reciprocal = Simd::subtract_bits(Simd::add_bits(one, one), power);  // 2^-k
        const Batch<T> y =
            xsimd::select(x == x, log_of_parts(k, Simd::fma(x, reciprocal, reciprocal - one)), x);
        if constexpr (std::is_same_v<Range, FastRange>) return y;
        const Batch<T> elsewhere = log_of_any(xsimd::select(x > one, x, x + one));
        return xsimd::select(needs_full_range(x), elsewhere, y);
    }
};

template <class T>
DENSIMD_INLINE Batch<T> log(Batch<T> x) {
    return value_of(LogFunction<T>{}, x);
}

template <class T>
DENSIMD_INLINE Batch<T> log1p(Batch<T> x) {
    return value_of(Log1pFunction<T>{}, x);
}

}  // namespace
}  // namespace densimd::kernels
