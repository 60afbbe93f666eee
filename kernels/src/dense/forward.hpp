// The layer's forward pass: A = activation(X W + b).
#pragma once

#include <densimd/kernels.hpp>

#include <cstddef>

#include "matmul/axpy.hpp"
#include "matmul/dot.hpp"
#include "matmul/dot_row.hpp"
#include "matmul/narrow.hpp"
#include "matmul/pack.hpp"
#include "matmul/quad.hpp"
#include "matmul/row.hpp"

namespace densimd::kernels {
namespace {

// A layer's forward pass: what all paths are given. Each is out of line: in a function of all of them, whose frame and
// registers are for the longest, 8 -> 1 with a batch of 32 took a sixth longer.
template <class T>
struct ForwardCall {
    std::size_t batch, in, out;
    const T* X;
    std::size_t ldx;
    const T* W;
    std::size_t ldw;
    const T* b;  // null: none
    const ActivationFunctions<T>* activation;
    T* A;
    std::size_t lda;
};

// The activation of one sum, in registers.
template <class T>
DENSIMD_INLINE void finish_one_output(T sum, const T* bias, const ActivationFunctions<T>& activation,
                                      T* out) {
    const Batch<T> z((sum + T(0)) + (bias ? *bias : T(0)));  // never -0: see LaneSum
    Simd::store_partial(out, 1, activation.value ? activation.value(z) : z);
}

// One output of one row, W a contiguous column.
template <class T>
[[gnu::noinline]] void forward_dot_row(const ForwardCall<T>& c) {
    T sum[1];
    dot_rows<1>(c.in, c.X, c.W, 0, DirectB{}, sum);
    finish_one_output(sum[0], c.b, *c.activation, c.A);
}

// One output: a dot product per row. W is a column whose elements are ldw apart. Results that do not lie back to back
// do so on the stack first.
template <class T>
[[gnu::noinline]] void forward_dot(const ForwardCall<T>& c, DotColumn plan) {
    dot_gemv(c.batch, c.in, c.X, c.ldx, c.W, c.ldw, c.b ? *c.b : T(0), c.A, plan);
    if (const auto values = c.activation->values) values(c.batch, c.A, c.A);
}
template <class T>
[[gnu::noinline]] void forward_staged_dot(const ForwardCall<T>& c, DotColumn plan) {
    constexpr std::size_t most = 512;  // few enough for the stack, and for L1
    T results[most];
    for (std::size_t row = 0; row < c.batch; row += most) {
        ForwardCall<T> part = c;
        part.batch = c.batch - row < most ? c.batch - row : most;
        part.X += row * c.ldx;
        part.A = results;
        forward_dot(part, plan);
        for (std::size_t i = 0; i < part.batch; ++i) c.A[(row + i) * c.lda] = results[i];
    }
}

template <class T>
[[gnu::noinline]] void forward_row(const ForwardCall<T>& c) {
    forward_short_row(c.in, c.out, c.X, c.W, c.ldw, DirectB{}, c.b, *c.activation, c.A);
}

template <class T>
[[gnu::noinline]] void forward_axpy(const ForwardCall<T>& c) {
    forward_long_row(c.in, c.out, c.X, c.W, c.ldw, DirectB{}, c.b, *c.activation, c.A);
}

template <class T>
Product<T> product_of(const ForwardCall<T>& c) {
    return {c.batch, c.out, c.in, c.X, c.ldx, 1, c.W, c.ldw};
}
template <class T>
Result<T> result_of(const ForwardCall<T>& c) {
    return {.C = c.A, .ld = c.lda, .bias = c.b, .activation = c.activation->value ? c.activation : nullptr};
}

template <class T>
[[gnu::noinline]] void forward_tiles(const ForwardCall<T>& c, const TilePlan& plan) {
    multiply(product_of(c), result_of(c), plan);
}

// The activation of many elements at once: in place if rows lie back to back, else on the stack first.
template <class T>
[[gnu::noinline]] void forward_staged_tiles(const ForwardCall<T>& c, const TilePlan& plan) {
    alignas(64) T results[max_staged_elements + virtual_lanes<T>];  // store_rows loads whole vectors
    const std::size_t block = max_staged_elements / c.out;
    const bool in_place = c.lda == c.out;
    Product<T> product = product_of(c);
    for (std::size_t row = 0; row < c.batch; row += block) {
        T* const A = c.A + row * c.lda;
        const Result<T> sums = {.C = in_place ? A : results, .ld = c.out, .bias = c.b};
        product.rows = c.batch - row < block ? c.batch - row : block;
        multiply(product, sums, plan);
        c.activation->values(product.rows * c.out, sums.C, sums.C);
        if (!in_place) store_rows(product.rows, c.out, results, c.out, A, c.lda);
        product.A += block * product.row_stride;
    }
}

template <class T>
void forward(const ForwardCall<T>& c, const ForwardPlan& plan, Activation activation) {
    switch (plan.path) {
        case ForwardPath::dot_row:
            return forward_dot_row(c);
        case ForwardPath::dot:
            return plan.stages ? forward_staged_dot(c, plan.dot) : forward_dot(c, plan.dot);
        case ForwardPath::row:
            return forward_row(c);
        case ForwardPath::axpy:
            return forward_axpy(c);
        case ForwardPath::narrow:
            return narrow_forward_of<T>(activation)(product_of(c), c.b, c.A, c.lda);
        case ForwardPath::quad:
            if constexpr (has_quads<T>) return forward_few_outputs(product_of(c), c.b, *c.activation, c.A, c.lda);
            [[fallthrough]];
        case ForwardPath::tile:
            return plan.stages ? forward_staged_tiles(c, plan.tile) : forward_tiles(c, plan.tile);
    }
}

template <class T>
void dense_forward_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                          const T* W, std::size_t ldw, const T* b, Activation activation, T* A,
                          std::size_t lda) noexcept {
    const ForwardCall<T> call = {batch, in, out, X, ldx, W, ldw, b, &functions<T>(activation), A, lda};
    const bool activates = activation != Activation::identity;
    forward(call, plan_forward({batch, out, in, ldw}, lda, activates, machine<T>), activation);
}

template <class T>
void dense_forward_columns_kernel(std::size_t batch, std::size_t in, std::size_t out, std::size_t first,
                                  std::size_t count, const T* X, std::size_t ldx, const T* W, std::size_t ldw,
                                  const T* b, Activation activation, T* A, std::size_t lda) noexcept {
    if (count == out) return dense_forward_kernel(batch, in, out, X, ldx, W, ldw, b, activation, A, lda);
    if (batch == 0 || count == 0) return;
    const ForwardCall<T> part = {
        batch,     in, count, X, ldx, W + first, ldw, b ? b + first : nullptr, &functions<T>(activation),
        A + first, lda};
    multiply(product_of(part), result_of(part), plan_forward_tiles({batch, count, in, ldw}, out, machine<T>));
}

template <class T>
void gemm_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx, const T* W,
                 std::size_t ldw, T* Z, std::size_t ldz) noexcept {
    dense_forward_kernel<T>(batch, in, out, X, ldx, W, ldw, nullptr, Activation::identity, Z, ldz);
}

template <class T>
void gemv_kernel(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw, const T* b,
                 T* y) noexcept {
    dense_forward_kernel<T>(1, in, out, x, in, W, ldw, b, Activation::identity, y, out);
}

}  // namespace
}  // namespace densimd::kernels
