// The trainings that the program sets side by side, and what comes of each.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <densimd/nn.hpp>

#include "mnist/options.hpp"

namespace mnist {

struct Run {
    std::string name;
    densimd::nn::FitOptions options;
};

struct Epoch {
    std::size_t epoch;  // counted from 1
    double seconds;     // spent on training from the start, without the evaluations
    double training_loss;
    double test_accuracy;
};

struct Outcome {
    std::string network;  // widths of its layers, e.g. "784-128-10"
    std::vector<Epoch> epochs;
    bool reached;  // the target, in the last of the epochs
};

std::vector<Run> make_runs(const Options& options);

// Trains a new network until it reaches the target or has no epochs left. Throws what fit throws.
Outcome train(const Run& run, const densimd::nn::TrainTest<float>& data, const Options& options,
              const std::function<void(const Epoch&)>& on_epoch);

}  // namespace mnist
