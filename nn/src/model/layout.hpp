// Where the parameters of a network lie in its flat buffer.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <densimd/nn/network.hpp>
#include <densimd/stride.hpp>

namespace densimd::nn {

/// Throws Error if there can be no such network.
template <class T>
std::vector<Dense> lay_out(const NetworkOptions& options) {
    if (options.inputs == 0) throw Error("network: inputs is 0; expected at least 1");
    if (options.layers.empty()) throw Error("network: there are no layers; expected at least 1");
    constexpr std::size_t widest = std::size_t{1} << 31,
                          most = std::size_t{1} << 58;  // no sum or product overflows
    std::vector<Dense> layers;
    std::size_t inputs = options.inputs, offset = 0;
    for (const LayerOptions& layer : options.layers) {
        const std::string which = "network: layer " + std::to_string(layers.size());
        if (layer.units == 0) throw Error(which + " has 0 units; expected at least 1");
        if (layer.units > widest || inputs > widest)
            throw Error(which + " is " + std::to_string(inputs) + " x " + std::to_string(layer.units) +
                        "; expected at most " + std::to_string(widest) + " each");
        if (layer.activation < Activation::identity || layer.activation > Activation::silu)
            throw Error(which + " has an unknown activation");
        if (kernels::derivative_needs_logits(layer.activation))
            throw Error(which +
                        " has gelu, gelu_tanh or silu, whose derivatives need the layer's logits; "
                        "networks keep only its outputs, which suffice for the other activations");
        const std::size_t stride = kernels::weights_stride<T>(layer.units);
        if (inputs > (most - offset) / (stride + 32))
            throw Error(which + " is " + std::to_string(inputs) + " x " + std::to_string(layer.units) +
                        ": the network has too many parameters");
        Dense dense{inputs, layer.units, stride, layer.activation, offset, 0};
        dense.biases = offset + kernels::whole_lines<T>(inputs * stride);
        offset = dense.biases + kernels::whole_lines<T>(layer.units);
        layers.push_back(dense);
        inputs = layer.units;
    }
    return layers;
}

/// Elements of the buffer.
template <class T>
std::size_t parameters_of(const std::vector<Dense>& layers) {
    return layers.back().biases + kernels::whole_lines<T>(layers.back().outputs);
}

}  // namespace densimd::nn
