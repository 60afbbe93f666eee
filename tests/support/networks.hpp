// Networks for the kernels that take whole ones.
#pragma once

#include <algorithm>
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

/// Training after every sample on memory of just the sizes documented, between protected pages.
template <class T>
struct GuardedTraining {
    const kernels::Kernels<T>& k;
    kernels::TrainingProgram program;
    GuardedVector<T> parameters, losses, outputs, memory;
    Guarded<T> X, Y;
    kernels::Training<T> job;
    std::size_t ldo;
    bool wants_outputs = true;

    GuardedTraining(const kernels::Kernels<T>& kernels, const TestNetwork<T>& net, kernels::Loss loss,
                    kernels::Method method, T learning_rate, const std::vector<T>& x, const std::vector<T>& y,
                    std::size_t rows, std::size_t samples, Layout layout)
        : k(kernels),
          program(k.training_program(net.layers.size(), net.layers.data(), loss, method, 1)),
          parameters(net.parameters, layout),
          losses(samples, layout),
          outputs(samples * net.outputs(), layout),
          memory(program.memory, layout),
          X(rows, net.inputs(), x, layout),
          Y(rows, net.outputs(), y, layout),
          job{.layers = net.layers.data(),
              .depth = net.layers.size(),
              .parameters = parameters.data(),
              .loss = loss,
              .method = method,
              .batch = 1,
              .learning_rate = learning_rate,
              .X = X.data(),
              .ldx = X.ld(),
              .Y = Y.data(),
              .ldy = Y.ld(),
              .order = nullptr,
              .memory = memory.data()},
          ldo(net.outputs()) {}

    /// Some of the samples in one call.
    std::size_t run(std::size_t first, std::size_t count) {
        return k.train_per_sample(job, first, count, losses.data() + first,
                                  wants_outputs ? outputs.data() + first * ldo : nullptr, ldo);
    }

    /// All of a program, with the first layer's columns in two parts where there are enough. Returns the number of
    /// steps.
    std::size_t run_program(std::size_t samples) {
        const std::size_t columns = job.layers[0].outputs, part = columns >= 4 ? columns / 2 : columns,
                          length = program.block > 1 ? program.block : samples > 0 ? samples : 1;
        const auto advance = [&](std::size_t first, std::size_t count) {
            for (std::size_t column = 0; column < columns; column += column == 0 ? part : columns)
                k.training_advance(job, first, count, column, column == 0 ? part : columns - part);
        };
        k.training_begin(job);
        std::size_t first = 0, done = 0;
        for (; first < samples && done == first; first += length) {
            const std::size_t count = std::min(length, samples - first);
            k.training_gather(job, first, count);
            advance(first, count);
            done += run(first, count);
        }
        advance(first, 0);
        k.training_end(job);
        return done;
    }
};

/// All but those whose derivatives need logits.
inline constexpr kernels::Activation for_training[] = {
    kernels::Activation::identity, kernels::Activation::sigmoid, kernels::Activation::tanh,
    kernels::Activation::softplus, kernels::Activation::relu,    kernels::Activation::leaky_relu,
    kernels::Activation::elu};

}  // namespace densimd::test
