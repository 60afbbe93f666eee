// C[rows][cols] = A[rows][depth] B[depth][cols] with lanes along the columns: the forward pass and the
// update.
#pragma once

#include "algorithms/vector.hpp"

namespace densimd::kernels {
namespace {

// What to multiply. Element (row, p) of A is A[row * row_stride + p * depth_stride]: X as it lies in memory
// or transposed. Passed by reference: as arguments, all this would travel over the stack at each call.
template <class T>
struct Product {
    std::size_t rows, cols, depth;
    const T* A;
    std::size_t row_stride, depth_stride;
    const T* B;
    std::size_t ldb;
};

// A tile of `Rows` x `Columns` vectors of C lives in registers while p runs through the depth: per p,
// `Columns` loads of B and `Rows` broadcasts of A feed Rows * Columns multiply-adds. The widest tile, 6 x 4
// of AVX-512, needs 10 loads for 24 multiply-adds, so both FMA units stay busy out of L2; AVX2 with half the
// registers has 6 x 2. Narrow results leave too few independent sums to hide the latency of an FMA when there
// are few rows. `Splits` sums per element, over p mod Splits, make up for it. To keep a row's bits
// independent of the other rows, their number depends on the number of columns alone.
template <class T>
constexpr std::size_t splits_for(std::size_t cols) {
    return cols <= lanes<T> ? 4 : cols <= 4 * lanes<T> ? 2 : 1;
}

// Tiles are low and wide when there are few rows, so that these have enough independent sums: up to 3 rows x
// 8. When there are more, a tile is 6 rows high, or 3 where it would be a single vector wide and need more
// loads than multiply-adds.
constexpr std::size_t few_rows = 3;
template <std::size_t Splits>
constexpr std::size_t tile_height = Simd::accumulators / Splits > 6 ? 6 : 3;

constexpr std::size_t columns_for(std::size_t rows_of_tile, std::size_t splits) {
    const std::size_t columns = Simd::accumulators / rows_of_tile / splits;
    return columns > 0 ? columns : 1;
}

// The panels of tall tiles.
template <class T>
constexpr std::size_t panel_columns = columns_for(6, 1) * width<T>;
template <class T>
constexpr bool has_narrow_panels = panel_columns<T> <= lanes<T>;

template <std::size_t Columns, std::size_t Splits>
constexpr std::size_t max_rows = Simd::accumulators / (Columns * Splits) < 12
                                     ? Simd::accumulators / (Columns * Splits)
                                     : 12;

// Epilogue: begin<Rows, Columns>(row, column) announces a tile; start<Partial>(row, column, count) gives a
// sum its first value; finish<Partial>(tile, row, column, count) stores a tile. `count` is the number of
// elements in the last vector of a row. Several tiles below one another are one call, which for a small depth
// takes as long as a tile.
template <class T, std::size_t Rows, std::size_t Columns, std::size_t Splits, bool Partial, class Source,
          class Epilogue>
void broadcast_tiles(const Product<T>& product, std::size_t count, const Source& given_source,
                     const Epilogue& given_epilogue, std::size_t row, std::size_t column, std::size_t tiles) {
    constexpr std::size_t w = width<T>;
    // Locals: fields read through references could change under the stores.
    const Epilogue epilogue = given_epilogue;
    const Source source = given_source;
    const std::size_t depth = product.depth, row_stride = product.row_stride;
    const std::size_t depth_stride = product.depth_stride, ldb = product.ldb;
    const T* first_a = product.A + row * row_stride;
    const T* const first_b = product.B + column;
    decltype(source.template column<false>(0, 0)) columns[Columns];
    DENSIMD_UNROLLED (c, Columns)
        columns[c] = c == Columns - 1 ? source.template column<Partial>(column + c * w, count)
                                      : source.template column<false>(column + c * w, w);

    for (; tiles > 0; --tiles, row += Rows, first_a += Rows * row_stride) {
        epilogue.template begin<Rows, Columns>(row, column);
        Batch<T> sum[Rows][Columns][Splits];
        DENSIMD_UNROLLED (r, Rows)
            DENSIMD_UNROLLED (c, Columns) {
                sum[r][c][0] = c == Columns - 1
                                   ? epilogue.template start<Partial>(row + r, column + c * w, count)
                                   : epilogue.template start<false>(row + r, column + c * w, w);
                DENSIMD_UNROLLED (s, Splits - 1) sum[r][c][s + 1] = Batch<T>(T(0));
            }

        const T *a = first_a, *b = first_b;
        const auto multiply_add = [&](std::size_t s, std::size_t at) DENSIMD_INLINE_LAMBDA {
            const auto row_at = source.row(at);
            const auto load_b = [&](std::size_t c) DENSIMD_INLINE_LAMBDA {
                return c == Columns - 1 ? source.template load<Partial>(b + c * w, count, row_at, columns[c])
                                        : source.template load<false>(b + c * w, w, row_at, columns[c]);
            };
            const auto keep_b = [&](std::size_t c, Batch<T> loaded) DENSIMD_INLINE_LAMBDA {
                if (c == Columns - 1)
                    source.template keep<Partial>(b + c * w, count, loaded, row_at, columns[c]);
                else
                    source.template keep<false>(b + c * w, w, loaded, row_at, columns[c]);
            };
            // The shorter side of the tile stays in registers, the other passes by.
            if constexpr (1 < Rows && Rows < Columns) {
                Batch<T> element[Rows];
                DENSIMD_UNROLLED (r, Rows) element[r] = Batch<T>(a[r * row_stride]);
                DENSIMD_UNROLLED (c, Columns) {
                    const Batch<T> loaded = Simd::in_register(load_b(c));
                    keep_b(c, loaded);
                    DENSIMD_UNROLLED (r, Rows) sum[r][c][s] = Simd::fma(element[r], loaded, sum[r][c][s]);
                }
            } else {
                Batch<T> row_of_b[Columns];
                DENSIMD_UNROLLED (c, Columns) row_of_b[c] = load_b(c);
                DENSIMD_UNROLLED (c, Columns) keep_b(c, row_of_b[c]);
                DENSIMD_UNROLLED (r, Rows) {
                    const Batch<T> element(a[r * row_stride]);
                    DENSIMD_UNROLLED (c, Columns)
                        sum[r][c][s] = Simd::fma(element, row_of_b[c], sum[r][c][s]);
                }
            }
            a += depth_stride;
            b += ldb;
        };
        std::size_t p = 0;
        for (; p + Splits <= depth; p += Splits)
            DENSIMD_UNROLLED (s, Splits) multiply_add(s, p + s);
        DENSIMD_UNROLLED (s, Splits - 1)
            if (p + s < depth) multiply_add(s, p + s);

        Batch<T> tile[Rows][Columns];
        DENSIMD_UNROLLED (r, Rows)
            DENSIMD_UNROLLED (c, Columns) tile[r][c] = sum_of(sum[r][c]);
        epilogue.template finish<Partial>(tile, row, column, count);
    }
}

// Tiles of the tallest height that is at most `height`, as many as fit into `height`; returns their rows.
template <class T, std::size_t Rows, std::size_t Columns, std::size_t Splits, bool Partial, class Source,
          class Epilogue>
std::size_t broadcast_tiles_in(std::size_t height, const Product<T>& product, std::size_t count,
                               const Source& source, const Epilogue& epilogue, std::size_t row,
                               std::size_t column) {
    if constexpr (Rows > 1) {
        constexpr std::size_t lower = Rows > 8 ? 8 : Rows - 1;
        if (height < Rows)
            return broadcast_tiles_in<T, lower, Columns, Splits, Partial>(height, product, count, source,
                                                                          epilogue, row, column);
    }
    const std::size_t tiles = height / Rows;
    broadcast_tiles<T, Rows, Columns, Splits, Partial>(product, count, source, epilogue, row, column, tiles);
    return tiles * Rows;
}

// All rows of one panel of columns in the tallest tiles that fit. The last two are about equally tall,
// because a very low one would wait for its loads of B.
template <class T, std::size_t Rows, std::size_t Columns, std::size_t Splits, bool Partial, class Source,
          class Epilogue>
void broadcast_rows(const Product<T>& product, std::size_t count, const Source& source,
                    const Epilogue& epilogue, std::size_t column) {
    for (std::size_t row = 0; row < product.rows;) {
        const std::size_t left = product.rows - row, whole = left / Rows;
        const std::size_t height = left % Rows == 0 || whole == 0 ? left
                                   : whole > 1                    ? (whole - 1) * Rows
                                                                  : (left + 1) / 2;
        row += broadcast_tiles_in<T, Rows, Columns, Splits, Partial>(height, product, count, source, epilogue,
                                                                     row, column);
    }
}

// The widest panel from `column` on that is not wider than the columns left; returns its width in vectors.
// Only some widths above 8 exist, to keep the library small.
template <class T, std::size_t Columns, std::size_t Splits, class Source, class Epilogue>
std::size_t broadcast_panel(const Product<T>& product, const Source& source, const Epilogue& epilogue,
                            std::size_t column) {
    constexpr std::size_t w = width<T>, tallest = max_rows<Columns, Splits>;
    const std::size_t cols = product.cols - column;
    if constexpr (Columns > 1) {
        constexpr std::size_t narrower = Columns > 8 ? Columns - 4 : Columns - 1;
        if (cols <= (Columns - 1) * w)
            return broadcast_panel<T, narrower, Splits>(product, source, epilogue, column);
    }
    if (cols >= Columns * w)
        broadcast_rows<T, tallest, Columns, Splits, false>(product, w, source, epilogue, column);
    else
        broadcast_rows<T, tallest, Columns, Splits, true>(product, cols - (Columns - 1) * w, source, epilogue,
                                                          column);
    return Columns;
}

// Panel by panel of columns, so that a panel of B stays in L1 or L2 while the rows of A pass by.
template <class T, std::size_t Columns, std::size_t Splits, class Source, class Epilogue>
void broadcast_panels(const Product<T>& product, const Source& source, const Epilogue& epilogue) {
    for (std::size_t column = 0; column < product.cols;)
        column += broadcast_panel<T, Columns, Splits>(product, source, epilogue, column) * width<T>;
}

template <class T, std::size_t Splits, class Epilogue>
void broadcast_gemm(const Product<T>& product, const Epilogue& epilogue) {
    if (product.rows <= few_rows)
        broadcast_panels<T, columns_for(few_rows, Splits), Splits>(product, AsItIs{}, epilogue);
    else
        broadcast_panels<T, columns_for(tile_height<Splits>, Splits), Splits>(product, AsItIs{}, epilogue);
}

}  // namespace
}  // namespace densimd::kernels
