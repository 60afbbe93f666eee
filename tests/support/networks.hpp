// Networks for the kernels that take whole ones.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <densimd/kernels.hpp>

#include "random.hpp"

namespace densimd::test {

/// Layers of the widths given, all of one activation; W's rows are `padding` elements apart.
template <class T>
struct TestNetwork {
    std::vector<kernels::Layer> layers;
    std::vector<T> parameters;

    TestNetwork(const std::vector<std::size_t>& widths, kernels::Activation activation, std::size_t padding,
                Random& random) {
        std::size_t size = 0;
        for (std::size_t l = 1; l < widths.size(); ++l) {
            kernels::Layer layer{widths[l - 1], widths[l], widths[l] + padding, activation, size, 0};
            layer.biases = size + (layer.inputs - 1) * layer.stride + layer.outputs;
            size = layer.biases + layer.outputs;
            layers.push_back(layer);
        }
        parameters = random.vector<T>(size);
    }

    std::size_t inputs() const { return layers.front().inputs; }
    std::size_t outputs() const { return layers.back().outputs; }

    std::string name() const {
        std::string text = std::to_string(inputs());
        for (const kernels::Layer& layer : layers) text += "-" + std::to_string(layer.outputs);
        return text;
    }
};

}  // namespace densimd::test
