// Products in parts: K blocks; panels of B, and blocks of A, that are copied to the stack first; some rows after the
// other. plan/tiles.hpp says when.
#pragma once

#include <cstddef>

#include "matmul/multiply.hpp"

namespace densimd::kernels {
namespace {

// All whole panels, one after the other in `packed`, which has room for one; what is left over as it is.
template <class T, class Result>
void multiply_packed_panels(Product<T> product, Result result, T* packed) {
    constexpr std::size_t panel = panel_columns(machine<T>), columns = panel / vector_size<T>;
    constexpr std::size_t height = rows_beside(machine<T>, columns, 1);
    const TilePlan plain = plain_tiles(product.rows, 1, machine<T>);
    const auto advance = [&](std::size_t count) {
        product.B += count;
        product.cols -= count;
        result.advance(0, count);
    };
    Product<T> from_packed = product;
    from_packed.cols = panel;
    from_packed.B = packed;
    from_packed.ldb = panel;
    product.packed = packed;
    while (product.cols >= panel) {
        tiles<T, height, columns, 1, false, PackB, Result>(product, result, 0, 0, vector_size<T>, 1);
        multiply_part(from_packed, result, plain, {height, product.rows});
        advance(panel);
    }
    multiply_part(product, result, plain, {0, product.rows});
}

template <class T, class Result>
[[gnu::noinline]] void multiply_packed(const Product<T>& product, const Result& result) {
    alignas(64) T packed[packed_bytes / sizeof(T)];
    multiply_packed_panels(product, result, packed);
}

// A is a matrix transposed, whose elements for a tile also are on `depth` lines, one below the other. Blocks of whole
// lines of it are copied, too, as large as there is room; all panels of B pass by each of them.
template <class T, class Result>
[[gnu::noinline]] void multiply_packed_blocks(const Product<T>& product, const Result& result) {
    alignas(64) T packed[packed_bytes / sizeof(T)];
    const std::size_t depth = product.depth, line = virtual_lanes<T>;
    const std::size_t room = (packed_bytes / sizeof(T) / depth - panel_columns(machine<T>)) / line * line;
    if (room < 3 * line) return multiply_packed_panels(product, result, packed);
    T* const block = packed + depth * panel_columns(machine<T>);
    Product<T> part = product;
    Result of_part = result;
    part.A = block;
    for (std::size_t row = 0; row < product.rows; row += part.rows) {
        const std::size_t left = product.rows - row;
        part.rows = left <= room ? left : left < room + 16 ? room - 16 : room;  // a rest has 8 rows or more
        part.depth_stride = part.rows;
        for (std::size_t p = 0; p < depth; ++p) {
            const T* const from = product.A + p * product.depth_stride + row;
            T* const to = block + p * part.rows;
            for_each_vector<T>(part.rows, [&](std::size_t i, std::size_t count, auto kind) {
                constexpr bool partial = decltype(kind)::partial;
                store<partial>(to + i, count, load<partial>(from + i, count));
            });
        }
        multiply_packed_panels(part, of_part, packed);
        of_part.advance(part.rows, 0);
    }
}

template <class T, class Result>
void multiply_block(Product<T>& product, const Result& result, TilePlan plan) {
    switch (plan.pack) {
        case Pack::none:
            break;
        case Pack::panels:
            return multiply_packed(product, result);
        case Pack::panels_and_blocks:
            return multiply_packed_blocks(product, result);
    }
    const std::size_t rows = product.rows;
    const std::size_t some = plan.rows_first ? rows_beside(machine<T>, plan.panel, plan.accumulators) : rows;
    plan.rows_first = false;
    for (std::size_t row = 0; row < rows; row += some)
        multiply_part(product, result, plan, {row, rows - row < some ? rows : row + some});
}

// K blocks are of about equal length. Partial sums wait in C, which is exact.
template <class T, class Result>
[[gnu::noinline]] void multiply_in_parts(const Product<T>& given, const Result& given_result, TilePlan plan) {
    Product<T> product = given;
    if constexpr (!Result::prefetches) {
        multiply_block(product, given_result, plan);
    } else {
        Result result = given_result;
        std::size_t left = product.depth;
        std::size_t blocks = plan.k_block > 0 ? (left + plan.k_block - 1) / plan.k_block : 1;
        plan.k_block = 0;
        for (; blocks > 0; --blocks) {
            product.depth = left / blocks;
            left -= product.depth;
            result.activation = blocks == 1 ? given_result.activation : nullptr;
            multiply_block(product, result, plan);
            product.A += product.depth;
            product.B += product.depth * product.ldb;
            result.starts_from_C = true;
        }
    }
}

}  // namespace
}  // namespace densimd::kernels
