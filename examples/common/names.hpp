// What losses and networks are called in tables and plots.
#pragma once

#include <string>

#include <densimd/nn.hpp>

namespace common {

// "mean squared error"
std::string loss_name(densimd::nn::Loss loss);

// The widths of its layers, e.g. "8-16-1".
std::string network_name(const densimd::nn::Network& network);

}  // namespace common
