// The table of an ISA: every kernel, in float and in double.
#pragma once

#include "algorithms/dense.hpp"
#include "algorithms/losses.hpp"
#include "tables.hpp"

namespace densimd::kernels {
namespace {

template <class T>
constexpr Kernels<T> make_kernels() {
    return {
        .sigmoid = sigmoid_kernel<T>,
        .sigmoid_grad = sigmoid_grad_kernel<T>,
        .all_finite = all_finite_kernel<T>,
        .gemv = gemv_kernel<T>,
        .gemv_t = gemv_t_kernel<T>,
        .ger = ger_kernel<T>,
        .gemm = gemm_kernel<T>,
        .gemm_nt = gemm_nt_kernel<T>,
        .gemm_tn = gemm_tn_kernel<T>,
        .dense_forward = dense_forward_kernel<T>,
        .dense_backward_input = dense_backward_input_kernel<T>,
        .dense_update = dense_update_kernel<T>,
        .mean_squared_error = mean_squared_error_kernel<T>,
        .binary_cross_entropy = binary_cross_entropy_kernel<T>,
        .cosine_distance = cosine_distance_kernel<T>,
    };
}

constexpr Tables make_tables() { return {make_kernels<float>(), make_kernels<double>()}; }

}  // namespace
}  // namespace densimd::kernels
