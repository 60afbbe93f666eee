// x86-64's SSE2: the operations that xsimd lacks. There is no fused multiply-add.
#pragma once

#include <emmintrin.h>

#include <cstddef>
#include <xsimd/xsimd.hpp>

namespace densimd::kernels {
namespace {

struct Simd {
    template <class T>
    using Batch = xsimd::batch<T, xsimd::sse2>;
    static constexpr std::size_t accumulators = 12;  // of 16 registers; the rest hold operands
    static constexpr bool fma_rounds_once = false;
    static constexpr bool masks_stores = false;  // whether store_partial does

    template <class B>
    static B fma(B a, B b, B c) {
        return a * b + c;
    }

    // Loads are instructions of their own, which g++ does not repeat.
    template <class B>
    static B in_register(B x) {
        return x;
    }

    // c - a b
    template <class B>
    static B fnma(B a, B b, B c) {
        return c - a * b;
    }

    template <class B>
    static B divide(B a, B b) {
        return a / b;
    }

    static Batch<float> square_root(Batch<float> x) { return _mm_sqrt_ps(x); }
    static Batch<double> square_root(Batch<double> x) { return _mm_sqrt_pd(x); }

    // The first n elements, n <= width, and zeros.
    static Batch<float> load_partial(const float* p, std::size_t n) {
        switch (n) {
            case 0:
                return _mm_setzero_ps();
            case 1:
                return _mm_load_ss(p);
            case 2:
                return _mm_setr_ps(p[0], p[1], 0, 0);
            case 3:
                return _mm_setr_ps(p[0], p[1], p[2], 0);
            default:
                return _mm_loadu_ps(p);
        }
    }
    static Batch<double> load_partial(const double* p, std::size_t n) {
        return n == 0 ? _mm_setzero_pd() : n == 1 ? _mm_load_sd(p) : _mm_loadu_pd(p);
    }
    static void store_partial(float* p, std::size_t n, Batch<float> x) {
        if (n >= 4) return _mm_storeu_ps(p, x);
        __m128 part = x;
        if (n & 2) {
            _mm_storel_pi(reinterpret_cast<__m64*>(p), part);
            part = _mm_movehl_ps(part, part);
            p += 2;
        }
        if (n & 1) _mm_store_ss(p, part);
    }
    static void store_partial(double* p, std::size_t n, Batch<double> x) {
        if (n >= 2) return _mm_storeu_pd(p, x);
        if (n == 1) _mm_store_sd(p, x);
    }

    // On the bits of each lane, as integers.
    static Batch<float> add_bits(Batch<float> x, Batch<float> y) {
        return _mm_castsi128_ps(_mm_add_epi32(_mm_castps_si128(x), _mm_castps_si128(y)));
    }
    static Batch<double> add_bits(Batch<double> x, Batch<double> y) {
        return _mm_castsi128_pd(_mm_add_epi64(_mm_castpd_si128(x), _mm_castpd_si128(y)));
    }
    static Batch<float> subtract_bits(Batch<float> x, Batch<float> y) {
        return _mm_castsi128_ps(_mm_sub_epi32(_mm_castps_si128(x), _mm_castps_si128(y)));
    }
    static Batch<double> subtract_bits(Batch<double> x, Batch<double> y) {
        return _mm_castsi128_pd(_mm_sub_epi64(_mm_castpd_si128(x), _mm_castpd_si128(y)));
    }
    template <int N>
    static Batch<float> shift_bits_up(Batch<float> x) {
        return _mm_castsi128_ps(_mm_slli_epi32(_mm_castps_si128(x), N));
    }
    template <int N>
    static Batch<double> shift_bits_up(Batch<double> x) {
        return _mm_castsi128_pd(_mm_slli_epi64(_mm_castpd_si128(x), N));
    }
    template <int N>
    static Batch<float> shift_bits_down(Batch<float> x) {
        return _mm_castsi128_ps(_mm_srli_epi32(_mm_castps_si128(x), N));
    }
    template <int N>
    static Batch<double> shift_bits_down(Batch<double> x) {
        return _mm_castsi128_pd(_mm_srli_epi64(_mm_castpd_si128(x), N));
    }

    // The entry of an 8-entry table that the low three bits of each lane of `index` choose.
    static Batch<float> lookup(const float (&table)[8], Batch<float> index) {
        alignas(16) unsigned i[4];
        _mm_store_si128(reinterpret_cast<__m128i*>(i),
                        _mm_and_si128(_mm_castps_si128(index), _mm_set1_epi32(7)));
        return _mm_setr_ps(table[i[0]], table[i[1]], table[i[2]], table[i[3]]);
    }

    // The elements of a and b in turn: the first half of them and the second.
    static void interleave(Batch<float> a, Batch<float> b, Batch<float>& low, Batch<float>& high) {
        low = _mm_unpacklo_ps(a, b);
        high = _mm_unpackhi_ps(a, b);
    }
    static void interleave(Batch<double> a, Batch<double> b, Batch<double>& low, Batch<double>& high) {
        low = _mm_unpacklo_pd(a, b);
        high = _mm_unpackhi_pd(a, b);
    }

    // Lane i has what lane i + N had, modulo the width.
    template <int N>
    static Batch<float> rotate(Batch<float> x) {
        if constexpr (N == 0) return x;
        return _mm_shuffle_ps(x, x, N | (N + 1) % 4 << 2 | (N + 2) % 4 << 4 | (N + 3) % 4 << 6);
    }
    template <int N>
    static Batch<double> rotate(Batch<double> x) {
        if constexpr (N == 0) return x;
        return _mm_shuffle_pd(x, x, N | (1 - N) << 1);
    }

    // out[i] = the sum of the lanes of x[i], sums_at_once of them: upper half to lower half until one is
    // left.
    template <class T>
    static constexpr std::size_t sums_at_once = 2;

    template <class B, class T>
    static void sums(const B (&x)[2], T* out) {
        out[0] = sum(x[0]);
        out[1] = sum(x[1]);
    }

    // The sum of the lanes of one vector, in the same order.
    static float sum(Batch<float> x) {
        const __m128 two = _mm_add_ps(x, _mm_movehl_ps(x, x));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
    }
    static double sum(Batch<double> x) { return _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x))); }
    template <class B>
    static B sum_in_all_lanes(B x) {
        return B(sum(x));
    }

    static float first(Batch<float> x) { return _mm_cvtss_f32(x); }
    static double first(Batch<double> x) { return _mm_cvtsd_f64(x); }
};

}  // namespace
}  // namespace densimd::kernels
