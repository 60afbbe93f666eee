// C = A B^T with lanes along the rows of B, which are transposed on the stack first: the input gradient of a batch; and of
// one row, where sums are short.
#pragma once

#include <cstddef>
#include <type_traits>

#include "matmul/multiply.hpp"
#include "matmul/quad.hpp"
#include "plan/backward.hpp"

namespace densimd::kernels {
namespace {

// The first elements of as many rows of B as a vector has lanes: column[i] has element i of each. Unless Whole, there are
// `rows` rows, behind which the last is repeated, and `count` elements, behind which are zeros.
template <bool Whole, class T>
DENSIMD_INLINE void transpose_quad(std::size_t rows, std::size_t count, const T* B, std::size_t ldb,
                                   Batch<T> (&column)[4 * quads_at_once<T>()]) {
    constexpr std::size_t at_once = quads_at_once<T>();
    Batch<T> x[4][at_once];
    DENSIMD_UNROLLED (i, 4) {
        const T* row[quads<T>];
        DENSIMD_UNROLLED (q, quads<T>) {
            const std::size_t r = i + 4 * q;
            row[q] = B + (Whole || r < rows ? r : rows - 1) * ldb;
        }
        load_quads<!Whole, T>(row, 0, count, x[i]);
    }
    DENSIMD_UNROLLED (q, at_once) {
        Batch<T> quad[4] = {x[0][q], x[1][q], x[2][q], x[3][q]};
        transpose_quads<T>(quad);
        DENSIMD_UNROLLED (i, 4) column[4 * q + i] = quad[i];
    }
}

// columns[p][ld] = element p of `rows` rows of B, and copies of the last one up to whole vectors. ld is a number of whole
// vectors. Bound: shuffles, about one for four elements.
template <class T>
[[gnu::noinline]] void transpose_rows(std::size_t rows, std::size_t depth, const T* B, std::size_t ldb, T* columns,
                                      std::size_t ld) {
    constexpr std::size_t w = vector_size<T>;
    for (std::size_t first = 0; first < rows; first += w, B += w * ldb, columns += w) {
        const std::size_t left = rows - first;
        if constexpr (has_quads<T>) {
            constexpr std::size_t at_once = 4 * quads_at_once<T>();
            Batch<T> column[at_once];
            std::size_t p = 0;
            if (left >= w)
                for (; p + at_once <= depth; p += at_once) {
                    transpose_quad<true>(w, at_once, B + p, ldb, column);
                    DENSIMD_UNROLLED (i, at_once) column[i].store_aligned(columns + (p + i) * ld);
                }
            for (; p < depth; p += at_once) {
                const std::size_t count = depth - p < at_once ? depth - p : at_once;
                transpose_quad<false>(left, count, B + p, ldb, column);
                DENSIMD_UNROLLED (i, at_once)
                    if (i < count) column[i].store_aligned(columns + (p + i) * ld);
            }
        } else {
            for (std::size_t p = 0; p < depth; ++p)
                for (std::size_t r = 0; r < w; ++r) columns[p * ld + r] = B[(r < left ? r : left - 1) * ldb + p];
        }
    }
}

// Rows of C = A B with a vector of each of B's rows in registers, `Depth` of them at least, in the order of a forward pass
// with so many accumulators. Bound: per vector of C as many broadcasts, which are loads, and multiply-adds.
template <std::size_t Depth, std::size_t Accumulators, class T>
DENSIMD_INLINE void rows_in_registers(const Product<T>& product, std::size_t column, T* C, std::size_t ldc) {
    constexpr std::size_t used = Depth < Accumulators ? Depth == 3 ? 4 : Depth : Accumulators;  // others are 0
    const std::size_t depth = product.depth;
    Batch<T> b[Depth];
    DENSIMD_UNROLLED (p, Depth)
        b[p] = Depth <= max_exact_depth || p < depth ? load(product.B + p * product.ldb + column) : Batch<T>(T(0));
    const T* a = product.A;
    C += column;
    for (std::size_t r = 0; r < product.rows; ++r, a += product.row_stride, C += ldc) {
        Batch<T> sum[used];
        DENSIMD_UNROLLED (s, used) sum[s] = Batch<T>(T(0));
        DENSIMD_UNROLLED (p, Depth)
            if (Depth <= max_exact_depth || p < depth) sum[p % used] = Simd::fma(Batch<T>(a[p]), b[p], sum[p % used]);
        sum_of(sum).store_unaligned(C);
    }
}

// Calls body(std::integral_constant<std::size_t, n>) for a depth of 1 to max_short_depth: n is the depth, or holds it where
// it is above max_exact_depth.
template <class Body>
DENSIMD_INLINE void with_depth(std::size_t depth, const Body& body) {
    with_constant<1, max_exact_depth + 1>(depth, [&](auto n) {
        constexpr std::size_t exact = decltype(n)::value;
        body(std::integral_constant<std::size_t, (exact <= max_exact_depth ? exact : max_short_depth)>{});
    });
}

template <class T>
[[gnu::noinline]] void multiply_short(const Product<T>& product, std::size_t accumulators, T* C, std::size_t ldc) {
    with_depth(product.depth, [&](auto depth) {
        with_constant<1, 3>(accumulators == 4 ? 3 : accumulators, [&](auto logarithm) {
            constexpr std::size_t sums = std::size_t{1} << (decltype(logarithm)::value - 1);
            for (std::size_t column = 0; column < product.cols; column += vector_size<T>)
                rows_in_registers<decltype(depth)::value, sums>(product, column, C, ldc);
        });
    });
}

// The panels of the transpose follow one another. The sums of some rows wait in L1 for finish.finish_rows(row, col, rows,
// cols, sums, ld).
template <class T, class Finish>
[[gnu::noinline]] void multiply_by_transpose(std::size_t rows, std::size_t cols, std::size_t depth, const T* A,
                                             std::size_t lda, const T* B, std::size_t ldb, const Finish& finish) {
    constexpr std::size_t w = vector_size<T>, staged = staged_gradients / sizeof(T);
    constexpr std::size_t block = staged / (widest_transposed(machine<T>) * w);
    alignas(64) T columns[packed_bytes / sizeof(T)];
    alignas(64) T sums[staged];
    const TransposedPlan plan = plan_transposed(rows, cols, depth, machine<T>);
    const std::size_t width = plan.vectors * w;
    for (std::size_t col = 0; col < cols; col += width) {
        const std::size_t count = cols - col < width ? cols - col : width, ld = (count + w - 1) / w * w;
        transpose_rows(count, depth, B + col * ldb, ldb, columns, ld);
        for (std::size_t row = 0; row < rows; row += block) {
            const std::size_t some = rows - row < block ? rows - row : block;
            Product<T> product = {some, ld, depth, A + row * lda, lda, 1, columns, ld};
            if (plan.in_registers)
                multiply_short(product, plan.tiles.accumulators, sums, ld);
            else
                multiply_part(product, Output<T>{.C = sums, .ld = ld}, plan.tiles, {0, some});
            finish.finish_rows(row, col, some, count, sums, ld);
        }
    }
}

// One row of A times `Depth` columns of B, a vector of each column: the sum of the products of elements
// First, First + Step, First + 2 Step, ... of the depth, added as the lanes of a LaneSum are. A lane without
// a term is left out: it could only change the sign of a zero.
template <std::size_t First, std::size_t Step, std::size_t Depth, class T>
DENSIMD_INLINE Batch<T> sum_across(const Batch<T> (&a)[Depth], const Batch<T> (&columns)[Depth]) {
    if constexpr (Step == virtual_lanes<T>)
        return a[First] * columns[First];
    else if constexpr (First + Step >= Depth)
        return sum_across<First, 2 * Step, Depth, T>(a, columns);
    else
        return sum_across<First, 2 * Step, Depth, T>(a, columns) + sum_across<First + Step, 2 * Step, Depth, T>(a, columns);
}

// The columns of as many rows of B as a vector has lanes, `Depth` of them, of which those behind the depth are 0.
template <std::size_t Depth, class T>
DENSIMD_INLINE void load_columns(std::size_t rows, std::size_t depth, const T* B, std::size_t ldb, Batch<T> (&column)[Depth]) {
    constexpr std::size_t at_once = 4 * quads_at_once<T>();
    DENSIMD_UNROLLED (g, (Depth + at_once - 1) / at_once) {
        const std::size_t p = g * at_once, count = depth < p ? 0 : depth - p < at_once ? depth - p : at_once;
        Batch<T> some[at_once];
        transpose_quad<false>(rows, count, B + (count == 0 ? 0 : p), ldb, some);
        DENSIMD_UNROLLED (i, at_once)
            if (p + i < Depth) column[(p + i) % Depth] = some[i];
    }
}

// sums[r] = a times row r of B, in the order of a LaneSum; whole vectors are written. So short a depth leaves dot products
// one multiply-add per several shuffles.
template <std::size_t Depth, class T>
DENSIMD_INLINE void short_dots(std::size_t rows, std::size_t depth, const T* a, const T* B, std::size_t ldb, T* sums) {
    Batch<T> element[Depth];
    DENSIMD_UNROLLED (p, Depth) element[p] = Batch<T>(Depth <= max_exact_depth || p < depth ? a[p] : T(0));
    for (std::size_t first = 0; first < rows; first += vector_size<T>) {
        Batch<T> column[Depth];
        load_columns<Depth>(rows - first, depth, B + first * ldb, ldb, column);
        sum_across<0, 1, Depth, T>(element, column).store_unaligned(sums + first);
    }
}

}  // namespace
}  // namespace densimd::kernels
