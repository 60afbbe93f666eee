// The command line of densimd_mnist.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <densimd/nn.hpp>

namespace mnist {

struct Options {
    std::filesystem::path data;  // the folder with the four files
    std::string name;            // which data set in it, empty if there is one
    std::vector<std::size_t> hidden = {128};
    densimd::nn::Loss loss = densimd::nn::binary_cross_entropy;
    double target = 0.97;  // test accuracy at which a run ends
    std::size_t epochs = 30;
    std::uint64_t seed = 1;
    int threads = 1;
    std::filesystem::path output = "out/mnist";
};

// Returns nothing if the command line asked for help, which has then been printed. Throws common::UsageError.
std::optional<Options> parse_options(int argc, char** argv);

}  // namespace mnist
