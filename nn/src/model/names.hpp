// How errors name a network's shape and its parameters.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <densimd/nn/network.hpp>

namespace densimd::nn {

/// "784-128-10"
inline std::string shape_of(const std::vector<Dense>& layers) {
    if (layers.empty()) return "without layers";
    std::string text = std::to_string(layers.front().inputs);
    for (const Dense& layer : layers) text += "-" + std::to_string(layer.outputs);
    return text;
}

/// "layer 1, weight [3][0]" or "layer 0, bias [2]", all counted from 0, by the place in the flat buffer.
inline std::string parameter_name(const std::vector<Dense>& layers, std::size_t at) {
    std::size_t l = layers.size() - 1;
    while (l > 0 && layers[l].weights > at) --l;
    const Dense& layer = layers[l];
    const std::string name = "layer " + std::to_string(l);
    if (at >= layer.biases) return name + ", bias [" + std::to_string(at - layer.biases) + "]";
    const std::size_t place = at - layer.weights;
    return name + ", weight [" + std::to_string(place / layer.stride) + "][" +
           std::to_string(place % layer.stride) + "]";
}

}  // namespace densimd::nn
