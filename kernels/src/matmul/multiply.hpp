// Products by tiles, as a plan says: K blocks, panels of columns, tiles.
#pragma once

#include <cstddef>

#include "matmul/tile.hpp"

namespace densimd::kernels {
namespace {

// On the way to the first tile, operands are not copied, because a wide load of what narrow stores have just written
// waits for these; and plans are passed by value to what is out of line, so that they stay in registers elsewhere.
struct Range {
    std::size_t first, last;
};

// Rows of the panel of `vectors` vectors at `column`, in the tallest tiles that fit. The last two are about equally
// tall, because a very low one would wait for its loads of B.
template <class T, class Result>
DENSIMD_INLINE void multiply_rows(const Product<T>& product, const Result& result, std::size_t accumulators, Range rows,
                   std::size_t vectors, std::size_t column) {
    const std::size_t w = vector_size<T>, left = product.cols - column;
    const bool whole_vectors = left >= vectors * w;
    const std::size_t count = whole_vectors ? w : left - (vectors - 1) * w;
    const TilesOfWidth<T, Result>& tiles = tiles_of<T, Result>(accumulators, vectors, whole_vectors);
    const std::size_t tallest = tiles.tallest;
    for (std::size_t row = rows.first; row < rows.last;) {
        std::size_t height = rows.last - row, number = 1;
        if (height > tallest) {
            number = height / tallest;
            if (height != number * tallest) --number;
            if (number == 0) height = (height + 1) / 2;
        }
        if (height >= tallest && number > 0)
            height = tallest;
        else
            number = 1;
        while (tiles.of_height[height - 1] == nullptr) --height;
        tiles.of_height[height - 1](product, result, row, column, count, number);
        row += number * height;
    }
}

// The same, out of line.
template <class T, class Result>
[[gnu::noinline]] void multiply_section(const Product<T>& product, const Result& result, std::size_t accumulators,
                                        Range rows, std::size_t vectors, std::size_t column) {
    multiply_rows(product, result, accumulators, rows, vectors, column);
}

// The last tiles of a panel, each of which fetches a line of every row of the next one.
template <class T, class Result, std::size_t Columns>
constexpr Tiles<T, Result> fetching_tiles =
    tiles<T, rows_beside(machine<T>, Columns, 1), Columns, 1, false, PrefetchNextPanel, Result>;

template <class T, class Result>
[[gnu::noinline]] void multiply_and_fetch_next(const Product<T>& product, const Result& result, Range rows,
                                               std::size_t vectors, std::size_t column) {
    const std::size_t panel = vectors * vector_size<T>, height = rows_beside(machine<T>, vectors, 1);
    const std::size_t lines = panel / virtual_lanes<T>, head = rows.last - lines * height;
    multiply_section(product, result, 1, {rows.first, head}, vectors, column);
    Product<T> fetching = product;
    fetching.next = product.B + column + panel;
    const Tiles<T, Result> tile = vectors == 3   ? fetching_tiles<T, Result, 3>
                          : vectors == 4 ? fetching_tiles<T, Result, 4>
                                         : fetching_tiles<T, Result, 6>;
    for (std::size_t t = 0; t < lines; ++t, fetching.next += virtual_lanes<T>)
        tile(fetching, result, head + t * height, column, vector_size<T>, 1);
}

// Only the first tile of a panel prefetches.
template <class T, class Result>
[[gnu::noinline]] void multiply_and_prefetch_first(const Product<T>& product, const Result& result,
                                                   TilePlan plan, Range rows, std::size_t vectors,
                                                   std::size_t column) {
    const std::size_t first = rows.first + rows_beside(machine<T>, plan.panel, 1);
    Product<T> unfetched = product;
    unfetched.ahead = 0;
    multiply_section(product, result, plan.accumulators, {rows.first, first}, vectors, column);
    multiply_section(unfetched, result, plan.accumulators, {first, rows.last}, vectors, column);
}

// K blocks, packed panels, rows first: pack.hpp.
template <class T, class Result>
void multiply_in_parts(const Product<T>& product, const Result& result, TilePlan plan);

// A product, or some of its rows, as planned; product.ahead is set here. Panel by panel of columns, so that a panel of B
// stays in L1 or L2 while the rows of A pass by.
template <class T, class Result>
DENSIMD_INLINE void multiply(Product<T>& product, const Result& result, const TilePlan& plan, Range rows) {
    constexpr std::size_t w = vector_size<T>;
    product.ahead = plan.rows_ahead * product.ldb;
    if (plan.k_block > 0 || plan.pack != Pack::none || plan.rows_first)
        return multiply_in_parts(product, result, plan);
    for (std::size_t column = 0, vectors; column < product.cols; column += vectors * w) {
        const std::size_t left = (product.cols - column + w - 1) / w;
        vectors = left < plan.panel ? left : plan.panel;
        // The last two panels are about equally wide: a vector alone would need more loads than multiply-adds.
        if constexpr (Result::prefetches)
            if (!plan.next_panel && left > plan.panel && left < 2u * plan.panel) vectors = (left + 1) / 2;
        if constexpr (Result::prefetches) {
            if (plan.next_panel && column + vectors * w < product.cols) {
                multiply_and_fetch_next(product, result, rows, vectors, column);
                continue;
            }
            if (plan.prefetch == Prefetch::first_tile) {
                multiply_and_prefetch_first(product, result, plan, rows, vectors, column);
                continue;
            }
        }
        multiply_rows(product, result, plan.accumulators, rows, vectors, column);
    }
}

// The same, out of line.
template <class T, class Result>
[[gnu::noinline]] void multiply_part(Product<T>& product, const Result& result, TilePlan plan, Range rows) {
    multiply(product, result, plan, rows);
}

}  // namespace
}  // namespace densimd::kernels
