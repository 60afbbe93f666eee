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
#include "matmul/square.hpp"
#include "plan/forward.hpp"

namespace densimd::kernels {
namespace {

// dense_forward chooses one of several paths. They have its arguments, even those that they do not need, so that it
// only goes on to one, and are out of line: in a function of all of them, whose frame and registers are for the
// longest, 8 -> 1 with a batch of 32 took a sixth longer.

// The activation of one sum, in registers.
template <class T>
DENSIMD_INLINE void finish_one_output(T sum, const T* bias, const ActivationFunctions<T>& activation,
                                      T* out) {
    const Batch<T> z(without_negative_zero(sum) + (bias ? *bias : T(0)));
    Simd::store_partial(out, 1, activation.value ? activation.value(z) : z);
}

// One output of one row, W a contiguous column.
template <class T>
[[gnu::noinline]] void forward_dot_row(std::size_t, std::size_t in, std::size_t, const T* X, std::size_t, const T* W,
                                       std::size_t, const T* b, Activation activation, T* A, std::size_t) {
    T sum[1];
    dot_rows<1>(in, X, W, 0, DirectB{}, sum);
    finish_one_output(sum[0], b, functions<T>(activation), A);
}

// One output: a dot product per row. W is a column whose elements are ldw apart.
template <class T>
[[gnu::noinline]] void forward_dot(std::size_t batch, std::size_t in, std::size_t, const T* X, std::size_t ldx, const T* W,
                                   std::size_t ldw, const T* b, Activation activation, T* A, std::size_t) {
    const ActivationFunctions<T>& functions_of_all = functions<T>(activation);
    const bool in_registers = fills_no_vector<T>(batch);
    dot_gemv(batch, in, X, ldx, W, ldw, Column<T>{b ? *b : T(0), A, in_registers ? functions_of_all.value : nullptr},
             plan_dot_column({batch, 1, in, ldw}, machine<T>));
    if (!in_registers && functions_of_all.values) functions_of_all.values(batch, A, A);
}

// Results that do not lie back to back do so on the stack first.
template <class T>
[[gnu::noinline]] void forward_staged_dot(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx, const T* W,
                                          std::size_t ldw, const T* b, Activation activation, T* A, std::size_t lda) {
    constexpr std::size_t most = 512;  // few enough for the stack, and for L1
    T results[most];
    for (std::size_t row = 0; row < batch; row += most) {
        const std::size_t rows = batch - row < most ? batch - row : most;
        forward_dot(rows, in, out, X + row * ldx, ldx, W, ldw, b, activation, results, 1);
        for (std::size_t i = 0; i < rows; ++i) A[(row + i) * lda] = results[i];
    }
}

template <class T>
[[gnu::noinline]] void forward_row(std::size_t, std::size_t in, std::size_t out, const T* X, std::size_t, const T* W,
                                   std::size_t ldw, const T* b, Activation activation, T* A, std::size_t) {
    forward_short_row(in, out, X, W, ldw, DirectB{}, b, functions<T>(activation), A);
}

template <class T>
[[gnu::noinline]] void forward_axpy(std::size_t, std::size_t in, std::size_t out, const T* X, std::size_t, const T* W,
                                    std::size_t ldw, const T* b, Activation activation, T* A, std::size_t) {
    forward_long_row(in, out, X, W, ldw, DirectB{}, b, functions<T>(activation), A);
}

template <class T>
[[gnu::noinline]] void forward_square(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx, const T* W,
                                      std::size_t ldw, const T* b, Activation activation, T* A, std::size_t lda) {
    if constexpr (has_squares(machine<T>))
        forward_squares(Product<T>{batch, out, in, X, ldx, 1, W, ldw}, b, functions<T>(activation).value, A, lda);
}

template <class T>
[[gnu::noinline]] void forward_narrow_tiles(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx, const T* W,
                                      std::size_t ldw, const T* b, Activation activation, T* A, std::size_t lda) {
    forward_narrow(Product<T>{batch, out, in, X, ldx, 1, W, ldw}, activation, b, A, lda);
}

template <class T>
[[gnu::noinline]] void forward_quad(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx, const T* W,
                                    std::size_t ldw, const T* b, Activation activation, T* A, std::size_t lda) {
    if constexpr (has_quads<T>)
        forward_few_outputs(Product<T>{batch, out, in, X, ldx, 1, W, ldw}, b, functions<T>(activation), A, lda);
}

template <class T>
const ActivationFunctions<T>* epilogue_of(Activation activation) {
    return activation == Activation::identity ? nullptr : &functions<T>(activation);
}

template <class T>
[[gnu::noinline]] void forward_tiles(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx, const T* W,
                                     std::size_t ldw, const T* b, Activation activation, T* A, std::size_t lda) {
    Product<T> product = {batch, out, in, X, ldx, 1, W, ldw};
    const Output<T> result = {.C = A, .ld = lda, .bias = b, .activation = epilogue_of<T>(activation)};
    multiply(product, result, plan_forward_tiles({batch, out, in, ldw}, out, machine<T>), {0, batch});
}

// The activation of many elements at once: in place if rows lie back to back, else on the stack first. tiles(rows, X, A,
// lda) makes the sums of some rows.
template <class T, class Tiles>
DENSIMD_INLINE void stage_activation(std::size_t batch, std::size_t out, const T* X, std::size_t ldx, Activation activation,
                                     T* A, std::size_t lda, const Tiles& tiles) {
    alignas(64) T results[max_staged_elements + virtual_lanes<T>];  // store_rows loads whole vectors
    const std::size_t block = max_staged_elements / out;
    const bool in_place = lda == out;
    const auto values = functions<T>(activation).values;
    for (std::size_t row = 0; row < batch; row += block) {
        const std::size_t rows = batch - row < block ? batch - row : block;
        T *const a = A + row * lda, *const sums = in_place ? a : results;
        tiles(rows, X + row * ldx, sums, out);
        values(rows * out, sums, sums);
        if (!in_place) store_rows(rows, out, results, out, a, lda);
    }
}

template <class T>
[[gnu::noinline]] void forward_staged_tiles(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx, const T* W,
                                            std::size_t ldw, const T* b, Activation activation, T* A, std::size_t lda) {
    stage_activation(batch, out, X, ldx, activation, A, lda, [=](std::size_t rows, const T* x, T* a, std::size_t ld) {
        forward_tiles(rows, in, out, x, ldx, W, ldw, b, Activation::identity, a, ld);
    });
}

// Calls go(path's function).
template <class T, class Go>
DENSIMD_INLINE void with_forward_path(ForwardPlan plan, const Go& go) {
    switch (plan.path) {
        case ForwardPath::dot_row:
            return go(forward_dot_row<T>);
        case ForwardPath::dot:
            return plan.stages ? go(forward_staged_dot<T>) : go(forward_dot<T>);
        case ForwardPath::row:
            return go(forward_row<T>);
        case ForwardPath::axpy:
            return go(forward_axpy<T>);
        case ForwardPath::square:
            return go(forward_square<T>);
        case ForwardPath::narrow:
            return go(forward_narrow_tiles<T>);
        case ForwardPath::quad:
            return go(forward_quad<T>);
        case ForwardPath::tile:
            return plan.stages ? go(forward_staged_tiles<T>) : go(forward_tiles<T>);
    }
}

template <class T>
void dense_forward_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                          const T* W, std::size_t ldw, const T* b, Activation activation, T* A,
                          std::size_t lda) noexcept {
    const bool activates = activation != Activation::identity;
    with_forward_path<T>(plan_forward({batch, out, in, ldw}, lda, activates, machine<T>),
                         [=](auto path) DENSIMD_INLINE_LAMBDA {
                             path(batch, in, out, X, ldx, W, ldw, b, activation, A, lda);
                         });
}

template <class T>
void planned_forward_kernel(ForwardPlan plan, const TilePlan& tiles, std::size_t batch, std::size_t in,
                            std::size_t out, const T* X, std::size_t ldx, const T* W, std::size_t ldw, const T* b,
                            Activation activation, T* A, std::size_t lda) noexcept {
    const auto multiply_rows_of = [=, &tiles](std::size_t rows, const T* x, T* a, std::size_t ld, Activation finally) {
        Product<T> product = {rows, out, in, x, ldx, 1, W, ldw};
        multiply_part(product, Output<T>{.C = a, .ld = ld, .bias = b, .activation = epilogue_of<T>(finally)}, tiles,
                      {0, rows});
    };
    if (plan.path == ForwardPath::tile) {
        if (!plan.stages) return multiply_rows_of(batch, X, A, lda, activation);
        return stage_activation(batch, out, X, ldx, activation, A, lda,
                                [&](std::size_t rows, const T* x, T* a, std::size_t ld) {
                                    multiply_rows_of(rows, x, a, ld, Activation::identity);
                                });
    }
    with_forward_path<T>(plan, [=](auto path) DENSIMD_INLINE_LAMBDA {
        path(batch, in, out, X, ldx, W, ldw, b, activation, A, lda);
    });
}

// Some of the columns of a layer: the accumulators are those of its whole width, and with them the bits.
template <class T>
void dense_forward_columns_kernel(std::size_t batch, std::size_t in, std::size_t out, std::size_t first,
                                  std::size_t count, const T* X, std::size_t ldx, const T* W, std::size_t ldw,
                                  const T* b, Activation activation, T* A, std::size_t lda) noexcept {
    if (count == out) return dense_forward_kernel(batch, in, out, X, ldx, W, ldw, b, activation, A, lda);
    if (batch == 0 || count == 0) return;
    Product<T> product = {batch, count, in, X, ldx, 1, W + first, ldw};
    const Output<T> result = {
        .C = A + first, .ld = lda, .bias = b ? b + first : nullptr, .activation = epilogue_of<T>(activation)};
    multiply(product, result, plan_forward_tiles({batch, count, in, ldw}, out, machine<T>), {0, batch});
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
