// The gradient of a layer's input: dX = dZ W^T, times the derivative of the activation of the layer before.
#pragma once

#include <densimd/kernels.hpp>

#include <cstddef>
#include <iterator>

#include "matmul/dot.hpp"
#include "matmul/dot_row.hpp"
#include "matmul/transposed.hpp"
#include "plan/backward.hpp"

namespace densimd::kernels {
namespace {

// With one output, W a contiguous column: dX is dZ times it.
template <class T>
void backward_outer(std::size_t batch, std::size_t in, const T* dZ, std::size_t lddz, const T* W, const T* X,
                    std::size_t ldx, Activation activation, T* dX, std::size_t lddx) {
    if (const auto gradient = functions<T>(activation).gradient_of_outer_product)
        gradient(batch, in, X, ldx, dZ, lddz, W, dX, lddx, is_row_by_row(in, ldx, lddx, machine<T>));
    else
        outer_product_rows(batch, in, dZ, lddz, W, dX, lddx, NoDerivative{});
}

// What dot products finish with: the derivative of the layer before.
template <class T>
struct InputGradient {
    const T* X;
    std::size_t ldx;
    const ActivationFunctions<T>* activation;
    T* dX;
    std::size_t lddx;

    // At most a vector of columns.
    void operator()(std::size_t row, std::size_t col, std::size_t rows, std::size_t cols, const T* sums,
                    std::size_t ld) const {
        for (std::size_t r = 0; r < rows; ++r) {
            Batch<T> gradient = without_negative_zero(load<true>(sums + r * ld, cols));
            if (activation->gradient)
                gradient = activation->gradient(load<true>(X + (row + r) * ldx + col, cols), gradient);
            store<true>(dX + (row + r) * lddx + col, cols, gradient);
        }
    }

    // Of row 0, any number of columns.
    void operator()(std::size_t col, std::size_t count, T* sums) const {
        const auto gradients = activation->gradients;
        map(
            count, gradients ? sums : dX + col, [](Batch<T> sum) { return without_negative_zero(sum); },
            sums);
        if (gradients) gradients(count, X + col, sums, dX + col);
    }

    // Any number of columns, no sum -0; behind those of each row there are whole vectors.
    DENSIMD_INLINE void finish_rows(std::size_t row, std::size_t col, std::size_t rows, std::size_t cols,
                                    const T* sums, std::size_t ld) const {
        T* const dx = dX + row * lddx + col;
        if (activation->gradient_of_rows)
            activation->gradient_of_rows(rows, cols, X + row * ldx + col, ldx, sums, ld, dx, lddx);
        else
            store_rows(rows, cols, sums, ld, dx, lddx);
    }
};

// By Activation; null where the derivative is too long to go with the sums.
template <class T>
constexpr decltype(&shallow_lines<T, NoDerivative>) all_shallow_lines[] = {
    shallow_lines<T, NoDerivative>,
    shallow_lines<T, SigmoidActivation<T>>,
    shallow_lines<T, TanhActivation<T>>,
    nullptr,
    shallow_lines<T, ReluActivation<T>>,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
};

// A line of outputs at most, several rows.
template <class T>
void backward_transposed(std::size_t batch, std::size_t in, std::size_t out, const T* dZ, std::size_t lddz,
                          const T* W, std::size_t ldw, const T* X, std::size_t ldx, Activation activation,
                          T* dX, std::size_t lddx) {
    static_assert(std::size(all_shallow_lines<T>) == std::size(all_functions<T>));
    const auto lines = all_shallow_lines<T>[static_cast<std::size_t>(activation)];
    const std::size_t done = lines ? in / virtual_lanes<T> * virtual_lanes<T> : 0;
    if (done > 0) lines(batch, done, out, dZ, lddz, W, ldw, dX, lddx, X, ldx);
    if (done < in)
        shallow_gemm(batch, in - done, out, dZ, lddz, W + done * ldw, ldw,
                     InputGradient<T>{X ? X + done : X, ldx, &functions<T>(activation), dX + done, lddx});
}

template <class T>
DENSIMD_INLINE void backward_by(BackwardPath path, std::size_t batch, std::size_t in, std::size_t out, const T* dZ,
                                std::size_t lddz, const T* W, std::size_t ldw, const T* X, std::size_t ldx,
                                Activation activation, T* dX, std::size_t lddx) {
    const InputGradient<T> finish = {X, ldx, &functions<T>(activation), dX, lddx};
    switch (path) {
        case BackwardPath::outer:
            return backward_outer(batch, in, dZ, lddz, W, X, ldx, activation, dX, lddx);
        case BackwardPath::transposed:
            return backward_transposed(batch, in, out, dZ, lddz, W, ldw, X, ldx, activation, dX, lddx);
        case BackwardPath::dot_row:
            return dot_one_row(
                in, out, dZ, W, ldw, plan_dot_row(in, out, ldw, false, machine<T>),
                [](std::size_t, std::size_t) { return DirectB{}; }, finish);
        case BackwardPath::dot:
            return dot_gemm(batch, in, out, dZ, lddz, W, ldw, is_deep(out, machine<T>), finish);
    }
}

template <class T>
void dense_backward_input_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* dZ,
                                 std::size_t lddz, const T* W, std::size_t ldw, const T* X, std::size_t ldx,
                                 Activation activation, T* dX, std::size_t lddx) noexcept {
    backward_by(plan_backward(batch, out, ldw, machine<T>), batch, in, out, dZ, lddz, W, ldw, X, ldx, activation, dX,
                lddx);
}

template <class T>
void planned_backward_kernel(BackwardPath path, std::size_t batch, std::size_t in, std::size_t out, const T* dZ,
                             std::size_t lddz, const T* W, std::size_t ldw, const T* X, std::size_t ldx,
                             Activation activation, T* dX, std::size_t lddx) noexcept {
    backward_by(path, batch, in, out, dZ, lddz, W, ldw, X, ldx, activation, dX, lddx);
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
