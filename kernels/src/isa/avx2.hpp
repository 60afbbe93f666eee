// AVX2 and FMA: the operations that xsimd lacks.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <xsimd/xsimd.hpp>

namespace densimd::kernels {
namespace {

struct Simd {
    template <class T>
    using Batch = xsimd::batch<T, xsimd::fma3<xsimd::avx2>>;
    static constexpr std::size_t accumulators = 12;  // of 16 registers; the rest hold operands

    static Batch<float> fma(Batch<float> a, Batch<float> b, Batch<float> c) {
        return _mm256_fmadd_ps(a, b, c);
    }
    static Batch<double> fma(Batch<double> a, Batch<double> b, Batch<double> c) {
        return _mm256_fmadd_pd(a, b, c);
    }

    template <class B>
    static B divide(B a, B b) {
        return a / b;
    }

    // The first n elements, n <= width, and zeros.
    static Batch<float> load_partial(const float* p, std::size_t n) {
        const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), index));
    }
    static Batch<double> load_partial(const double* p, std::size_t n) {
        const __m256i index = _mm256_setr_epi64x(0, 1, 2, 3);
        return _mm256_maskload_pd(p,
                                  _mm256_cmpgt_epi64(_mm256_set1_epi64x(static_cast<long long>(n)), index));
    }

    // Halves, quarters, ...: on AMD a masked store costs 12 cycles (Fog, instruction tables).
    static void store_partial(float* p, std::size_t n, Batch<float> x) {
        if (n >= 8) return _mm256_storeu_ps(p, x);
        __m128 part = _mm256_castps256_ps128(x);
        if (n & 4) {
            _mm_storeu_ps(p, part);
            part = _mm256_extractf128_ps(x, 1);
            p += 4;
        }
        if (n & 2) {
            _mm_storel_pi(reinterpret_cast<__m64*>(p), part);
            part = _mm_movehl_ps(part, part);
            p += 2;
        }
        if (n & 1) _mm_store_ss(p, part);
    }
    static void store_partial(double* p, std::size_t n, Batch<double> x) {
        if (n >= 4) return _mm256_storeu_pd(p, x);
        __m128d part = _mm256_castpd256_pd128(x);
        if (n & 2) {
            _mm_storeu_pd(p, part);
            part = _mm256_extractf128_pd(x, 1);
            p += 2;
        }
        if (n & 1) _mm_store_sd(p, part);
    }

    // The low bits of x, moved up to where the exponent lies.
    static Batch<float> bits_to_exponent(Batch<float> x) {
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(x), 23));
    }
    static Batch<double> bits_to_exponent(Batch<double> x) {
        return _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(x), 52));
    }

    // The sum of the lanes: upper half to lower half until one is left.
    static float sum(Batch<float> x) {
        const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }
    static double sum(Batch<double> x) {
        const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
        return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
    }
};

}  // namespace
}  // namespace densimd::kernels
