// C = A B with lanes along the rows of C: the update of layers with few outputs, where lanes along the columns would
// idle.
#pragma once

#include <cstddef>

#include "matmul/multiply.hpp"
#include "plan/update.hpp"

namespace densimd::kernels {
namespace {

// Two vectors of W's rows are the columns of a tile, and as many of its columns as registers hold the rows.
template <class T>
constexpr std::size_t tall_rows = 2 * vector_size<T>;
template <class T>
constexpr std::size_t tall_columns = rows_beside(machine<T>, 2, 1);

// At most a vector of rows, from `row` on: `sums` has a column of them every tall_rows elements.
template <class T, class Result>
void finish_tall_rows(std::size_t row, std::size_t rows, std::size_t cols, const T* sums,
                      const Result& result) {
    constexpr std::size_t w = vector_size<T>;
    for_each_vector<T>(cols, [&](std::size_t column, std::size_t count, auto kind) {
        constexpr bool partial = decltype(kind)::partial;
        Batch<T> vectors[w];
        DENSIMD_UNROLLED (c, w)
            vectors[c] =
                c < count ? Batch<T>::load_aligned(sums + (column + c) * tall_rows<T>) : Batch<T>(T(0));
        transpose(vectors);
        if (rows == w) {
            Batch<T> tile[w][1];
            DENSIMD_UNROLLED (r, w) tile[r][0] = vectors[r];
            result.template finish<partial>(tile, result.template begin<1, 1>(row, column), count);
        } else {
            DENSIMD_UNROLLED (r, w)
                if (r < rows) {
                    Batch<T> tile[1][1] = {{vectors[r]}};
                    result.template finish<partial>(tile, result.template begin<1, 1>(row + r, column), count);
                }
        }
    });
}

// Sums of the transpose, a block of its rows after the other, wait on the stack until a block of its columns is
// whole; then they are transposed. A is a matrix transposed, so that its columns are contiguous. The order of each sum
// is that of `multiply`.
template <class T, class Result>
[[gnu::noinline]] void multiply_tall(const Product<T>& product, const Result& result) {
    constexpr std::size_t w = vector_size<T>, widest = tall_columns<T>;
    alignas(64) T sums[max_tall_columns * tall_rows<T>];
    const std::size_t blocks = (product.cols + widest - 1) / widest;
    const std::size_t accumulators = update_accumulators({product.rows, product.cols, product.depth, product.ldb});
    Product<T> transpose = {product.cols, 0, product.depth, product.B, 1, product.ldb, product.A, product.depth_stride};
    const Sums<T> waiting = {sums, tall_rows<T>};
    for (std::size_t row = 0; row < product.rows; row += tall_rows<T>, transpose.B += tall_rows<T>) {
        const std::size_t left = product.rows - row, rows = left < tall_rows<T> ? left : tall_rows<T>;
        transpose.cols = rows;
        for (std::size_t block = 0, column = 0, columns; block < blocks; ++block, column += columns) {
            columns = (product.cols - column) / (blocks - block);
            multiply_rows(transpose, waiting, accumulators, {column, column + columns}, (rows + w - 1) / w, 0);
        }
        finish_tall_rows(row, rows < w ? rows : w, product.cols, sums, result);
        if (rows > w) finish_tall_rows(row + w, rows - w, product.cols, sums + w, result);
    }
}

}  // namespace
}  // namespace densimd::kernels
