// The table of an ISA: every kernel, in float and in double.
#pragma once

#include "algorithms/dense.hpp"
#include "algorithms/elementwise.hpp"
#include "algorithms/network.hpp"
#include "algorithms/optimizers.hpp"
#include "algorithms/tiny.hpp"
#include "tables.hpp"

namespace densimd::kernels {
namespace {

template <class T>
constexpr Kernels<T> make_kernels() {
    return {
        .sigmoid = value_kernel<T, SigmoidActivation>,
        .sigmoid_grad = gradient_kernel<T, SigmoidActivation>,
        .tanh = value_kernel<T, TanhActivation>,
        .tanh_grad = gradient_kernel<T, TanhActivation>,
        .exp = value_kernel<T, ExpFunction>,
        .log = value_kernel<T, LogFunction>,
        .log1p = value_kernel<T, Log1pFunction>,
        .softplus = value_kernel<T, SoftplusActivation>,
        .softplus_grad = gradient_kernel<T, SoftplusActivation>,
        .relu = value_kernel<T, ReluActivation>,
        .relu_grad = gradient_kernel<T, ReluActivation>,
        .leaky_relu = leaky_relu_kernel<T>,
        .leaky_relu_grad = leaky_relu_grad_kernel<T>,
        .elu = elu_kernel<T>,
        .elu_grad = elu_grad_kernel<T>,
        .gelu = value_kernel<T, GeluActivation>,
        .gelu_grad = gradient_kernel<T, GeluActivation>,
        .gelu_tanh = value_kernel<T, GeluTanhActivation>,
        .gelu_tanh_grad = gradient_kernel<T, GeluTanhActivation>,
        .silu = value_kernel<T, SiluActivation>,
        .silu_grad = gradient_kernel<T, SiluActivation>,
        .all_finite = all_finite_kernel<T>,
        .softmax = softmax_kernel<T>,
        .log_softmax = log_softmax_kernel<T>,
        .gemv = gemv_kernel<T>,
        .gemv_t = gemv_t_kernel<T>,
        .ger = ger_kernel<T>,
        .gemm = gemm_kernel<T>,
        .gemm_nt = gemm_nt_kernel<T>,
        .gemm_tn = gemm_tn_kernel<T>,
        .dense_forward = dense_forward_kernel<T>,
        .dense_forward_columns = dense_forward_columns_kernel<T>,
        .dense_backward_input = dense_backward_input_kernel<T>,
        .dense_update = dense_update_kernel<T>,
        .dense_backward_update = dense_backward_update_kernel<T>,
        .dense_update_forward = dense_update_forward_kernel<T>,
        .tiny_steps = tiny_steps_kernel<T>,
        .network_forward = network_forward_kernel<T>,
        .train_per_sample = train_per_sample_kernel<T>,
        .mean_squared_error = mean_squared_error_kernel<T>,
        .binary_cross_entropy = binary_cross_entropy_kernel<T>,
        .binary_cross_entropy_from_probabilities = binary_cross_entropy_from_probabilities_kernel<T>,
        .categorical_cross_entropy = categorical_cross_entropy_kernel<T>,
        .mean_absolute_error = mean_absolute_error_kernel<T>,
        .huber = huber_kernel<T>,
        .cosine_distance = cosine_distance_kernel<T>,
        .sgd_step = sgd_step_kernel<T>,
        .momentum_step = momentum_step_kernel<T>,
        .nesterov_step = nesterov_step_kernel<T>,
        .adam_step = adam_step_kernel<T>,
        .adamw_step = adamw_step_kernel<T>,
        .sum_of_squares = sum_of_squares_kernel<T>,
    };
}

constexpr Tables make_tables() { return {make_kernels<float>(), make_kernels<double>()}; }

}  // namespace
}  // namespace densimd::kernels
