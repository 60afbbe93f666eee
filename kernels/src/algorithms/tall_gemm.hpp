// C = A B with lanes along the rows of C: for the update of layers with few outputs, where lanes along the
// columns would idle.
#pragma once

#include "algorithms/broadcast_gemm.hpp"

namespace densimd::kernels {
namespace {

// Two vectors of rows, and as many columns at once as there are accumulators for.
template <class T>
constexpr std::size_t tall_rows = 2 * width<T>;
constexpr std::size_t tall_columns = Simd::accumulators / 2, max_tall_columns = 64;

// Sums over the batch of single vectors would wait for each of their additions: four, over the rows mod 4, do
// not. For fewer rows they take longer to begin and end.
constexpr std::size_t rows_for_four_sums = 16;
static_assert(tiny_rows >= rows_for_four_sums);  // tiny_steps makes four

// sums[column][tall_rows], for `Vectors` vectors of rows, of whose last only `count` are there if Partial.
// Per element of the depth, Vectors loads of A and Columns broadcasts of B feed Vectors * Columns
// multiply-adds.
template <std::size_t Columns, std::size_t Vectors, bool Partial, std::size_t Splits = 1, class T>
void tall_tile(const Product<T>& product, const T* A, const T* B, std::size_t count, T* sums) {
    constexpr std::size_t w = width<T>;
    const std::size_t depth = product.depth, lda = product.depth_stride, ldb = product.ldb;
    Batch<T> sum[Columns][Vectors][Splits];
    DENSIMD_UNROLLED (c, Columns)
        DENSIMD_UNROLLED (v, Vectors)
            DENSIMD_UNROLLED (s, Splits) sum[c][v][s] = Batch<T>(T(0));
    const auto multiply_add = [&](std::size_t s) DENSIMD_INLINE_LAMBDA {
        Batch<T> rows[Vectors];
        DENSIMD_UNROLLED (v, Vectors)
            rows[v] = v == Vectors - 1 ? load<Partial>(A + v * w, count) : load(A + v * w);
        DENSIMD_UNROLLED (c, Columns) {
            const Batch<T> element(B[c]);
            DENSIMD_UNROLLED (v, Vectors) sum[c][v][s] = Simd::fma(rows[v], element, sum[c][v][s]);
        }
        A += lda;
        B += ldb;
    };
    std::size_t p = 0;
    for (; p + Splits <= depth; p += Splits)
        DENSIMD_UNROLLED (s, Splits) multiply_add(s);
    DENSIMD_UNROLLED (s, Splits - 1)
        if (p + s < depth) multiply_add(s);
    DENSIMD_UNROLLED (c, Columns)
        DENSIMD_UNROLLED (v, Vectors) sum_of(sum[c][v]).store_aligned(sums + c * tall_rows<T> + v * w);
}

template <class T, std::size_t Columns = tall_columns>
void tall_tile_of(std::size_t columns, std::size_t rows, const Product<T>& product, const T* A, const T* B,
                  T* sums) {
    constexpr std::size_t w = width<T>;
    if constexpr (Columns > 1)
        if (columns < Columns) return tall_tile_of<T, Columns - 1>(columns, rows, product, A, B, sums);
    const auto multiply = [&]<std::size_t Splits>() {
        if (rows == 2 * w)
            tall_tile<Columns, 2, false, Splits>(product, A, B, w, sums);
        else if (rows > w)
            tall_tile<Columns, 2, true, Splits>(product, A, B, rows - w, sums);
        else
            tall_tile<Columns, 1, true, Splits>(product, A, B, rows, sums);
    };
    if constexpr (Columns == 1)
        if (product.depth >= rows_for_four_sums) return multiply.template operator()<4>();
    multiply.template operator()<1>();
}

// At most a vector of rows, from `row` on: `sums` has a column of them every tall_rows elements.
template <class T, class Epilogue>
void finish_tall_rows(std::size_t row, std::size_t rows, std::size_t cols, const T* sums,
                      const Epilogue& epilogue) {
    constexpr std::size_t w = width<T>;
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
            epilogue.template finish<partial>(tile, row, column, count);
        } else {
            DENSIMD_UNROLLED (r, w)
                if (r < rows) {
                    const Batch<T> tile[1][1] = {{vectors[r]}};
                    epilogue.template finish<partial>(tile, row + r, column, count);
                }
        }
    });
}

// Whether that pays: at least a quarter of the lanes along the columns would idle, and the depth makes up for
// the transposition of the results, which takes about six operations for each of their vectors.
template <class T>
bool is_tall(const Product<T>& product) {
    constexpr std::size_t w = width<T>;
    const std::size_t lanes_used = (product.cols + w - 1) / w * w, idle = lanes_used - product.cols;
    return product.row_stride == 1 && product.rows >= w && product.cols <= max_tall_columns &&
           4 * idle >= lanes_used && idle * product.depth > 6 * lanes_used;
}

// tall_gemm makes no single column of several.
static_assert(tall_columns >= 3);

// A is a matrix transposed, so that its columns are contiguous. The order of each sum is that of
// broadcast_gemm with one split, or four for a single column of at least rows_for_four_sums, from an epilogue
// that starts with zeros and needs no `begin`.
template <class T, class Epilogue>
[[gnu::noinline]] void tall_gemm(const Product<T>& product, const Epilogue& epilogue) {
    constexpr std::size_t w = width<T>;
    alignas(64) T sums[max_tall_columns * tall_rows<T>];
    const std::size_t blocks = (product.cols + tall_columns - 1) / tall_columns;
    for (std::size_t row = 0; row < product.rows; row += tall_rows<T>) {
        const std::size_t left = product.rows - row, rows = left < tall_rows<T> ? left : tall_rows<T>;
        for (std::size_t block = 0, column = 0, columns; block < blocks; ++block, column += columns) {
            columns = (product.cols - column) / (blocks - block);
            tall_tile_of<T>(columns, rows, product, product.A + row, product.B + column,
                            sums + column * tall_rows<T>);
        }
        finish_tall_rows(row, rows < w ? rows : w, product.cols, sums, epilogue);
        if (rows > w) finish_tall_rows(row + w, rows - w, product.cols, sums + w, epilogue);
    }
}

}  // namespace
}  // namespace densimd::kernels
