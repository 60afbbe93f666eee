// All activations, to be looped over and named in messages.
#pragma once

#include <cstddef>
#include <iterator>

#include <densimd/kernels.hpp>

namespace densimd::test {

constexpr kernels::Activation all_activations[] = {
    kernels::Activation::identity, kernels::Activation::sigmoid, kernels::Activation::tanh,
    kernels::Activation::softplus, kernels::Activation::relu,    kernels::Activation::leaky_relu,
    kernels::Activation::elu,      kernels::Activation::gelu,    kernels::Activation::gelu_tanh,
    kernels::Activation::silu,
};
static_assert(std::size(all_activations) == static_cast<std::size_t>(kernels::Activation::silu) + 1);

/// The name of the kernel that computes it by itself.
constexpr const char* name_of(kernels::Activation activation) {
    constexpr const char* names[] = {"identity",   "sigmoid", "tanh", "softplus",  "relu",
                                     "leaky_relu", "elu",     "gelu", "gelu_tanh", "silu"};
    static_assert(std::size(names) == std::size(all_activations));
    return names[static_cast<std::size_t>(activation)];
}

}  // namespace densimd::test
