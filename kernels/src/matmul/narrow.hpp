// The forward pass of some rows through a layer of at most a vector of outputs.
#pragma once

#include <cstddef>

#include <densimd/kernels.hpp>

#include "matmul/operands.hpp"
#include "plan/forward.hpp"

namespace densimd::kernels {
namespace {

// The activation that does nothing.
template <class T>
struct IdentityFunction {
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const { return x; }
};

template <class T>
struct CalledFunction {
    Batch<T> (*function)(Batch<T>);
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const { return function(x); }
};

template <class Function, class T>
DENSIMD_INLINE void activate_rows(const Function& function, Batch<T> (&z)[rows_of_narrow_tile]) {
    constexpr std::size_t rows = rows_of_narrow_tile;
    if constexpr (HasFastRange<Function, T>) {
        if (any_needs_full_range(function, z)) [[unlikely]] {
            DENSIMD_UNROLLED (r, rows) z[r] = full_range_value(function, z[r]);
            return;
        }
        DENSIMD_UNROLLED (r, rows) z[r] = function.template value<FastRange>(z[r]);
    } else {
        DENSIMD_UNROLLED (r, rows) z[r] = function.value(z[r]);
    }
}

// z = x W + b for the rows of a tile and at most a vector of outputs.
template <bool Partial, class T>
DENSIMD_INLINE void narrow_tile(std::size_t depth, const T* const (&x)[rows_of_narrow_tile], const T* W,
                                std::size_t ldw, std::size_t count, Batch<T> bias,
                                Batch<T> (&z)[rows_of_narrow_tile]) {
    constexpr std::size_t rows = rows_of_narrow_tile, splits = accumulators_of<T>(1);
    Batch<T> sum[rows][splits];
    DENSIMD_UNROLLED (r, rows) {
        sum[r][0] = bias;
        DENSIMD_UNROLLED (s, splits - 1) sum[r][s + 1] = Batch<T>(T(0));
    }
    const auto multiply_add = [&](std::size_t s, std::size_t p) DENSIMD_INLINE_LAMBDA {
        const Batch<T> weights = load<Partial>(W, count);
        DENSIMD_UNROLLED (r, rows) sum[r][s] = Simd::fma(Batch<T>(x[r][p]), weights, sum[r][s]);
        W += ldw;
    };
    std::size_t p = 0;
    for (; p + splits <= depth; p += splits)
        DENSIMD_UNROLLED (s, splits) multiply_add(s, p + s);
    DENSIMD_UNROLLED (s, splits - 1)
        if (p + s < depth) multiply_add(s, p + s);
    DENSIMD_UNROLLED (r, rows) z[r] = sum_of(sum[r]);
}

// From the products to the activation in registers: with few rows and inputs, what takes time is to begin and
// end loops, and to store results and load them again for their activation. Four rows at a time, each with
// the accumulators of order.hpp, hide the latency of one another; where fewer are left, the last one is
// repeated. Bound: a multiply-add with a load from X per input, and what the activation takes.
template <bool Partial, class T, class Function>
void forward_narrow_rows(const Product<T>& product, const Function& function, const T* b, T* A,
                         std::size_t lda) {
    constexpr std::size_t rows = rows_of_narrow_tile;
    const std::size_t depth = product.depth, count = product.cols, ldb = product.ldb, last = product.rows - 1;
    const Batch<T> bias = b ? load<Partial>(b, count) : Batch<T>(T(0));
    for (std::size_t row = 0; row <= last; row += rows) {
        const T* x[rows];
        T* a[rows];
        DENSIMD_UNROLLED (r, rows) {
            const std::size_t i = row + r < last ? row + r : last;
            x[r] = product.A + i * product.row_stride;
            a[r] = A + i * lda;
        }
        Batch<T> z[rows];
        narrow_tile<Partial>(depth, x, product.B, ldb, count, bias, z);
        activate_rows(function, z);
        DENSIMD_UNROLLED (r, rows) store<Partial>(a[r], count, z[r]);
    }
}

template <class T, class Function>
void forward_narrow(const Product<T>& product, const Function& function, const T* b, T* A, std::size_t lda) {
    if (product.cols == vector_size<T>)
        forward_narrow_rows<false>(product, function, b, A, lda);
    else
        forward_narrow_rows<true>(product, function, b, A, lda);
}

// The usual activations are in line, the others one call per vector: a copy for each would be a tenth of the layers.
template <class T>
void forward_narrow(const Product<T>& product, Activation activation, const T* b, T* A, std::size_t lda) {
    switch (activation) {
        case Activation::identity:
            return forward_narrow(product, IdentityFunction<T>{}, b, A, lda);
        case Activation::sigmoid:
            return forward_narrow(product, SigmoidActivation<T>{}, b, A, lda);
        case Activation::tanh:
            return forward_narrow(product, TanhActivation<T>{}, b, A, lda);
        case Activation::relu:
            return forward_narrow(product, ReluActivation<T>{}, b, A, lda);
        default:
            return forward_narrow(product, CalledFunction<T>{functions<T>(activation).value}, b, A, lda);
    }
}

}  // namespace
}  // namespace densimd::kernels
