// Reading MNIST's four files and making matrices of them.
#include "mnist/data_set.hpp"

#include <algorithm>
#include <utility>

#include "mnist/idx_file.hpp"

namespace mnist {
namespace {

namespace nn = densimd::nn;
namespace fs = std::filesystem;

constexpr std::size_t classes = 10;

fs::path find_file(const fs::path& folder, const std::string& name) {
    std::error_code ignored;
    if (!fs::is_directory(folder, ignored)) throw nn::Error(folder.string() + ": no such folder");
    for (const char* ending : {"", ".gz"})
        if (fs::path path = folder / (name + ending); fs::exists(path, ignored)) return path;
    throw nn::Error(folder.string() + ": found neither " + name + " nor " + name +
                    ".gz; expected the four files of the data set MNIST in IDX format, which is found on the "
                    "web under the name 'MNIST in IDX format'");
}

Idx read(const fs::path& path, std::size_t dimensions) {
    Idx idx = read_idx(path);
    if (idx.sizes.size() != dimensions)
        throw nn::Error(path.string() + ": there are " + std::to_string(idx.sizes.size()) +
                        (idx.sizes.size() == 1 ? " dimension" : " dimensions") + "; expected " +
                        std::to_string(dimensions));
    return idx;
}

nn::Matrix<float> read_images(const fs::path& path) {
    const Idx idx = read(path, 3);
    nn::Matrix<float> images(idx.sizes[0], idx.sizes[1] * idx.sizes[2]);
    std::transform(idx.values.begin(), idx.values.end(), images.data(),
                   [](std::uint8_t pixel) { return static_cast<float>(pixel) / 255; });
    return images;
}

nn::Matrix<float> read_labels(const fs::path& path, std::size_t images) {
    const Idx idx = read(path, 1);
    if (idx.sizes[0] != images)
        throw nn::Error(path.string() + ": there are " + std::to_string(idx.sizes[0]) +
                        " labels; expected one for each of the " + std::to_string(images) + " images");
    const nn::Matrix<float> labels(images, 1, {idx.values.begin(), idx.values.end()});
    try {
        return nn::one_hot(labels, classes);
    } catch (const nn::Error& error) {
        throw nn::Error(path.string() + ": " + error.what());
    }
}

std::pair<nn::Matrix<float>, nn::Matrix<float>> read_part(const fs::path& folder, const std::string& part) {
    const fs::path images = find_file(folder, part + "-images-idx3-ubyte");
    const fs::path labels = find_file(folder, part + "-labels-idx1-ubyte");
    nn::Matrix<float> X = read_images(images);
    nn::Matrix<float> Y = read_labels(labels, X.rows());
    return {std::move(X), std::move(Y)};
}

}  // namespace

nn::TrainTest<float> read_data_set(const fs::path& folder) {
    auto [X_train, Y_train] = read_part(folder, "train");
    auto [X_test, Y_test] = read_part(folder, "t10k");
    if (X_train.cols() != X_test.cols())
        throw nn::Error(folder.string() + ": the images of the test have " + std::to_string(X_test.cols()) +
                        " pixels; expected " + std::to_string(X_train.cols()) +
                        ", as many as those of the training");
    return {std::move(X_train), std::move(Y_train), std::move(X_test), std::move(Y_test)};
}

}  // namespace mnist
