// C = A B with lanes along the rows of C: the update of layers with few outputs, where lanes along the columns would
// idle.
#pragma once

#include <bit>
#include <cstddef>
#include <utility>

#include "matmul/multiply.hpp"
#include "plan/update.hpp"

namespace densimd::kernels {
namespace {

// Two vectors of W's rows are the columns of a tile, and as many of its columns as registers hold the rows; four
// vectors, if columns are too few for the latency of their sums.
template <class T>
constexpr std::size_t tall_columns = rows_beside(machine<T>, 2, 1);
template <class T>
constexpr std::size_t max_tall_rows = max_tall_vectors * vector_size<T>;

// The rows of W for which there are sums: `sums` has a column of them every max_tall_rows elements.
template <class T>
struct TallSums {
    std::size_t row, rows;
    const T* sums;
};

// At most a vector of rows, and of `Columns` columns the `count` from `column` on. Rows that are shorter than a vector
// come several to one out of the transposition.
template <std::size_t Columns, bool Partial, class T, class Result>
DENSIMD_INLINE void finish_tall_columns(const TallSums<T>& from, std::size_t column, std::size_t count,
                                        const Result& result) {
    constexpr std::size_t w = vector_size<T>, turn = w < 8 ? w : 8;  // rows whose addresses are in registers
    Batch<T> x[Columns], row[w / turn][turn][1];
    DENSIMD_UNROLLED (c, Columns) x[c] = Batch<T>::load_aligned(from.sums + (column + c) * max_tall_rows<T>);
    transpose(x);
    [&]<std::size_t... R>(std::index_sequence<R...>) DENSIMD_INLINE_LAMBDA {
        ((row[R / turn][R % turn][0] = Simd::template rotate<R * Columns % w>(x[R * Columns / w])), ...);
    }(std::make_index_sequence<w>());
    auto to = result.template begin<1, 1>(from.row, column);
    if (from.rows == w) {
        DENSIMD_UNROLLED (t, w / turn) {
            result.template finish<Partial>(row[t], to, count);
            to.first += turn * to.ld;
        }
    } else {
        DENSIMD_UNROLLED (r, w - 1)
            if (r < from.rows) {
                Batch<T> tile[1][1] = {{row[r / turn][r % turn][0]}};
                result.template finish<Partial>(tile, to, count);
                to.first += to.ld;
            }
    }
}

template <std::size_t Columns, class T, class Result>
void finish_tall_columns(const TallSums<T>& from, std::size_t column, std::size_t count, const Result& result) {
    if constexpr (Columns > 2)
        if (count <= Columns / 2) return finish_tall_columns<Columns / 2>(from, column, count, result);
    finish_tall_columns<Columns, true>(from, column, count, result);
}

template <class T, class Result>
void finish_tall_rows(const TallSums<T>& from, std::size_t cols, const Result& result) {
    for_each_vector<T>(cols, [&](std::size_t column, std::size_t count, auto kind) {
        if constexpr (decltype(kind)::partial)
            finish_tall_columns<vector_size<T>>(from, column, count, result);
        else
            finish_tall_columns<vector_size<T>, false>(from, column, count, result);
    });
}

// Sums of the transpose, a block of its rows after the other, wait on the stack until a block of its columns is
// whole; then they are transposed. A is a matrix transposed, so that its columns are contiguous. The order of each sum
// is that of `multiply`.
template <class T, class Result>
[[gnu::noinline]] void multiply_tall(const Product<T>& product, const Result& result) {
    constexpr std::size_t w = vector_size<T>, widest = tall_columns<T>, ld = max_tall_rows<T>;
    alignas(64) T sums[max_tall_columns * ld];
    const ProductShape shape = {product.rows, product.cols, product.depth, product.ldb};
    const std::size_t accumulators = update_accumulators(shape), block_rows = tall_vectors(shape, machine<T>) * w;
    const std::size_t blocks = (product.cols + widest - 1) / widest;
    Product<T> transpose = {product.cols, 0, product.depth, product.B, 1, product.ldb, product.A, product.depth_stride};
    const Sums<T> waiting = {sums, ld};
    // Columns that are not there are transposed as well: zeros, as what else lies there might be slow to add.
    const std::size_t rest = product.cols % w, end = product.cols - rest + (rest == 1 ? 2 : rest == 0 ? 0 : std::bit_ceil(rest));
    for (std::size_t column = product.cols; column < end; ++column)
        for (std::size_t r = 0; r < block_rows; r += w) Batch<T>(T(0)).store_aligned(sums + column * ld + r);
    for (std::size_t row = 0; row < product.rows; row += block_rows, transpose.B += block_rows) {
        const std::size_t left = product.rows - row, rows = left < block_rows ? left : block_rows;
        transpose.cols = rows;
        for (std::size_t block = 0, column = 0, columns; block < blocks; ++block, column += columns) {
            columns = (product.cols - column) / (blocks - block);
            multiply_rows(transpose, waiting, accumulators, {column, column + columns}, (rows + w - 1) / w, 0);
        }
        for (std::size_t r = 0; r < rows; r += w)
            finish_tall_rows<T>({row + r, rows - r < w ? rows - r : w, sums + r}, product.cols, result);
    }
}

}  // namespace
}  // namespace densimd::kernels
