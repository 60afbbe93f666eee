// Reading the four files of a data set and making matrices of them.
#include "mnist/data_set.hpp"

#include <algorithm>
#include <regex>
#include <set>
#include <utility>
#include <vector>

#include "mnist/idx_file.hpp"

namespace mnist {
namespace {

namespace nn = densimd::nn;
namespace fs = std::filesystem;

struct Found {
    fs::path path;
    std::string name;  // of the data set, as emnist-letters
    bool training, images, integers;
};

std::vector<Found> files_in(const fs::path& folder) {
    std::error_code error;
    if (!fs::is_directory(folder, error)) throw nn::Error(folder.string() + ": no such folder");
    static const std::regex pattern(
        "(?:(.+)-)?(train|t10k|test)-(?:(images)[-.]idx3-ubyte|labels[-.](?:idx1-ubyte|(idx2-int)))(?:\\.gz)"
        "?");
    std::vector<Found> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
        const std::string file = entry.path().filename().string();
        if (std::smatch parts; std::regex_match(file, parts, pattern))
            files.push_back(
                {entry.path(), parts[1].str(), parts[2] == "train", parts[3].matched, parts[4].matched});
    }
    if (error) throw nn::Error(folder.string() + ": cannot be read: " + error.message());
    // Plain files before compressed ones.
    std::sort(files.begin(), files.end(), [](const Found& a, const Found& b) { return a.path < b.path; });
    return files;
}

// Which data set to read: the one that was told, one without a name, or the only one.
std::string chosen_name(const fs::path& folder, const std::vector<Found>& files, const std::string& told) {
    std::set<std::string> names;
    for (const Found& file : files) names.insert(file.name);
    if (!told.empty() || names.empty() || names.contains("")) return told;
    if (names.size() == 1) return *names.begin();
    std::string list;
    for (const std::string& name : names) list.append(list.empty() ? "" : ", ").append(name);
    throw nn::Error(folder.string() +
                    ": there are files of several data sets; choose one by its name: " + list);
}

const Found& find_file(const fs::path& folder, const std::vector<Found>& files, const std::string& name,
                       bool training, bool images) {
    const auto found = std::find_if(files.begin(), files.end(), [&](const Found& file) {
        return file.name == name && file.training == training && file.images == images;
    });
    if (found != files.end()) return *found;
    const std::string wanted = (name.empty() ? "" : name + "-") + (training ? "train" : "t10k") +
                               (images ? "-images-idx3-ubyte" : "-labels-idx1-ubyte");
    throw nn::Error(
        folder.string() + ": found neither " + wanted + " nor " + wanted +
        ".gz; expected the four files of a data set such as MNIST in IDX format, which is found on the "
        "web under the name 'MNIST in IDX format'");
}

Idx read(const fs::path& path, std::size_t dimensions, IdxType type = IdxType::unsigned_bytes) {
    Idx idx = read_idx(path, type);
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

// The class of each image, which in QMNIST is the first of several numbers.
std::vector<std::size_t> read_labels(const Found& file, std::size_t images) {
    const Idx idx = file.integers ? read(file.path, 2, IdxType::integers) : read(file.path, 1);
    if (idx.sizes[0] != images)
        throw nn::Error(file.path.string() + ": there are " + std::to_string(idx.sizes[0]) +
                        " labels; expected one for each of the " + std::to_string(images) + " images");
    if (!file.integers) return {idx.values.begin(), idx.values.end()};
    std::vector<std::size_t> labels(images);
    for (std::size_t i = 0; i < images; ++i)
        for (std::size_t byte = 0; byte < 4; ++byte)
            labels[i] = labels[i] << 8 | idx.values[4 * i * idx.sizes[1] + byte];
    return labels;
}

nn::Matrix<float> one_hot(const Found& file, const std::vector<std::size_t>& labels, std::size_t lowest,
                          std::size_t highest) {
    nn::Matrix<float> rows(labels.size(), highest - lowest + 1);
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (labels[i] < lowest || labels[i] > highest)
            throw nn::Error(file.path.string() + ": row " + std::to_string(i) + " has label " +
                            std::to_string(labels[i]) + "; the training has " + std::to_string(lowest) +
                            " to " + std::to_string(highest));
        rows(i, labels[i] - lowest) = 1;
    }
    return rows;
}

}  // namespace

DataSet read_data_set(const fs::path& folder, const std::string& told) {
    const std::vector<Found> files = files_in(folder);
    const std::string name = chosen_name(folder, files, told);
    const auto find = [&](bool training, bool images) -> const Found& {
        return find_file(folder, files, name, training, images);
    };
    const Found &train_images = find(true, true), &train_labels = find(true, false),
                &test_images = find(false, true), &test_labels = find(false, false);
    DataSet data;
    data.name = name;
    nn::TrainTest<float>& rows = data.rows;
    rows.X_train = read_images(train_images.path);
    const auto labels = read_labels(train_labels, rows.X_train.rows());
    const auto [lowest, highest] = std::minmax_element(labels.begin(), labels.end());
    constexpr std::size_t most_classes = 1024;
    if (*highest - *lowest >= most_classes)
        throw nn::Error(train_labels.path.string() + ": the labels are " + std::to_string(*lowest) + " to " +
                        std::to_string(*highest) + "; expected at most " + std::to_string(most_classes) +
                        " classes");
    data.lowest_label = *lowest;
    rows.Y_train = one_hot(train_labels, labels, *lowest, *highest);
    rows.X_test = read_images(test_images.path);
    rows.Y_test = one_hot(test_labels, read_labels(test_labels, rows.X_test.rows()), *lowest, *highest);
    if (rows.X_train.cols() != rows.X_test.cols())
        throw nn::Error(folder.string() + ": the images of the test have " +
                        std::to_string(rows.X_test.cols()) + " pixels; expected " +
                        std::to_string(rows.X_train.cols()) + ", as many as those of the training");
    return data;
}

}  // namespace mnist
