// The part of the kernels that is one layer: products, their fused forms, and the activations that they end in.
#pragma once

#include <densimd/kernels.hpp>

#include "dense/backward.hpp"
#include "dense/forward.hpp"
#include "dense/fused.hpp"
#include "dense/update.hpp"
#include "targets.hpp"

namespace densimd::kernels {
namespace {

template <class T>
void enter_layers(Table<T>& table) {
    table.planned.dense_forward = planned_forward_kernel<T>;
    table.planned.dense_backward_input = planned_backward_kernel<T>;
    table.planned.dense_update = planned_update_kernel<T>;

    Kernels<T>& k = table.kernels;
    k.sigmoid = value_kernel<T, SigmoidActivation>;
    k.sigmoid_grad = gradient_kernel<T, SigmoidActivation>;
    k.tanh = value_kernel<T, TanhActivation>;
    k.tanh_grad = gradient_kernel<T, TanhActivation>;
    k.softplus = value_kernel<T, SoftplusActivation>;
    k.softplus_grad = gradient_kernel<T, SoftplusActivation>;
    k.relu = value_kernel<T, ReluActivation>;
    k.relu_grad = gradient_kernel<T, ReluActivation>;
    k.leaky_relu = leaky_relu_kernel<T>;
    k.leaky_relu_grad = leaky_relu_grad_kernel<T>;
    k.elu = elu_kernel<T>;
    k.elu_grad = elu_grad_kernel<T>;
    k.gelu = value_kernel<T, GeluActivation>;
    k.gelu_grad = gradient_kernel<T, GeluActivation>;
    k.gelu_tanh = value_kernel<T, GeluTanhActivation>;
    k.gelu_tanh_grad = gradient_kernel<T, GeluTanhActivation>;
    k.silu = value_kernel<T, SiluActivation>;
    k.silu_grad = gradient_kernel<T, SiluActivation>;
    k.gemv = gemv_kernel<T>;
    k.gemv_t = gemv_t_kernel<T>;
    k.ger = ger_kernel<T>;
    k.gemm = gemm_kernel<T>;
    k.gemm_nt = gemm_nt_kernel<T>;
    k.gemm_tn = gemm_tn_kernel<T>;
    k.dense_forward = dense_forward_kernel<T>;
    k.dense_forward_columns = dense_forward_columns_kernel<T>;
    k.dense_backward_input = dense_backward_input_kernel<T>;
    k.dense_backward_input_rows = dense_backward_input_rows_kernel<T>;
    k.dense_update = dense_update_kernel<T>;
    k.dense_backward_update = dense_backward_update_kernel<T>;
    k.dense_update_forward = dense_update_forward_kernel<T>;
}

}  // namespace
}  // namespace densimd::kernels
