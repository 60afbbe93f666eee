// AVX-512 (F, CD, DQ, BW, VL): the operations that xsimd lacks.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <xsimd/xsimd.hpp>

namespace densimd::kernels {
namespace {

struct Simd {
    template <class T>
    using Batch = xsimd::batch<T, xsimd::avx512bw>;
    static constexpr std::size_t accumulators = 24;  // of 32 registers; the rest hold operands

    static Batch<float> fma(Batch<float> a, Batch<float> b, Batch<float> c) {
        return _mm512_fmadd_ps(a, b, c);
    }
    static Batch<double> fma(Batch<double> a, Batch<double> b, Batch<double> c) {
        return _mm512_fmadd_pd(a, b, c);
    }

    template <class B>
    static B divide(B a, B b) {
        return a / b;
    }

    // The first n elements, n <= width, and zeros.
    static Batch<float> load_partial(const float* p, std::size_t n) {
        return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
    }
    static Batch<double> load_partial(const double* p, std::size_t n) {
        return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), p);
    }
    static void store_partial(float* p, std::size_t n, Batch<float> x) {
        _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), x);
    }
    static void store_partial(double* p, std::size_t n, Batch<double> x) {
        _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1), x);
    }

    // The low bits of x, moved up to where the exponent lies.
    static Batch<float> bits_to_exponent(Batch<float> x) {
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(x), 23));
    }
    static Batch<double> bits_to_exponent(Batch<double> x) {
        return _mm512_castsi512_pd(_mm512_slli_epi64(_mm512_castpd_si512(x), 52));
    }

    // The sum of the lanes: upper half to lower half until one is left.
    static float sum(Batch<float> x) {
        const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
        const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }
    static double sum(Batch<double> x) {
        const __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(x), _mm512_extractf64x4_pd(x, 1));
        const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
        return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
    }
};

}  // namespace
}  // namespace densimd::kernels
