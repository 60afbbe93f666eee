// The gradient of a layer's input: dX = dZ W^T, times the derivative of the activation of the layer before.
#pragma once

#include <densimd/kernels.hpp>

#include <cstddef>
#include <iterator>

#include "matmul/dot.hpp"
#include "matmul/dot_row.hpp"
#include "matmul/transposed.hpp"
#include "plan/paths.hpp"

namespace densimd::kernels {
namespace {

// What dot products finish with: the derivative of the layer before.
template <class T>
struct InputGradient {
    const T* X;
    std::size_t ldx;
    const ActivationFunctions<T>* activation;
    T* dX;
    std::size_t lddx;

    // Rows of a tile, of at most a vector of columns.
    void operator()(std::size_t row, std::size_t col, std::size_t rows, std::size_t cols, const T* sums,
                    std::size_t ld) const {
        for (std::size_t r = 0; r < rows; ++r) {
            Batch<T> gradient = without_negative_zero(load<true>(sums + r * ld, cols));
            if (activation->gradient)
                gradient = activation->gradient(load<true>(X + (row + r) * ldx + col, cols), gradient);
            store<true>(dX + (row + r) * lddx + col, cols, gradient);
        }
    }

    // Any number of columns; behind those of each row there are whole vectors.
    void finish_rows(std::size_t row, std::size_t col, std::size_t rows, std::size_t cols, const T* sums,
                     std::size_t ld) const {
        T* const to = dX + row * lddx + col;
        const std::size_t ld_to = lddx;
        if (activation->gradient_of_rows)
            return activation->gradient_of_rows(rows, cols, X + row * ldx + col, ldx, sums, ld, to, ld_to);
        for_each_vector_of_rows<T>(
            rows, cols, [to, ld_to, sums, ld](std::size_t r, std::size_t i, std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
                store<decltype(kind)::partial>(to + r * ld_to + i, count, without_negative_zero(load(sums + r * ld + i)));
            });
    }
    // Of row 0.
    void operator()(std::size_t col, std::size_t cols, const T* sums) const { finish_rows(0, col, 1, cols, sums, cols); }
    // Rows of one column, back to back: as a row, if they are so in memory.
    void finish_column(std::size_t row, std::size_t rows, const T* sums) const {
        if (lddx == 1 && (ldx == 1 || !activation->gradient))
            finish_rows(row, 0, 1, rows, sums, rows);
        else
            finish_rows(row, 0, rows, 1, sums, 1);
    }
};

// As dense_forward, dense_backward_input only goes on to one of several functions of its own arguments.

// With one output, W a contiguous column: dX is dZ times it.
template <class T>
DENSIMD_PATH void backward_outer(std::size_t batch, std::size_t in, std::size_t, const T* dZ, std::size_t lddz,
                                 const T* W, std::size_t, const T* X, std::size_t ldx, Activation activation,
                                 T* dX, std::size_t lddx) {
    if (const auto gradient = functions<T>(activation).gradient_of_outer_product)
        gradient(batch, in, X, ldx, dZ, lddz, W, dX, lddx, is_row_by_row(in, ldx, lddx, machine<T>));
    else
        outer_product_rows(batch, in, dZ, lddz, W, dX, lddx, NoDerivative{});
}

// One row and few outputs.
template <class T>
DENSIMD_PATH void backward_short_dots(std::size_t, std::size_t in, std::size_t out, const T* dZ, std::size_t,
                                      const T* W, std::size_t ldw, const T* X, std::size_t ldx,
                                      Activation activation, T* dX, std::size_t lddx) {
    if constexpr (has_quads<T>) {
        constexpr std::size_t block = block_of_rows<T>;
        const InputGradient<T> finish = {X, ldx, &functions<T>(activation), dX, lddx};
        alignas(64) T sums[block + virtual_lanes<T>];
        for (std::size_t k = 0; k < in; k += block) {
            const std::size_t rows = in - k < block ? in - k : block;
            with_depth(out, [&](auto depth) {
                short_dots<decltype(depth)::value>(rows, out, dZ, W + k * ldw, ldw, sums);
            });
            finish(k, rows, sums);
        }
    }
}

template <class T>
DENSIMD_PATH void backward_dot_row(std::size_t, std::size_t in, std::size_t out, const T* dZ, std::size_t,
                                   const T* W, std::size_t ldw, const T* X, std::size_t ldx, Activation activation,
                                   T* dX, std::size_t lddx) {
    dot_one_row(
        in, out, dZ, W, ldw, plan_dot_row(in, out, ldw, false, machine<T>),
        [](std::size_t, std::size_t) { return DirectB{}; }, InputGradient<T>{X, ldx, &functions<T>(activation), dX, lddx});
}

template <class T>
DENSIMD_PATH void backward_dot(std::size_t batch, std::size_t in, std::size_t out, const T* dZ, std::size_t lddz,
                               const T* W, std::size_t ldw, const T* X, std::size_t ldx, Activation activation,
                               T* dX, std::size_t lddx) {
    dot_gemm(batch, in, out, dZ, lddz, W, ldw, InputGradient<T>{X, ldx, &functions<T>(activation), dX, lddx});
}

// One input: W is a column of its transpose, and lies in memory as one.
template <class T>
DENSIMD_PATH void backward_column(std::size_t batch, std::size_t, std::size_t out, const T* dZ, std::size_t lddz,
                                  const T* W, std::size_t, const T* X, std::size_t ldx, Activation activation,
                                  T* dX, std::size_t lddx) {
    constexpr std::size_t most = staged_gradients / sizeof(T);
    alignas(64) T sums[most + virtual_lanes<T>];
    const InputGradient<T> finish = {X, ldx, &functions<T>(activation), dX, lddx};
    for (std::size_t row = 0; row < batch; row += most) {
        const std::size_t rows = batch - row < most ? batch - row : most;
        dot_gemv(rows, out, dZ + row * lddz, lddz, W, 1, Column<T>{T(0), sums, nullptr},
                 plan_dot_column({rows, 1, out, 1}, machine<T>));
        finish.finish_column(row, rows, sums);
    }
}

template <class T>
DENSIMD_PATH void backward_transposed(std::size_t batch, std::size_t in, std::size_t out, const T* dZ,
                                      std::size_t lddz, const T* W, std::size_t ldw, const T* X, std::size_t ldx,
                                      Activation activation, T* dX, std::size_t lddx) {
    multiply_by_transpose(batch, in, out, dZ, lddz, W, ldw, InputGradient<T>{X, ldx, &functions<T>(activation), dX, lddx});
}

// By path. A switch would have a copy of the arguments for each call.
template <class T>
constexpr decltype(&backward_dot<T>) backward_functions[] = {
    backward_outer<T>,      backward_column<T>,  backward_transposed<T>,
    backward_short_dots<T>, backward_dot_row<T>, backward_dot<T>,
};
static_assert(std::size(backward_functions<float>) == std::size(backward_paths));

template <class T>
decltype(&backward_dot<T>) backward_function(BackwardPath path) {
    return backward_functions<T>[static_cast<std::size_t>(path)];
}

template <class T>
void dense_backward_input_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* dZ,
                                 std::size_t lddz, const T* W, std::size_t ldw, const T* X, std::size_t ldx,
                                 Activation activation, T* dX, std::size_t lddx) noexcept {
    return backward_function<T>(plan_backward(batch, batch, in, out, ldw, machine<T>))(
        batch, in, out, dZ, lddz, W, ldw, X, ldx, activation, dX, lddx);
}

// Some rows of a batch, which fixes the order of their sums.
template <class T>
void dense_backward_input_rows_kernel(std::size_t batch, std::size_t rows, std::size_t in, std::size_t out, const T* dZ,
                                      std::size_t lddz, const T* W, std::size_t ldw, const T* X, std::size_t ldx,
                                      Activation activation, T* dX, std::size_t lddx) noexcept {
    backward_function<T>(plan_backward(batch, rows, in, out, ldw, machine<T>))(rows, in, out, dZ, lddz, W, ldw, X, ldx,
                                                                                activation, dX, lddx);
}

template <class T>
void planned_backward_kernel(BackwardPath path, std::size_t batch, std::size_t in, std::size_t out, const T* dZ,
                             std::size_t lddz, const T* W, std::size_t ldw, const T* X, std::size_t ldx,
                             Activation activation, T* dX, std::size_t lddx) noexcept {
    backward_function<T>(path)(batch, in, out, dZ, lddz, W, ldw, X, ldx, activation, dX, lddx);
}

template <class T>
void gemm_nt_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* dZ, std::size_t lddz,
                    const T* W, std::size_t ldw, T* dX, std::size_t lddx) noexcept {
    dense_backward_input_kernel<T>(batch, in, out, dZ, lddz, W, ldw, nullptr, 0, Activation::identity, dX,
                                   lddx);
}

template <class T>
void gemv_t_kernel(std::size_t in, std::size_t out, const T* dz, const T* W, std::size_t ldw,
                   T* dx) noexcept {
    gemm_nt_kernel<T>(1, in, out, dz, out, W, ldw, dx, in);
}

}  // namespace
}  // namespace densimd::kernels
