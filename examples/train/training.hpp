// Training a network on a task, and what came of it.
#pragma once

#include <functional>
#include <string>

#include "task.hpp"

namespace train {

struct Outcome {
    std::string network;  // widths of its layers, e.g. "8-16-1"
    Task::Batching batching;
    nn::History history;
    nn::Evaluation test;
    nn::Matrix<float> predictions;  // of the test rows
    double seconds;                 // spent on training alone
    double nanoseconds_per_sample;
};

// Trains up to `timings` times and keeps the least time of each epoch. Throws what fit throws.
Outcome train_network(const Task& task, const Task::Batching& batching, std::uint64_t seed, int threads,
                      int timings, const std::function<void(const nn::EpochRecord&)>& on_epoch);

}  // namespace train
