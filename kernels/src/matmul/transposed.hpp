// C[rows][cols] = A[rows][depth] B[cols][depth]^T where the depth is a line at most, which leaves dot
// products one multiply-add per several shuffles. With several rows of A, lanes run along the columns of C
// instead, and a line of rows of B is transposed once for all of them. Bound: per vector of C `depth`
// broadcasts, which are loads, with as many multiplications and additions.
#pragma once

#include <array>
#include <type_traits>
#include <utility>

#include "matmul/operands.hpp"
#include "plan/backward.hpp"

namespace densimd::kernels {
namespace {

// One row of A times `Depth` columns of B, a vector of each column: the sum of the products of elements
// First, First + Step, First + 2 Step, ... of the depth, added as the lanes of a LaneSum are. A lane without
// a term is left out: it could only change the sign of a zero.
template <std::size_t First, std::size_t Step, std::size_t Depth, class T>
DENSIMD_INLINE Batch<T> sum_across(const T* a, const Batch<T> (&columns)[Depth]) {
    if constexpr (Step == virtual_lanes<T>)
        return Batch<T>(a[First]) * columns[First];
    else if constexpr (First + Step >= Depth)
        return sum_across<First, 2 * Step>(a, columns);
    else
        return sum_across<First, 2 * Step>(a, columns) + sum_across<First + Step, 2 * Step>(a, columns);
}

// The columns of the first `rows` rows of B, and more of both up to whole vectors.
template <class T>
DENSIMD_INLINE void transpose(std::size_t rows, std::size_t depth, const T* B, std::size_t ldb, T* columns) {
    constexpr std::size_t w = vector_size<T>;
    for (std::size_t first = 0; first < rows; first += w)
        for (std::size_t p = 0; p < depth; p += w) {
            const std::size_t count = depth - p < w ? depth - p : w;
            Batch<T> x[w];
            DENSIMD_UNROLLED (i, w)
                x[i] = Simd::load_partial(B + (first + i < rows ? first + i : rows - 1) * ldb + p, count);
            transpose(x);
            DENSIMD_UNROLLED (i, w) x[i].store_aligned(columns + (p + i) * virtual_lanes<T> + first);
        }
}

// C[r] = row r of A times a vector of each of `Depth` columns, which are a line apart and stay in registers,
// times the derivative, unless it is NoDerivative, of an activation whose output is row r of X. Plus 0, as in
// LaneSum::total.
template <class T, class Derivative, std::size_t Depth>
void shallow_rows(std::size_t rows, const T* A, std::size_t lda, const T* columns, T* C, std::size_t ldc,
                  const T* X, std::size_t ldx) {
    Batch<T> column[Depth];
    DENSIMD_UNROLLED (p, Depth) column[p] = Batch<T>::load_aligned(columns + p * virtual_lanes<T>);
    for (std::size_t r = 0; r < rows; ++r, A += lda, C += ldc) {
        const Batch<T> sum = sum_across<0, 1>(A, column) + Batch<T>(T(0));
        if constexpr (std::is_same_v<Derivative, NoDerivative>)
            sum.store_unaligned(C);
        else
            Derivative{}.gradient(load(X + r * ldx), sum).store_unaligned(C);
    }
}

// Element d - 1 is for depth d.
template <class T, class Derivative>
constexpr auto all_shallow_rows = []<std::size_t... Before>(std::index_sequence<Before...>) {
    return std::array{shallow_rows<T, Derivative, Before + 1>...};
}
(std::make_index_sequence<virtual_lanes<T>>());

// Whole lines of columns, with a derivative as in shallow_rows.
template <class T, class Derivative>
void shallow_lines(std::size_t rows, std::size_t cols, std::size_t depth, const T* A, std::size_t lda,
                   const T* B, std::size_t ldb, T* C, std::size_t ldc, const T* X, std::size_t ldx) {
    constexpr std::size_t line = virtual_lanes<T>;
    alignas(64) T columns[line * line];
    const auto multiply = all_shallow_rows<T, Derivative>[depth - 1];
    for (std::size_t col = 0; col < cols; col += line) {
        transpose(line, depth, B + col * ldb, ldb, columns);
        for (std::size_t v = 0; v < line; v += vector_size<T>)
            multiply(rows, A, lda, columns + v, C + col + v, ldc, X ? X + col + v : X, ldx);
    }
}

// Any number of columns. The sums of some rows wait in L1 for finish.finish_rows(row, col, rows, cols, sums,
// ld), whose calls would drive the columns from the registers.
template <class T, class Finish>
void shallow_gemm(std::size_t rows, std::size_t cols, std::size_t depth, const T* A, std::size_t lda,
                  const T* B, std::size_t ldb, const Finish& finish) {
    constexpr std::size_t w = vector_size<T>, line = virtual_lanes<T>, widest = 4 * line;
    alignas(64) T columns[widest * line];
    alignas(64) T sums[16 * widest];
    const bool narrow = cols <= line;
    const std::size_t ld = narrow ? line : widest, at_once = narrow ? 64 : 16;  // rows that fill `sums`
    const auto multiply = all_shallow_rows<T, NoDerivative>[depth - 1];
    for (std::size_t col = 0; col < cols; col += widest) {
        const std::size_t cols_left = cols - col < widest ? cols - col : widest;
        for (std::size_t c = 0; c < cols_left; c += line)
            transpose(cols_left - c < line ? cols_left - c : line, depth, B + (col + c) * ldb, ldb,
                      columns + c * line);
        for (std::size_t row = 0; row < rows; row += at_once) {
            const std::size_t rows_left = rows - row < at_once ? rows - row : at_once;
            for (std::size_t c = 0; c < cols_left; c += w)
                multiply(rows_left, A + row * lda, lda, columns + c / line * line * line + c % line, sums + c,
                         ld, nullptr, 0);
            finish.finish_rows(row, col, rows_left, cols_left, sums, ld);
        }
    }
}

}  // namespace
}  // namespace densimd::kernels
