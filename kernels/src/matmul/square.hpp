// The forward pass of some rows through a layer of at most four outputs.
#pragma once

#include <cstddef>

#include "matmul/quad.hpp"
#include "plan/forward.hpp"

namespace densimd::kernels {
namespace {

// Inputs that share a vector of W, and rows that share a vector of results.
template <class T>
constexpr std::size_t groups = vector_size<T> / 4;

// z = x W + b: each vector has the results of `groups` rows. Behind the last input, x is 0 and W is -0: their product
// changes no sum, not even -0.
template <std::size_t Rows, class T, class Isa = Simd>
DENSIMD_INLINE void square_tile(std::size_t depth, const T* const (&x)[Rows], const T* W, std::size_t ldw,
                                std::size_t count, Batch<T> bias, Batch<T> (&z)[4 / groups<T>]) {
    constexpr std::size_t parts = 4 / groups<T>;  // vectors of the four inputs
    Batch<T> sum[Rows][parts];
    DENSIMD_UNROLLED (r, Rows)
        DENSIMD_UNROLLED (v, parts) sum[r][v] = v == 0 ? bias : Batch<T>(T(0));
    const auto multiply_add = [&](std::size_t p, std::size_t inputs, auto kind) DENSIMD_INLINE_LAMBDA {
        constexpr bool partial = decltype(kind)::partial;
        Batch<T> weights[parts];
        DENSIMD_UNROLLED (v, parts) {
            const std::size_t left = inputs < v * groups<T> ? 0 : inputs - v * groups<T>;
            weights[v] = Simd::in_register(
                Isa::rows_of_four(W + (p + v * groups<T>) * ldw, ldw, partial ? left : groups<T>, count));
        }
        DENSIMD_UNROLLED (r, Rows) {
            const Batch<T> quad = partial ? Isa::repeated_quad(x[r] + p, inputs) : Isa::repeated_quad(x[r] + p);
            sum[r][0] = Simd::fma(Isa::template element_of_group<0>(quad), weights[0], sum[r][0]);
            if constexpr (parts == 2)
                sum[r][1] = Simd::fma(Isa::template element_of_group<2>(quad), weights[1], sum[r][1]);
        }
    };
    std::size_t p = 0;
    for (; p + 4 <= depth; p += 4) multiply_add(p, 4, Full{});
    if (p < depth) multiply_add(p, depth - p, Partial{});
    DENSIMD_UNROLLED (i, parts) {
        Batch<T> rows[groups<T>];
        DENSIMD_UNROLLED (g, groups<T>) rows[g] = sum_of(sum[(i * groups<T> + g) % Rows]);
        z[i] = Isa::sums_of_groups(rows);
    }
}

// Each output has four sums, over p mod 4 (order.hpp): for four outputs they are the lanes of a vector of AVX-512 or of
// two of AVX2, and four inputs are one multiply-add or two, with a shuffle that brings each input to its lanes. The sums
// of four rows come together in one vector, which is activated in registers: nothing is stored and loaded again. Bound:
// the latency of depth / 4 multiply-adds; with four rows the shuffles, of which W takes two per input of AVX-512.
template <class T, class Isa = Simd>
[[gnu::noinline]] void forward_squares(const Product<T>& product, const T* b, Batch<T> (*value)(Batch<T>), T* A,
                                       std::size_t lda) {
    constexpr std::size_t most = 4, parts = most / groups<T>;
    const std::size_t depth = product.depth, count = product.cols, ldw = product.ldb;
    const Batch<T> bias = b ? load<true>(b, count) : Batch<T>(T(0));
    const auto tile = [&](const T* X, std::size_t rows, T* a, auto number) DENSIMD_INLINE_LAMBDA {
        constexpr std::size_t height = decltype(number)::value;
        const T* x[height];
        DENSIMD_UNROLLED (r, height) x[r] = X + (r < rows ? r : rows - 1) * product.row_stride;
        Batch<T> z[parts];
        square_tile(depth, x, product.B, ldw, count, bias, z);
        DENSIMD_UNROLLED (i, parts) {
            if (i * groups<T> >= rows) break;
            const std::size_t left = rows - i * groups<T>;
            Isa::store_groups(a + i * groups<T> * lda, lda, left < groups<T> ? left : groups<T>, count,
                              value ? value(z[i]) : z[i]);
        }
    };
    const T* X = product.A;
    std::size_t rows = product.rows;
    for (; rows > 2; rows -= most, X += most * product.row_stride, A += most * lda) {
        tile(X, rows < most ? rows : most, A, std::integral_constant<std::size_t, most>{});
        if (rows <= most) return;
    }
    if (rows > 0) tile(X, rows, A, std::integral_constant<std::size_t, 2>{});
}

}  // namespace
}  // namespace densimd::kernels
