// Networks for the kernels that take whole ones.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <densimd/kernels.hpp>

#include "guarded.hpp"
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

/// A job for train_per_sample, on memory of just the sizes documented, between protected pages.
template <class T>
struct GuardedTraining {
    GuardedVector<T> parameters, losses, outputs, scratch;
    Guarded<T> X, Y;
    kernels::PerSampleTraining<T> job;

    GuardedTraining(const TestNetwork<T>& net, kernels::Loss loss, T learning_rate, const std::vector<T>& x,
                    const std::vector<T>& y, std::size_t rows, std::size_t samples, Layout layout)
        : parameters(net.parameters, layout),
          losses(samples, layout),
          outputs(samples * net.outputs(), layout),
          scratch(kernels::per_sample_scratch<T>(net.layers.size(), net.layers.data()), layout),
          X(rows, net.inputs(), x, layout),
          Y(rows, net.outputs(), y, layout),
          job{.layers = net.layers.data(),
              .depth = net.layers.size(),
              .parameters = parameters.data(),
              .loss = loss,
              .learning_rate = learning_rate,
              .X = X.data(),
              .ldx = X.ld(),
              .Y = Y.data(),
              .ldy = Y.ld(),
              .order = nullptr,
              .losses = losses.data(),
              .outputs = outputs.data(),
              .ldo = net.outputs(),
              .scratch = scratch.data()} {}
};

/// All but those whose derivatives need logits.
inline constexpr kernels::Activation for_training[] = {
    kernels::Activation::identity, kernels::Activation::sigmoid, kernels::Activation::tanh,
    kernels::Activation::softplus, kernels::Activation::relu,    kernels::Activation::leaky_relu,
    kernels::Activation::elu};

}  // namespace densimd::test
