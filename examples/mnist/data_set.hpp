// MNIST as matrices to learn from.
#pragma once

#include <filesystem>

#include <densimd/nn.hpp>

namespace mnist {

// X: a row of pixels in [0, 1] for each image; Y: a 1 in the column of the image's digit. Reads the four
// files of MNIST in IDX format from the folder, each with the ending .gz or without. Throws nn::Error, with
// the file's path in its message, for a file that is missing or malformed or does not go with another.
densimd::nn::TrainTest<float> read_data_set(const std::filesystem::path& folder);

}  // namespace mnist
