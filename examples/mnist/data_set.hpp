// MNIST and its relatives as matrices to learn from.
#pragma once

#include <filesystem>
#include <string>

#include <densimd/nn.hpp>

namespace mnist {

struct DataSet {
    densimd::nn::TrainTest<float> rows;
    std::size_t lowest_label = 0;  // that of the first class
    std::string name;              // "" or as emnist-letters
};

// X: a row of pixels in [0, 1] for each image; Y: a 1 in the column of the image's class, of as many classes
// as there are from the lowest to the highest label of the training. Reads four files in IDX format from the
// folder: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte,
// each with the ending .gz or without. A dot may stand before idx, "test" instead of t10k, idx2-int instead
// of labels' idx1-ubyte (as in QMNIST), and a name and a hyphen before it all (as emnist-letters). That name
// has to be told if there are files of several. Throws nn::Error, with the file's path in its message, for a
// file that is missing or malformed or does not go with another.
DataSet read_data_set(const std::filesystem::path& folder, const std::string& name = "");

}  // namespace mnist
