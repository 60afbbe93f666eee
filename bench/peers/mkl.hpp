// Intel's MKL, with a kernel made for each shape by its JIT.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "../operands.hpp"

namespace densimd::bench {

/// dense_forward (with sigmoid), dense_backward_input (with the derivative of sigmoid) or dense_update as work that is
/// ready to be timed, on operands that must outlive it. What MKL does not do, biases and activations, is our own.
std::function<void()> mkl_jit(std::string_view kernel, Operands& operands);

std::string mkl_version();

}  // namespace densimd::bench
