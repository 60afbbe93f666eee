// AArch64's NEON: the operations that xsimd lacks.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <xsimd/xsimd.hpp>

namespace densimd::kernels {
namespace {

struct Simd {
    template <class T>
    using Batch = xsimd::batch<T, xsimd::neon64>;
    static constexpr std::size_t accumulators = 24;  // of 32 registers; the rest hold operands
    static constexpr bool fma_rounds_once = true;
    static constexpr bool masks_stores = false;  // whether store_partial does

    static Batch<float> fma(Batch<float> a, Batch<float> b, Batch<float> c) { return vfmaq_f32(c, a, b); }
    static Batch<double> fma(Batch<double> a, Batch<double> b, Batch<double> c) { return vfmaq_f64(c, a, b); }

    // Loads are instructions of their own, which g++ does not repeat.
    template <class B>
    static B in_register(B x) {
        return x;
    }

    // c - a b
    static Batch<float> fnma(Batch<float> a, Batch<float> b, Batch<float> c) { return vfmsq_f32(c, a, b); }
    static Batch<double> fnma(Batch<double> a, Batch<double> b, Batch<double> c) {
        return vfmsq_f64(c, a, b);
    }

    // xsimd 8.1 divides floats by a reciprocal estimate, which is not correctly rounded.
    static Batch<float> divide(Batch<float> a, Batch<float> b) { return vdivq_f32(a, b); }
    static Batch<double> divide(Batch<double> a, Batch<double> b) { return vdivq_f64(a, b); }

    static Batch<float> square_root(Batch<float> x) { return vsqrtq_f32(x); }
    static Batch<double> square_root(Batch<double> x) { return vsqrtq_f64(x); }

    // The first n elements, n <= width, and zeros.
    static Batch<float> load_partial(const float* p, std::size_t n) {
        if (n >= 4) return vld1q_f32(p);
        float32x4_t x = vdupq_n_f32(0);
        if (n > 0) x = vld1q_lane_f32(p, x, 0);
        if (n > 1) x = vld1q_lane_f32(p + 1, x, 1);
        if (n > 2) x = vld1q_lane_f32(p + 2, x, 2);
        return x;
    }
    static Batch<double> load_partial(const double* p, std::size_t n) {
        if (n >= 2) return vld1q_f64(p);
        const float64x2_t zero = vdupq_n_f64(0);
        return n == 1 ? vld1q_lane_f64(p, zero, 0) : zero;
    }
    static void store_partial(float* p, std::size_t n, Batch<float> x) {
        if (n >= 4) return vst1q_f32(p, x);
        if (n > 0) vst1q_lane_f32(p, x, 0);
        if (n > 1) vst1q_lane_f32(p + 1, x, 1);
        if (n > 2) vst1q_lane_f32(p + 2, x, 2);
    }
    static void store_partial(double* p, std::size_t n, Batch<double> x) {
        if (n >= 2) return vst1q_f64(p, x);
        if (n == 1) vst1q_lane_f64(p, x, 0);
    }

    // On the bits of each lane, as integers.
    static Batch<float> add_bits(Batch<float> x, Batch<float> y) {
        return vreinterpretq_f32_u32(vaddq_u32(vreinterpretq_u32_f32(x), vreinterpretq_u32_f32(y)));
    }
    static Batch<double> add_bits(Batch<double> x, Batch<double> y) {
        return vreinterpretq_f64_u64(vaddq_u64(vreinterpretq_u64_f64(x), vreinterpretq_u64_f64(y)));
    }
    static Batch<float> subtract_bits(Batch<float> x, Batch<float> y) {
        return vreinterpretq_f32_u32(vsubq_u32(vreinterpretq_u32_f32(x), vreinterpretq_u32_f32(y)));
    }
    static Batch<double> subtract_bits(Batch<double> x, Batch<double> y) {
        return vreinterpretq_f64_u64(vsubq_u64(vreinterpretq_u64_f64(x), vreinterpretq_u64_f64(y)));
    }
    template <int N>
    static Batch<float> shift_bits_up(Batch<float> x) {
        return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(x), N));
    }
    template <int N>
    static Batch<double> shift_bits_up(Batch<double> x) {
        return vreinterpretq_f64_u64(vshlq_n_u64(vreinterpretq_u64_f64(x), N));
    }
    template <int N>
    static Batch<float> shift_bits_down(Batch<float> x) {
        return vreinterpretq_f32_u32(vshrq_n_u32(vreinterpretq_u32_f32(x), N));
    }
    template <int N>
    static Batch<double> shift_bits_down(Batch<double> x) {
        return vreinterpretq_f64_u64(vshrq_n_u64(vreinterpretq_u64_f64(x), N));
    }

    static Batch<float> larger_bits(Batch<float> x, Batch<float> y) {
        return vreinterpretq_f32_u32(vmaxq_u32(vreinterpretq_u32_f32(x), vreinterpretq_u32_f32(y)));
    }

    // The entry of an 8-entry table that the low three bits of each lane of `index` choose.
    static Batch<float> lookup(const float (&table)[8], Batch<float> index) {
        const uint32x4_t entry = vandq_u32(vreinterpretq_u32_f32(index), vdupq_n_u32(7));
        const uint8x16_t bytes =  // 4 entry + 0, 1, 2, 3
            vreinterpretq_u8_u32(vmlaq_n_u32(vdupq_n_u32(0x03020100), entry, 0x04040404));
        const uint8x16x2_t all = {
            {vreinterpretq_u8_f32(vld1q_f32(table)), vreinterpretq_u8_f32(vld1q_f32(table + 4))}};
        return vreinterpretq_f32_u8(vqtbl2q_u8(all, bytes));
    }

    // The elements of a and b in turn: the first half of them and the second.
    static void interleave(Batch<float> a, Batch<float> b, Batch<float>& low, Batch<float>& high) {
        low = vzip1q_f32(a, b);
        high = vzip2q_f32(a, b);
    }
    static void interleave(Batch<double> a, Batch<double> b, Batch<double>& low, Batch<double>& high) {
        low = vzip1q_f64(a, b);
        high = vzip2q_f64(a, b);
    }

    // Lane i has what lane i + N had, modulo the width.
    template <int N>
    static Batch<float> rotate(Batch<float> x) {
        if constexpr (N == 0) return x;
        return vextq_f32(x, x, N);
    }
    template <int N>
    static Batch<double> rotate(Batch<double> x) {
        if constexpr (N == 0) return x;
        return vextq_f64(x, x, N);
    }

    // out[i] = the sum of the lanes of x[i], sums_at_once of them: upper half to lower half until one is
    // left.
    template <class T>
    static constexpr std::size_t sums_at_once = 16 / sizeof(T);

    static void sums(const Batch<float> (&x)[4], float* out) {
        const auto half = [&x](std::size_t i) {
            const float32x4_t lanes = x[i];
            return vadd_f32(vget_low_f32(lanes), vget_high_f32(lanes));
        };
        vst1q_f32(out, vpaddq_f32(vcombine_f32(half(0), half(1)), vcombine_f32(half(2), half(3))));
    }
    static void sums(const Batch<double> (&x)[2], double* out) { vst1q_f64(out, vpaddq_f64(x[0], x[1])); }

    // The sum of the lanes of one vector, in the same order.
    static float sum(Batch<float> x) {
        const float32x2_t two = vadd_f32(vget_low_f32(x), vget_high_f32(x));
        return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
    }
    static double sum(Batch<double> x) {
        const float64x2_t lanes = x;
        return vgetq_lane_f64(lanes, 0) + vgetq_lane_f64(lanes, 1);
    }
    template <class B>
    static B sum_in_all_lanes(B x) {
        return B(sum(x));
    }

    static float first(Batch<float> x) { return vgetq_lane_f32(x, 0); }
    static double first(Batch<double> x) { return vgetq_lane_f64(x, 0); }
};

}  // namespace
}  // namespace densimd::kernels
