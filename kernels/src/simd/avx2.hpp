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
    static constexpr bool fma_rounds_once = true;
    static constexpr bool masks_stores = false;  // whether store_partial does

    static Batch<float> fma(Batch<float> a, Batch<float> b, Batch<float> c) {
        return _mm256_fmadd_ps(a, b, c);
    }
    static Batch<double> fma(Batch<double> a, Batch<double> b, Batch<double> c) {
        return _mm256_fmadd_pd(a, b, c);
    }

    // Keeps g++ from loading a vector again wherever it is used.
    template <class B>
    static B in_register(B x) {
        asm("" : "+x"(x.data));
        return x;
    }

    // c - a b
    static Batch<float> fnma(Batch<float> a, Batch<float> b, Batch<float> c) {
        return _mm256_fnmadd_ps(a, b, c);
    }
    static Batch<double> fnma(Batch<double> a, Batch<double> b, Batch<double> c) {
        return _mm256_fnmadd_pd(a, b, c);
    }

    template <class B>
    static B divide(B a, B b) {
        return a / b;
    }

    static Batch<float> square_root(Batch<float> x) { return _mm256_sqrt_ps(x); }
    static Batch<double> square_root(Batch<double> x) { return _mm256_sqrt_pd(x); }

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

    // On the bits of each lane, as integers.
    static Batch<float> add_bits(Batch<float> x, Batch<float> y) {
        return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), _mm256_castps_si256(y)));
    }
    static Batch<double> add_bits(Batch<double> x, Batch<double> y) {
        return _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(x), _mm256_castpd_si256(y)));
    }
    static Batch<float> subtract_bits(Batch<float> x, Batch<float> y) {
        return _mm256_castsi256_ps(_mm256_sub_epi32(_mm256_castps_si256(x), _mm256_castps_si256(y)));
    }
    static Batch<double> subtract_bits(Batch<double> x, Batch<double> y) {
        return _mm256_castsi256_pd(_mm256_sub_epi64(_mm256_castpd_si256(x), _mm256_castpd_si256(y)));
    }
    template <int N>
    static Batch<float> shift_bits_up(Batch<float> x) {
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(x), N));
    }
    template <int N>
    static Batch<double> shift_bits_up(Batch<double> x) {
        return _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(x), N));
    }
    template <int N>
    static Batch<float> shift_bits_down(Batch<float> x) {
        return _mm256_castsi256_ps(_mm256_srli_epi32(_mm256_castps_si256(x), N));
    }
    template <int N>
    static Batch<double> shift_bits_down(Batch<double> x) {
        return _mm256_castsi256_pd(_mm256_srli_epi64(_mm256_castpd_si256(x), N));
    }

    static Batch<float> larger_bits(Batch<float> x, Batch<float> y) {
        return _mm256_castsi256_ps(_mm256_max_epu32(_mm256_castps_si256(x), _mm256_castps_si256(y)));
    }

    // The entry of an 8-entry table that the low three bits of each lane of `index` choose.
    static Batch<float> lookup(const float (&table)[8], Batch<float> index) {
        return _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), _mm256_castps_si256(index));
    }

    // The elements of a and b in turn: the first half of them and the second.
    static void interleave(Batch<float> a, Batch<float> b, Batch<float>& low, Batch<float>& high) {
        const __m256 even = _mm256_unpacklo_ps(a, b), odd = _mm256_unpackhi_ps(a, b);
        low = _mm256_permute2f128_ps(even, odd, 0x20);
        high = _mm256_permute2f128_ps(even, odd, 0x31);
    }
    static void interleave(Batch<double> a, Batch<double> b, Batch<double>& low, Batch<double>& high) {
        const __m256d even = _mm256_unpacklo_pd(a, b), odd = _mm256_unpackhi_pd(a, b);
        low = _mm256_permute2f128_pd(even, odd, 0x20);
        high = _mm256_permute2f128_pd(even, odd, 0x31);
    }

    // Lane i has what lane i + N had, modulo the width.
    template <int N>
    static Batch<float> rotate(Batch<float> x) {
        if constexpr (N == 0) return x;
        if constexpr (N == 4) return _mm256_permute2f128_ps(x, x, 1);
        constexpr auto lane = [](int i) { return (i + N) % 8; };
        return _mm256_permutevar8x32_ps(
            x, _mm256_setr_epi32(lane(0), lane(1), lane(2), lane(3), lane(4), lane(5), lane(6), lane(7)));
    }
    template <int N>
    static Batch<double> rotate(Batch<double> x) {
        if constexpr (N == 0) return x;
        return _mm256_permute4x64_pd(x, N | (N + 1) % 4 << 2 | (N + 2) % 4 << 4 | (N + 3) % 4 << 6);
    }

    // Quads: four lanes. In each of a vector's, four vectors are transposed.
    static void transpose_quads(Batch<float> (&x)[4]) {
        const __m256 a = _mm256_unpacklo_ps(x[0], x[1]), b = _mm256_unpacklo_ps(x[2], x[3]);
        const __m256 c = _mm256_unpackhi_ps(x[0], x[1]), d = _mm256_unpackhi_ps(x[2], x[3]);
        x[0] = _mm256_shuffle_ps(a, b, 0x44);
        x[1] = _mm256_shuffle_ps(a, b, 0xee);
        x[2] = _mm256_shuffle_ps(c, d, 0x44);
        x[3] = _mm256_shuffle_ps(c, d, 0xee);
    }

    // Quads of a row that are loaded at once.
    template <class T>
    static constexpr std::size_t quads_at_once = 1;

    // x[q] = quad q of each row, from element p on. If Partial, only n elements are there and zeros behind
    // them.
    template <bool Partial>
    static void load_quads(const float* const (&row)[2], std::size_t p, std::size_t n, Batch<float> (&x)[1]) {
        if constexpr (Partial) {
            const __m128i mask =
                _mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(n)), _mm_setr_epi32(0, 1, 2, 3));
            x[0] = _mm256_set_m128(_mm_maskload_ps(row[1] + p, mask), _mm_maskload_ps(row[0] + p, mask));
        } else {
            x[0] = _mm256_set_m128(_mm_loadu_ps(row[1] + p), _mm_loadu_ps(row[0] + p));
        }
    }

    // The quad at p in all quads.
    static Batch<float> repeated_quad(const float* p) {
        return _mm256_broadcast_ps(reinterpret_cast<const __m128*>(p));
    }

    // The quads, each `step` elements behind the one before; in this order.
    static void store_quads(float* p, std::size_t step, Batch<float> x) {
        _mm_storeu_ps(p, _mm256_castps256_ps128(x));
        _mm_storeu_ps(p + step, _mm256_extractf128_ps(x, 1));
    }

    // Groups of four lanes. As many rows of n <= 4 elements, `ld` apart, as there are groups; only the first `rows` of
    // them are there, and -0 behind.
    static Batch<float> rows_of_four(const float* p, std::size_t ld, std::size_t rows, std::size_t n) {
        const auto row = [=](std::size_t i) {
            return i < rows ? first_of_four(p + i * ld, n) : _mm_set1_ps(-0.0f);
        };
        return _mm256_set_m128(row(1), row(0));
    }
    // repeated_quad of n <= 4 elements, and zeros.
    static Batch<float> repeated_quad(const float* p, std::size_t n) {
        const __m128 quad = first_of_four(p, n);
        return _mm256_set_m128(quad, quad);
    }
    // Element First + i of a repeated quad in all lanes of group i.
    template <int First>
    static Batch<float> element_of_group(Batch<float> quad) {
        constexpr int next = First + 1;
        return _mm256_permutevar_ps(quad, _mm256_setr_epi32(First, First, First, First, next, next, next, next));
    }
    // Group i is the sum of the groups of x[i].
    static Batch<float> sums_of_groups(const Batch<float> (&x)[2]) { return halves(x[0], x[1]); }
    // n <= 4 elements of each of the first `rows` groups, `ld` apart.
    static void store_groups(float* p, std::size_t ld, std::size_t rows, std::size_t n, Batch<float> x) {
        store_partial(p, n, x);
        if (rows > 1) store_partial(p + ld, n, Batch<float>(_mm256_permute2f128_ps(x, x, 1)));
    }

    // out[i] = the sum of the lanes of x[i], sums_at_once of them: upper half to lower half until one is
    // left. The halves of several vectors are put together before they are added.
    template <class T>
    static constexpr std::size_t sums_at_once = 4;

    static void sums(const Batch<float> (&x)[4], float* out) {
        const __m256 sums = pairs(halves(x[0], x[2]), halves(x[1], x[3]));
        const __m128 low = _mm256_castps256_ps128(sums), high = _mm256_extractf128_ps(sums, 1);
        _mm_storeu_ps(out, _mm_add_ps(_mm_shuffle_ps(low, high, 0x88), _mm_shuffle_ps(low, high, 0xdd)));
    }
    // Eight at once, where they are wanted in one vector.
    static void sums(const Batch<float> (&x)[8], float* out) {
        const __m256 a = pairs(halves(x[0], x[4]), halves(x[1], x[5]));
        const __m256 b = pairs(halves(x[2], x[6]), halves(x[3], x[7]));
        _mm256_storeu_ps(out, _mm256_add_ps(_mm256_shuffle_ps(a, b, 0x88), _mm256_shuffle_ps(a, b, 0xdd)));
    }
    static void sums(const Batch<double> (&x)[4], double* out) {
        const __m256d a = halves(x[0], x[2]), b = halves(x[1], x[3]);
        _mm256_storeu_pd(out, _mm256_add_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b)));
    }

    // The sum of the lanes of one vector, in the same order.
    static float sum(Batch<float> x) {
        const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }
    static double sum(Batch<double> x) {
        const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
        return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
    }

    // The same in all lanes: a chain of operations shorter by a broadcast.
    static Batch<float> sum_in_all_lanes(Batch<float> x) {
        const __m256 four = _mm256_add_ps(x, _mm256_permute2f128_ps(x, x, 1));
        const __m256 two = _mm256_add_ps(four, _mm256_permute_ps(four, 0x4e));
        return _mm256_add_ps(two, _mm256_permute_ps(two, 0xb1));
    }
    static Batch<double> sum_in_all_lanes(Batch<double> x) {
        const __m256d two = _mm256_add_pd(x, _mm256_permute2f128_pd(x, x, 1));
        return _mm256_add_pd(two, _mm256_permute_pd(two, 0x5));
    }

    static float first(Batch<float> x) { return _mm256_cvtss_f32(x); }
    static double first(Batch<double> x) { return _mm256_cvtsd_f64(x); }

  private:
    static __m128 first_of_four(const float* p, std::size_t n) {
        return _mm_maskload_ps(p, _mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(n)), _mm_setr_epi32(0, 1, 2, 3)));
    }
    static __m256 pairs(__m256 a, __m256 b) {
        return _mm256_add_ps(_mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(a), _mm256_castps_pd(b))),
                             _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(a), _mm256_castps_pd(b))));
    }
    static __m256 halves(__m256 a, __m256 b) {
        return _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
    }
    static __m256d halves(__m256d a, __m256d b) {
        return _mm256_add_pd(_mm256_permute2f128_pd(a, b, 0x20), _mm256_permute2f128_pd(a, b, 0x31));
    }
};

}  // namespace
}  // namespace densimd::kernels
