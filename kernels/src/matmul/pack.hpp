// Products from panels of B, and blocks of A, that are copied to the stack first: plan.hpp says when.
#pragma once

#include <cstddef>

#include "matmul/multiply.hpp"

namespace densimd::kernels {
namespace {

// All whole panels, one after the other in `packed`, which has room for one; what is left over as it is.
template <class T>
void multiply_packed_panels(const Product<T>& product, const Result<T>& result, const TilePlan& plan, T* packed) {
    constexpr std::size_t panel = panel_columns(machine<T>), columns = panel / vector_size<T>;
    constexpr std::size_t height = rows_beside(machine<T>, columns, 1);
    Product<T> rest = product.rows_from(height, product.rows - height);
    rest.cols = panel;
    rest.B = packed;
    rest.ldb = panel;
    const TilePlan plain = plain_tiles(rest.rows, 1, machine<T>);
    std::size_t column = 0;
    for (; column + panel <= product.cols; column += panel) {
        Product<T> first = product.columns_from(column, panel);
        first.packed = packed;
        tiles<T, height, columns, 1, false, PackB>(first, result.at(0, column), 0, 0, vector_size<T>, 1);
        multiply_panels(rest, result.at(height, column), plain);
    }
    if (column < product.cols)
        multiply_panels(product.columns_from(column, product.cols - column), result.at(0, column),
                        plain_tiles(product.rows, plan.accumulators, machine<T>));
}

template <class T>
[[gnu::noinline]] void multiply_packed(const Product<T>& product, const Result<T>& result, const TilePlan& plan) {
    alignas(64) T packed[packed_bytes / sizeof(T)];
    multiply_packed_panels(product, result, plan, packed);
}

// A is a matrix transposed, whose elements for a tile also are on `depth` lines, one below the other. Blocks of whole
// lines of it are copied, too, as large as there is room; all panels of B pass by each of them.
template <class T>
[[gnu::noinline]] void multiply_packed_blocks(const Product<T>& product, const Result<T>& result,
                                              const TilePlan& plan) {
    alignas(64) T packed[packed_bytes / sizeof(T)];
    const std::size_t depth = product.depth, line = virtual_lanes<T>;
    const std::size_t room = (packed_bytes / sizeof(T) / depth - panel_columns(machine<T>)) / line * line;
    if (room < 3 * line) return multiply_packed_panels(product, result, plan, packed);
    T* const block = packed + depth * panel_columns(machine<T>);
    for (std::size_t row = 0, rows; row < product.rows; row += rows) {
        const std::size_t left = product.rows - row;
        rows = left <= room ? left : left < room + 16 ? room - 16 : room;  // never fewer than 16
        Product<T> part = product;
        part.rows = part.depth_stride = rows;
        part.A = block;
        for (std::size_t p = 0; p < depth; ++p) {
            const T* const from = product.A + p * product.depth_stride + row;
            T* const to = block + p * rows;
            for_each_vector<T>(rows, [&](std::size_t i, std::size_t count, auto kind) {
                constexpr bool partial = decltype(kind)::partial;
                store<partial>(to + i, count, load<partial>(from + i, count));
            });
        }
        multiply_packed_panels(part, result.at(row, 0), plan, packed);
    }
}

template <class T>
void multiply_block(const Product<T>& product, const Result<T>& result, const TilePlan& plan) {
    switch (plan.pack) {
        case Pack::none:
            return multiply_panels(product, result, plan);
        case Pack::panels:
            return multiply_packed(product, result, plan);
        case Pack::panels_and_blocks:
            return multiply_packed_blocks(product, result, plan);
    }
}

// The product, in K blocks of about equal length and, if the plan says so, some rows at a time.
template <class T>
void multiply(Product<T> product, Result<T> result, const TilePlan& plan) {
    if (plan.rows_first) {
        const std::size_t at_a_time = rows_beside(machine<T>, plan.panel, plan.accumulators);
        for (std::size_t row = 0; row < product.rows; row += at_a_time) {
            const std::size_t left = product.rows - row;
            multiply_panels(product.rows_from(row, left < at_a_time ? left : at_a_time), result.at(row, 0), plan);
        }
        return;
    }
    const std::size_t blocks = plan.k_block > 0 ? (product.depth + plan.k_block - 1) / plan.k_block : 1;
    const auto activation = result.activation;
    std::size_t left = product.depth;
    for (std::size_t after = blocks; after > 0; --after) {
        product.depth = left / after;
        left -= product.depth;
        result.activation = after == 1 ? activation : nullptr;
        multiply_block(product, result, plan);
        product.A += product.depth;
        product.B += product.depth * product.ldb;
        result.starts_from_C = true;
    }
}

}  // namespace
}  // namespace densimd::kernels
