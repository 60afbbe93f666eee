// C[rows][cols] = A[rows][depth] B[cols][depth]^T: dot products of rows, lanes along the depth. The input
// gradient, and the forward pass of a layer with one output.
#pragma once

#include "algorithms/vector.hpp"

namespace densimd::kernels {
namespace {

// Row i starts at data + i * stride; its elements are `step` apart: 1 when Step is Unit, else any number.
struct Unit {
    static constexpr std::size_t step = 1;
};
struct AnyStep {
    std::size_t step;
};

template <bool Partial, class T>
Batch<T> load_with_step(const T* p, std::size_t n, Unit) {
    return load<Partial>(p, n);
}

template <bool Partial, class T>
Batch<T> load_with_step(const T* p, std::size_t n, AnyStep any) {
    T values[width<T>] = {};
    for (std::size_t i = 0; i < n; ++i) values[i] = p[i * any.step];
    return load(values);
}

// Rows x Cols dot products share their loads: per vector of the depth, Rows + Cols loads feed Rows * Cols
// multiply-adds. finish(i, j, value) takes the results. Bound: FMA for 4 x 4, the final sums along lanes when
// the depth is only a few vectors.
template <class T, std::size_t Rows, std::size_t Cols, class Step, class Finish>
void dot_tile(std::size_t depth, const T* A, std::size_t lda, const T* B, std::size_t ldb, Step step,
              std::size_t row, std::size_t col, const Finish& finish) {
    LaneSum<T> sum[Rows][Cols];
    for_each_lane_vector<T>(
        depth, [&](std::size_t v, std::size_t p, std::size_t n, auto kind) __attribute__((always_inline)) {
            constexpr bool partial = decltype(kind)::partial;
            Batch<T> b[Cols];
            DENSIMD_UNROLLED (c, Cols)
                b[c] = load_with_step<partial>(B + (col + c) * ldb + p * step.step, n, step);
            DENSIMD_UNROLLED (r, Rows) {
                const Batch<T> a = load<partial>(A + (row + r) * lda + p, n);
                DENSIMD_UNROLLED (c, Cols) sum[r][c].part[v] = Simd::fma(a, b[c], sum[r][c].part[v]);
            }
        });
    DENSIMD_UNROLLED (r, Rows)
        DENSIMD_UNROLLED (c, Cols) finish(row + r, col + c, sum[r][c].total());
}

template <class T, std::size_t Rows, std::size_t Cols, class Step, class Finish>
std::size_t dot_cols(std::size_t cols, std::size_t depth, const T* A, std::size_t lda, const T* B,
                     std::size_t ldb, Step step, std::size_t row, std::size_t col, const Finish& finish) {
    for (; col + Cols <= cols; col += Cols)
        dot_tile<T, Rows, Cols>(depth, A, lda, B, ldb, step, row, col, finish);
    return col;
}

template <class T, class Step, class Finish>
void dot_gemm(std::size_t rows, std::size_t cols, std::size_t depth, const T* A, std::size_t lda, const T* B,
              std::size_t ldb, Step step, const Finish& finish) {
    constexpr std::size_t tile = vectors_per_line<T> == 1 ? 4 : 2;
    constexpr std::size_t tile_rows = Simd::accumulators >= tile * tile * vectors_per_line<T> ? tile : 1;
    std::size_t row = 0;
    for (; row + tile_rows <= rows; row += tile_rows) {
        const std::size_t col =
            dot_cols<T, tile_rows, tile>(cols, depth, A, lda, B, ldb, step, row, 0, finish);
        dot_cols<T, tile_rows, 1>(cols, depth, A, lda, B, ldb, step, row, col, finish);
    }
    if constexpr (tile_rows > 1) {
        for (; row < rows; ++row) {
            const std::size_t col = dot_cols<T, 1, tile>(cols, depth, A, lda, B, ldb, step, row, 0, finish);
            dot_cols<T, 1, 1>(cols, depth, A, lda, B, ldb, step, row, col, finish);
        }
    }
}

}  // namespace
}  // namespace densimd::kernels
