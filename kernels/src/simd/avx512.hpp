// AVX-512 (F, CD, DQ, BW, VL): the operations that xsimd lacks. It is longer than other files because each is a line or
// two of intrinsics, for float and for double.
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
    static constexpr bool fma_rounds_once = true;
    static constexpr bool masks_stores = true;  // whether store_partial does

    static Batch<float> fma(Batch<float> a, Batch<float> b, Batch<float> c) {
        return _mm512_fmadd_ps(a, b, c);
    }
    static Batch<double> fma(Batch<double> a, Batch<double> b, Batch<double> c) {
        return _mm512_fmadd_pd(a, b, c);
    }

    // Keeps g++ from loading a vector again wherever it is used.
    template <class B>
    static B in_register(B x) {
        asm("" : "+v"(x.data));
        return x;
    }

    // c - a b
    static Batch<float> fnma(Batch<float> a, Batch<float> b, Batch<float> c) {
        return _mm512_fnmadd_ps(a, b, c);
    }
    static Batch<double> fnma(Batch<double> a, Batch<double> b, Batch<double> c) {
        return _mm512_fnmadd_pd(a, b, c);
    }

    template <class B>
    static B divide(B a, B b) {
        return a / b;
    }

    static Batch<float> square_root(Batch<float> x) { return _mm512_sqrt_ps(x); }
    static Batch<double> square_root(Batch<double> x) { return _mm512_sqrt_pd(x); }

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

    // The same for n < width in halves, quarters, ...: a load that follows would wait for a masked
    // store that reaches into its line, even where they share no byte.
    static void store_in_pieces(float* p, std::size_t n, Batch<float> x) {
        __m256 half = _mm512_castps512_ps256(x);
        if (n & 8) {
            _mm256_storeu_ps(p, half);
            half = _mm512_extractf32x8_ps(x, 1);
            p += 8;
        }
        __m128 part = _mm256_castps256_ps128(half);
        if (n & 4) {
            _mm_storeu_ps(p, part);
            part = _mm256_extractf128_ps(half, 1);
            p += 4;
        }
        if (n & 2) {
            _mm_storel_pi(reinterpret_cast<__m64*>(p), part);
            part = _mm_movehl_ps(part, part);
            p += 2;
        }
        if (n & 1) _mm_store_ss(p, part);
    }
    static void store_in_pieces(double* p, std::size_t n, Batch<double> x) {
        __m256d half = _mm512_castpd512_pd256(x);
        if (n & 4) {
            _mm256_storeu_pd(p, half);
            half = _mm512_extractf64x4_pd(x, 1);
            p += 4;
        }
        __m128d part = _mm256_castpd256_pd128(half);
        if (n & 2) {
            _mm_storeu_pd(p, part);
            part = _mm256_extractf128_pd(half, 1);
            p += 2;
        }
        if (n & 1) _mm_store_sd(p, part);
    }

    // On the bits of each lane, as integers.
    static Batch<float> add_bits(Batch<float> x, Batch<float> y) {
        return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(x), _mm512_castps_si512(y)));
    }
    static Batch<double> add_bits(Batch<double> x, Batch<double> y) {
        return _mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(x), _mm512_castpd_si512(y)));
    }
    static Batch<float> subtract_bits(Batch<float> x, Batch<float> y) {
        return _mm512_castsi512_ps(_mm512_sub_epi32(_mm512_castps_si512(x), _mm512_castps_si512(y)));
    }
    static Batch<double> subtract_bits(Batch<double> x, Batch<double> y) {
        return _mm512_castsi512_pd(_mm512_sub_epi64(_mm512_castpd_si512(x), _mm512_castpd_si512(y)));
    }
    template <int N>
    static Batch<float> shift_bits_up(Batch<float> x) {
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(x), N));
    }
    template <int N>
    static Batch<double> shift_bits_up(Batch<double> x) {
        return _mm512_castsi512_pd(_mm512_slli_epi64(_mm512_castpd_si512(x), N));
    }
    template <int N>
    static Batch<float> shift_bits_down(Batch<float> x) {
        return _mm512_castsi512_ps(_mm512_srli_epi32(_mm512_castps_si512(x), N));
    }
    template <int N>
    static Batch<double> shift_bits_down(Batch<double> x) {
        return _mm512_castsi512_pd(_mm512_srli_epi64(_mm512_castpd_si512(x), N));
    }

    static Batch<float> larger_bits(Batch<float> x, Batch<float> y) {
        return _mm512_castsi512_ps(_mm512_max_epu32(_mm512_castps_si512(x), _mm512_castps_si512(y)));
    }
    static Batch<double> larger_bits(Batch<double> x, Batch<double> y) {
        return _mm512_castsi512_pd(_mm512_max_epu64(_mm512_castpd_si512(x), _mm512_castpd_si512(y)));
    }

    // The entry of an 8-entry table that the low three bits of each lane of `index` choose.
    static Batch<float> lookup(const float (&table)[8], Batch<float> index) {
        const __m512 twice =
            _mm512_castpd_ps(_mm512_broadcast_f64x4(_mm256_castps_pd(_mm256_loadu_ps(table))));
        return _mm512_permutexvar_ps(_mm512_castps_si512(index), twice);
    }

    // The elements of a and b in turn: the first half of them and the second.
    static void interleave(Batch<float> a, Batch<float> b, Batch<float>& low, Batch<float>& high) {
        low = _mm512_permutex2var_ps(
            a, _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), b);
        high = _mm512_permutex2var_ps(
            a, _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), b);
    }
    static void interleave(Batch<double> a, Batch<double> b, Batch<double>& low, Batch<double>& high) {
        low = _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), b);
        high = _mm512_permutex2var_pd(a, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), b);
    }

    // Lane i has what lane i + N had, modulo the width.
    template <int N>
    static Batch<float> rotate(Batch<float> x) {
        if constexpr (N == 0) return x;
        const __m512i bits = _mm512_castps_si512(x);
        return _mm512_castsi512_ps(_mm512_alignr_epi32(bits, bits, N));
    }
    template <int N>
    static Batch<double> rotate(Batch<double> x) {
        if constexpr (N == 0) return x;
        const __m512i bits = _mm512_castpd_si512(x);
        return _mm512_castsi512_pd(_mm512_alignr_epi64(bits, bits, N));
    }

    // Quads: four lanes. In each of a vector's, four vectors are transposed.
    static void transpose_quads(Batch<float> (&x)[4]) {
        const __m512 a = _mm512_unpacklo_ps(x[0], x[1]), b = _mm512_unpacklo_ps(x[2], x[3]);
        const __m512 c = _mm512_unpackhi_ps(x[0], x[1]), d = _mm512_unpackhi_ps(x[2], x[3]);
        x[0] = _mm512_shuffle_ps(a, b, 0x44);
        x[1] = _mm512_shuffle_ps(a, b, 0xee);
        x[2] = _mm512_shuffle_ps(c, d, 0x44);
        x[3] = _mm512_shuffle_ps(c, d, 0xee);
    }
    static void transpose_quads(Batch<double> (&x)[4]) {
        const __m512d a = _mm512_unpacklo_pd(x[0], x[1]), b = _mm512_unpacklo_pd(x[2], x[3]);
        const __m512d c = _mm512_unpackhi_pd(x[0], x[1]), d = _mm512_unpackhi_pd(x[2], x[3]);
        const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
        const __m512i high = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
        x[0] = _mm512_permutex2var_pd(a, low, b);
        x[1] = _mm512_permutex2var_pd(c, low, d);
        x[2] = _mm512_permutex2var_pd(a, high, b);
        x[3] = _mm512_permutex2var_pd(c, high, d);
    }

    // Quads of a row that are loaded at once.
    template <class T>
    static constexpr std::size_t quads_at_once = 8 / sizeof(T);

    // x[q] = quad q of each row, from element p on. If Partial, only n elements are there and zeros behind
    // them.
    template <bool Partial>
    static void load_quads(const float* const (&row)[4], std::size_t p, std::size_t n, Batch<float> (&x)[2]) {
        const __m512 a = two<Partial>(row[0] + p, row[1] + p, n), b = two<Partial>(row[2] + p, row[3] + p, n);
        x[0] = _mm512_shuffle_f32x4(a, b, 0x88);
        x[1] = _mm512_shuffle_f32x4(a, b, 0xdd);
    }
    template <bool Partial>
    static void load_quads(const double* const (&row)[2], std::size_t p, std::size_t n,
                           Batch<double> (&x)[1]) {
        x[0] = two<Partial>(row[0] + p, row[1] + p, n);
    }

    // The quad at p in all quads.
    static Batch<float> repeated_quad(const float* p) { return _mm512_broadcast_f32x4(_mm_loadu_ps(p)); }
    static Batch<double> repeated_quad(const double* p) { return _mm512_broadcast_f64x4(_mm256_loadu_pd(p)); }

    // The quads, each `step` elements behind the one before; in this order.
    static void store_quads(float* p, std::size_t step, Batch<float> x) {
        _mm_storeu_ps(p, _mm512_castps512_ps128(x));
        _mm_storeu_ps(p + step, _mm512_extractf32x4_ps(x, 1));
        _mm_storeu_ps(p + 2 * step, _mm512_extractf32x4_ps(x, 2));
        _mm_storeu_ps(p + 3 * step, _mm512_extractf32x4_ps(x, 3));
    }
    static void store_quads(double* p, std::size_t step, Batch<double> x) {
        _mm256_storeu_pd(p, _mm512_castpd512_pd256(x));
        _mm256_storeu_pd(p + step, _mm512_extractf64x4_pd(x, 1));
    }

    // Groups of four lanes. As many rows of n <= 4 elements, `ld` apart, as there are groups; only the first `rows` of
    // them are there, and -0 behind.
    static Batch<float> rows_of_four(const float* p, std::size_t ld, std::size_t rows, std::size_t n) {
        const auto mask = static_cast<__mmask8>((1u << n) - 1);
        const auto row = [=](std::size_t i) {
            return i < rows ? _mm_maskz_loadu_ps(mask, p + i * ld) : _mm_set1_ps(-0.0f);
        };
        return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_set_m128(row(1), row(0))),
                                  _mm256_set_m128(row(3), row(2)), 1);
    }
    static Batch<double> rows_of_four(const double* p, std::size_t ld, std::size_t rows, std::size_t n) {
        const auto mask = static_cast<__mmask8>((1u << n) - 1);
        const auto row = [=](std::size_t i) {
            return i < rows ? _mm256_maskz_loadu_pd(mask, p + i * ld) : _mm256_set1_pd(-0.0);
        };
        return _mm512_insertf64x4(_mm512_castpd256_pd512(row(0)), row(1), 1);
    }
    // repeated_quad of n <= 4 elements, and zeros.
    static Batch<float> repeated_quad(const float* p, std::size_t n) {
        return _mm512_broadcast_f32x4(_mm_maskz_loadu_ps(static_cast<__mmask8>((1u << n) - 1), p));
    }
    static Batch<double> repeated_quad(const double* p, std::size_t n) {
        return _mm512_broadcast_f64x4(_mm256_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), p));
    }
    // Element First + i of a repeated quad in all lanes of group i.
    template <int First>
    static Batch<float> element_of_group(Batch<float> quad) {
        return _mm512_permutevar_ps(quad, _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3));
    }
    template <int First>
    static Batch<double> element_of_group(Batch<double> quad) {
        constexpr int next = First + 1;
        return _mm512_permutexvar_pd(_mm512_setr_epi64(First, First, First, First, next, next, next, next), quad);
    }
    // Group i is the sum of the groups of x[i], upper half to lower half.
    static Batch<float> sums_of_groups(const Batch<float> (&x)[4]) {
        const __m512 a = halves(x[0], x[1]), b = halves(x[2], x[3]);
        return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
    }
    static Batch<double> sums_of_groups(const Batch<double> (&x)[2]) { return halves(x[0], x[1]); }
    // n <= 4 elements of each of the first `rows` groups, `ld` apart.
    static void store_groups(float* p, std::size_t ld, std::size_t rows, std::size_t n, Batch<float> x) {
        const unsigned row = (1u << n) - 1;
        if (ld == n)
            return store_partial(p, rows * n, _mm512_maskz_compress_ps(static_cast<__mmask16>(0x1111 * row), x));
        if (ld == 4) return _mm512_mask_storeu_ps(p, static_cast<__mmask16>(0x1111 * row & ((1u << 4 * rows) - 1)), x);
        // In a register first: g++ makes one instruction of both, which faults where masked elements are not there.
        const auto store = [=](std::size_t i, __m128 group) {
            asm("" : "+v"(group));
            if (i < rows) _mm_mask_storeu_ps(p + i * ld, static_cast<__mmask8>(row), group);
        };
        store(0, _mm512_castps512_ps128(x));
        store(1, _mm512_extractf32x4_ps(x, 1));
        store(2, _mm512_extractf32x4_ps(x, 2));
        store(3, _mm512_extractf32x4_ps(x, 3));
    }
    static void store_groups(double* p, std::size_t ld, std::size_t rows, std::size_t n, Batch<double> x) {
        const auto row = static_cast<__mmask8>((1u << n) - 1);
        __m256d first = _mm512_castpd512_pd256(x), second = _mm512_extractf64x4_pd(x, 1);
        asm("" : "+v"(first), "+v"(second));
        _mm256_mask_storeu_pd(p, row, first);
        if (rows > 1) _mm256_mask_storeu_pd(p + ld, row, second);
    }

    // out[i] = the sum of the lanes of x[i], sums_at_once of them: upper half to lower half until one is
    // left. The halves of several vectors are put together before they are added.
    template <class T>
    static constexpr std::size_t sums_at_once = 64 / sizeof(T);

    static void sums(const Batch<float> (&x)[16], float* out) {
        const Batch<float> two[8] = {halves(x[0], x[4]),   halves(x[1], x[5]),  halves(x[2], x[6]),
                                     halves(x[3], x[7]),   halves(x[8], x[12]), halves(x[9], x[13]),
                                     halves(x[10], x[14]), halves(x[11], x[15])};
        sums_of_halves(two).store_unaligned(out);
    }
    static void sums(const Batch<double> (&x)[8], double* out) {
        const Batch<double> two[4] = {halves(x[0], x[2]), halves(x[1], x[3]), halves(x[4], x[6]),
                                      halves(x[5], x[7])};
        sums_of_halves(two).store_unaligned(out);
    }

    // Fewer, out[] having room for a vector all the same.
    static void sums(const Batch<float> (&x)[8], float* out) {
        const Batch<float> low[4] = {x[0], x[1], x[2], x[3]}, high[4] = {x[4], x[5], x[6], x[7]};
        const __m512 two = pairs(sums_of_groups(low), sums_of_groups(high));  // of quad i: x[i] twice, x[i + 4] twice
        const __m512 one = _mm512_add_ps(_mm512_shuffle_ps(two, two, 0x88), _mm512_shuffle_ps(two, two, 0xdd));
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0);
        _mm512_storeu_ps(out, _mm512_permutexvar_ps(order, one));
    }
    static void sums(const Batch<float> (&x)[4], float* out) {
        const __m512 four = sums_of_groups(x), two = _mm512_add_ps(four, _mm512_permute_ps(four, 0x4e));
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        _mm512_storeu_ps(out, _mm512_permutexvar_ps(order, _mm512_add_ps(two, _mm512_permute_ps(two, 0xb1))));
    }
    static void sums(const Batch<float> (&x)[2], float* out) {
        const Batch<float> twice[4] = {x[0], x[1], x[0], x[1]};
        sums(twice, out);
    }
    static void sums(const Batch<double> (&x)[4], double* out) {
        const __m512d a = halves(x[0], x[1]), b = halves(x[2], x[3]);
        const __m512d two = _mm512_add_pd(_mm512_shuffle_f64x2(a, b, 0x88), _mm512_shuffle_f64x2(a, b, 0xdd));
        const __m512d one = _mm512_add_pd(two, _mm512_permute_pd(two, 0x55));
        _mm512_storeu_pd(out, _mm512_permutexvar_pd(_mm512_setr_epi64(0, 2, 4, 6, 0, 0, 0, 0), one));
    }
    static void sums(const Batch<double> (&x)[2], double* out) {
        const Batch<double> twice[4] = {x[0], x[1], x[0], x[1]};
        sums(twice, out);
    }

    // The same sums, as a vector, for vectors of two halves each: those of sums i and i + sums_at_once / 4,
    // or, if Adjacent, of sums 2 i and 2 i + 1.
    template <bool Adjacent = false>
    static Batch<float> sums_of_halves(const Batch<float> (&x)[8]) {
        const auto quarter = [&x](std::size_t i) {  // four lanes of each
            return _mm512_add_ps(_mm512_shuffle_f32x4(x[i], x[i + 4], 0x88),
                                 _mm512_shuffle_f32x4(x[i], x[i + 4], 0xdd));
        };
        const Batch<float> sums = sums_of_quarters(quarter(0), quarter(1), quarter(2), quarter(3));
        return Adjacent ? to_rows(sums) : sums;
    }
    template <bool Adjacent = false>
    static Batch<double> sums_of_halves(const Batch<double> (&x)[4]) {
        const auto quarter = [&x](std::size_t i) {  // two lanes of each
            return _mm512_add_pd(_mm512_shuffle_f64x2(x[i], x[i + 2], 0x88),
                                 _mm512_shuffle_f64x2(x[i], x[i + 2], 0xdd));
        };
        const __m512d a = quarter(0), b = quarter(1);
        const __m512d sums = _mm512_add_pd(_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b));
        const __m512i order = _mm512_setr_epi64(0, 2, 1, 3, 4, 6, 5, 7);
        return Adjacent ? _mm512_permutexvar_pd(order, sums) : sums;
    }

    // The first n elements of p and of q, n <= width / 2, and zeros, in the two halves.
    static Batch<float> load_two(const float* p, const float* q, std::size_t n) {
        const auto mask = static_cast<__mmask8>((1u << n) - 1);
        return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_maskz_loadu_ps(mask, p)),
                                  _mm256_maskz_loadu_ps(mask, q), 1);
    }
    static Batch<double> load_two(const double* p, const double* q, std::size_t n) {
        const auto mask = static_cast<__mmask8>((1u << n) - 1);
        return _mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_maskz_loadu_pd(mask, p)),
                                  _mm256_maskz_loadu_pd(mask, q), 1);
    }

    // The sum of the lanes of one vector, in the same order.
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

    // The same in all lanes: a chain of operations shorter by a broadcast.
    static Batch<float> sum_in_all_lanes(Batch<float> x) {
        const __m512 eight = _mm512_add_ps(x, _mm512_shuffle_f32x4(x, x, 0x4e));
        const __m512 four = _mm512_add_ps(eight, _mm512_shuffle_f32x4(eight, eight, 0xb1));
        const __m512 two = _mm512_add_ps(four, _mm512_permute_ps(four, 0x4e));
        return _mm512_add_ps(two, _mm512_permute_ps(two, 0xb1));
    }
    static Batch<double> sum_in_all_lanes(Batch<double> x) {
        const __m512d four = _mm512_add_pd(x, _mm512_shuffle_f64x2(x, x, 0x4e));
        const __m512d two = _mm512_add_pd(four, _mm512_shuffle_f64x2(four, four, 0xb1));
        return _mm512_add_pd(two, _mm512_permute_pd(two, 0x55));
    }

    static float first(Batch<float> x) { return _mm512_cvtss_f32(x); }
    static double first(Batch<double> x) { return _mm512_cvtsd_f64(x); }

    // 16 short rows, two to a vector: x[i] has rows 2 i and 2 i + 1 in its halves. Numbers for each row lie
    // in the order in which `dots` makes them, 0 2 4 6 1 3 5 7 and so on.
    template <class Element>
    [[gnu::always_inline]] static Batch<float> of_rows(const Element& element) {
        const __m256 low = _mm256_setr_ps(element(0), element(2), element(4), element(6), element(1),
                                          element(3), element(5), element(7));
        const __m256 high = _mm256_setr_ps(element(8), element(10), element(12), element(14), element(9),
                                           element(11), element(13), element(15));
        return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
    }
    // The products of these rows with the elements that `first` and `second` have in all quads, upper half to
    // lower half until one lane is left.
    [[gnu::always_inline]] static Batch<float> dots(const Batch<float> (*x)[1], Batch<float> first,
                                                    Batch<float> second) {
        const auto quarter = [=](std::size_t i) {
            const __m512 a = x[i][0], b = x[i + 4][0];
            return _mm512_add_ps(_mm512_mul_ps(_mm512_shuffle_f32x4(a, b, 0x88), first),
                                 _mm512_mul_ps(_mm512_shuffle_f32x4(a, b, 0xdd), second));
        };
        return sums_of_quarters(quarter(0), quarter(1), quarter(2), quarter(3));
    }
    static Batch<float> to_rows(Batch<float> x) {
        return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15),
                                     x);
    }
    static Batch<float> from_rows(Batch<float> x) {
        return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15),
                                     x);
    }
    // A quad of x in all quads; two quads of x, each twice; a lane of each quad in all its lanes; quads of
    // two vectors in turn.
    template <int Quad>
    static Batch<float> quad(Batch<float> x) {
        return _mm512_shuffle_f32x4(x, x, Quad * 0x55);
    }
    template <int Half>
    static Batch<float> doubled_quads(Batch<float> x) {
        return _mm512_shuffle_f32x4(x, x, Half == 0 ? 0x50 : 0xfa);
    }
    template <int Lane>
    static Batch<float> lane_of_quads(Batch<float> x) {
        return _mm512_permute_ps(x, Lane * 0x55);
    }
    static Batch<float> quads(Batch<float> a, Batch<float> b) { return _mm512_mask_blend_ps(0xf0f0, a, b); }

    // The first n elements of p and of q, n <= width / 2; as many as there can be unless Partial.
    template <bool Partial>
    static Batch<float> two(const float* p, const float* q, std::size_t n) {
        if constexpr (Partial) return load_two(p, q, n);
        return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(p)), _mm256_loadu_ps(q), 1);
    }
    template <bool Partial>
    static Batch<double> two(const double* p, const double* q, std::size_t n) {
        if constexpr (Partial) return load_two(p, q, n);
        return _mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_loadu_pd(p)), _mm256_loadu_pd(q), 1);
    }

  private:
    static __m512 halves(__m512 a, __m512 b) {
        return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
    }
    static __m512d halves(__m512d a, __m512d b) {
        return _mm512_add_pd(_mm512_shuffle_f64x2(a, b, 0x44), _mm512_shuffle_f64x2(a, b, 0xee));
    }
    static __m512 sums_of_quarters(__m512 a, __m512 b, __m512 c, __m512 d) {
        const __m512 ab = pairs(a, b), cd = pairs(c, d);
        return _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x88), _mm512_shuffle_ps(ab, cd, 0xdd));
    }
    static __m512 pairs(__m512 a, __m512 b) {
        return _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b))),
                             _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b))));
    }
};

}  // namespace
}  // namespace densimd::kernels
