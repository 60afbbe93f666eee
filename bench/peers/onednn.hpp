// oneDNN: the forward pass of a layer as one primitive.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "../operands.hpp"

namespace densimd::bench {

/// dense_forward with sigmoid, prepared for weights that stay the same: they are in the order that oneDNN likes best.
/// There are no other kernels.
std::function<void()> onednn(std::string_view kernel, Operands& operands);

std::string onednn_version();

}  // namespace densimd::bench
