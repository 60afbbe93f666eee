// oneDNN: the forward pass of a layer as one primitive.
#pragma once

#include <functional>
#include <string>

#include "../operands.hpp"

namespace densimd::bench {

/// A layer with sigmoid, prepared for weights that stay the same: they are in the order that oneDNN likes
/// best.
std::function<void()> onednn_dense_forward(Operands& operands);

std::string onednn_version();

}  // namespace densimd::bench
