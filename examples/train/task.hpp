// What a network is to learn, and how.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <densimd/nn.hpp>

#include "options.hpp"

namespace train {

namespace nn = densimd::nn;

struct Task {
    // A way to go about it: 1 updates after every sample, n with the mean gradient of n samples.
    struct Batching {
        std::size_t batch_size;
        double learning_rate;
    };

    // The least that the test metric has to be, for each seed and in the mean over the seeds.
    struct Goal {
        double each_seed = 0, mean = 0;
    };

    std::string name;   // in tables and file names
    std::string title;  // in plots
    nn::TrainTest<float> data;
    nn::Matrix<double> test_targets;  // of the test rows, one number for each, as they stand in the data set
    std::vector<nn::LayerOptions> layers;
    nn::Loss loss;
    nn::Metric metric;
    std::size_t epochs;
    std::vector<Batching> batchings;
    std::optional<Goal> goal = {};
    std::optional<nn::Standardizer<float>> target_scale = {};  // if the targets are standardised
    std::string remark = {};                                   // what the user should know of the data
};

// The data sets that come with the program. The seed decides what is random about them.
std::vector<Task> built_in_tasks(std::uint64_t seed);

// Learning a CSV file. Throws nn::Error or common::UsageError, naming what is wrong with the file or does not
// go with it.
Task csv_task(const Options& options, std::uint64_t seed);

// Both parts' features, standardised with the statistics of the training part.
struct Features {
    nn::Matrix<float> train, test;
};
Features standardized_features(const nn::TrainTest<double>& rows);

}  // namespace train
