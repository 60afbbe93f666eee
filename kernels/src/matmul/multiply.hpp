// Products by tiles, as a plan says: K blocks, panels of columns, sections of rows, tiles.
#pragma once

#include <cstddef>

#include "matmul/tile.hpp"

namespace densimd::kernels {
namespace {

// All rows of the panel of `vectors` vectors at `column`, in the tallest tiles that fit. The last two are about
// equally tall, because a very low one would wait for its loads of B.
template <class T>
void multiply_rows(const Product<T>& product, const Result<T>& result, std::size_t accumulators, std::size_t vectors,
                   std::size_t column) {
    const std::size_t w = vector_size<T>, left = product.cols - column;
    const bool whole_vectors = left >= vectors * w;
    const std::size_t count = whole_vectors ? w : left - (vectors - 1) * w;
    const auto& tiles = (whole_vectors ? whole_tiles<T> : partial_tiles<T>)(accumulators)[vectors - 1];
    const std::size_t tallest = rows_beside(machine<T>, vectors, accumulators);
    for (std::size_t row = 0; row < product.rows;) {
        const std::size_t rows = product.rows - row, whole = rows / tallest;
        std::size_t height = rows;
        if (rows > tallest && rows % tallest != 0) height = whole > 1 ? whole * tallest - tallest : (rows + 1) / 2;
        std::size_t of_tile = height < tallest ? height : tallest;
        while (tiles[of_tile - 1] == nullptr) --of_tile;
        const std::size_t number = height / of_tile;
        tiles[of_tile - 1](product, result, row, column, count, number);
        row += number * of_tile;
    }
}

// The last tiles of a panel, each of which fetches a line of every row of the next one.
template <class T, std::size_t Columns>
constexpr Tiles<T> fetching_tiles =
    tiles<T, rows_beside(machine<T>, Columns, 1), Columns, 1, false, PrefetchNextPanel>;

template <class T>
void multiply_and_fetch_next(const Product<T>& product, const Result<T>& result, std::size_t vectors,
                             std::size_t column) {
    const std::size_t panel = vectors * vector_size<T>, height = rows_beside(machine<T>, vectors, 1);
    const std::size_t lines = panel / virtual_lanes<T>, head = product.rows - lines * height;
    multiply_rows(product.rows_from(0, head), result, 1, vectors, column);
    Product<T> fetching = product;
    fetching.next = product.B + column + panel;
    const Tiles<T> tile = vectors == 3   ? fetching_tiles<T, 3>
                          : vectors == 4 ? fetching_tiles<T, 4>
                                         : fetching_tiles<T, 6>;
    for (std::size_t t = 0; t < lines; ++t, fetching.next += virtual_lanes<T>)
        tile(fetching, result, head + t * height, column, vector_size<T>, 1);
}

// Panel by panel of columns, so that a panel of B stays in L1 or L2 while the rows of A pass by.
template <class T>
void multiply_panels(Product<T> product, const Result<T>& result, const TilePlan& plan) {
    constexpr std::size_t w = vector_size<T>;
    const std::size_t ahead = plan.rows_ahead * product.ldb;
    product.ahead = plan.prefetch == Prefetch::all_tiles ? ahead : 0;
    for (std::size_t column = 0; column < product.cols;) {
        const std::size_t left = (product.cols - column + w - 1) / w;
        const std::size_t vectors = left < plan.panel ? left : plan.panel;
        if (plan.next_panel && column + vectors * w < product.cols) {
            multiply_and_fetch_next(product, result, vectors, column);
        } else if (plan.prefetch == Prefetch::first_tile) {
            const std::size_t height = rows_beside(machine<T>, plan.panel, 1);
            Product<T> first = product.rows_from(0, height);
            first.ahead = ahead;
            multiply_rows(first, result, plan.accumulators, vectors, column);
            multiply_rows(product.rows_from(height, product.rows - height), result.at(height, 0), plan.accumulators,
                          vectors, column);
        } else {
            multiply_rows(product, result, plan.accumulators, vectors, column);
        }
        column += vectors * w;
    }
}

}  // namespace
}  // namespace densimd::kernels
