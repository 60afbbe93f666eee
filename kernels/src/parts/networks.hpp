// The part of the kernels that is a whole network, and what training takes beside layers: losses, optimisers, functions.
#pragma once

#include <densimd/kernels.hpp>

#include "network/sgd.hpp"
#include "network/tiny.hpp"
#include "pointwise/elementwise.hpp"
#include "pointwise/loss.hpp"
#include "pointwise/optimizer.hpp"
#include "pointwise/softmax.hpp"
#include "targets.hpp"

namespace densimd::kernels {
namespace {

template <class T>
void enter_networks(Table<T>& table) {
    Kernels<T>& k = table.kernels;
    k.exp = value_kernel<T, ExpFunction>;
    k.log = value_kernel<T, LogFunction>;
    k.log1p = value_kernel<T, Log1pFunction>;
    k.all_finite = all_finite_kernel<T>;
    k.softmax = softmax_kernel<T>;
    k.log_softmax = log_softmax_kernel<T>;
    k.mean_squared_error = mean_squared_error_kernel<T>;
    k.binary_cross_entropy = binary_cross_entropy_kernel<T>;
    k.binary_cross_entropy_from_probabilities = binary_cross_entropy_from_probabilities_kernel<T>;
    k.categorical_cross_entropy = categorical_cross_entropy_kernel<T>;
    k.mean_absolute_error = mean_absolute_error_kernel<T>;
    k.huber = huber_kernel<T>;
    k.cosine_distance = cosine_distance_kernel<T>;
    k.sgd_step = sgd_step_kernel<T>;
    k.momentum_step = momentum_step_kernel<T>;
    k.nesterov_step = nesterov_step_kernel<T>;
    k.adam_step = adam_step_kernel<T>;
    k.adamw_step = adamw_step_kernel<T>;
    k.sum_of_squares = sum_of_squares_kernel<T>;
    k.network_forward = network_forward_kernel<T>;
    k.training_program = training_program<T>;
    k.training_begin = training_begin_kernel<T>;
    k.training_gather = training_gather_kernel<T>;
    k.training_advance = training_advance_kernel<T>;
    k.train_per_sample = train_per_sample_kernel<T>;
    k.training_end = training_end_kernel<T>;
    k.tiny_steps = tiny_steps_kernel<T>;
}

}  // namespace
}  // namespace densimd::kernels
