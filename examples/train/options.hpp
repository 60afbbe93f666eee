// The command line of densimd_train.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <densimd/nn.hpp>

namespace train {

struct Options {
    std::filesystem::path data;  // empty: the built-in data sets
    std::string target;
    char delimiter = ',';
    std::size_t classes = 0;  // 0: the target is a number, not a class
    std::vector<std::size_t> hidden = {16};
    std::optional<densimd::nn::Loss> loss = {};
    std::vector<std::size_t> batches = {1, 32};
    std::size_t epochs = 100;
    std::optional<double> learning_rate = {};

    std::uint64_t seed = 1;
    std::uint64_t seeds = 0;  // not 0: run with the seeds 1 to this one
    int threads = 1;
    std::filesystem::path out = "out";
};

// Returns nothing if the command line asked for help, which has then been printed. Throws
// common::UsageError.
std::optional<Options> parse_options(int argc, char** argv);

}  // namespace train
