// The part of the kernels that is a whole network.
#pragma once

#include <densimd/kernels.hpp>

#include "network/sgd.hpp"
#include "network/tiny.hpp"

namespace densimd::kernels {
namespace {

template <class T>
void enter_networks(Kernels<T>& k) {
    k.tiny_steps = tiny_steps_kernel<T>;
    k.network_forward = network_forward_kernel<T>;
    k.train_per_sample = train_per_sample_kernel<T>;
}

}  // namespace
}  // namespace densimd::kernels
