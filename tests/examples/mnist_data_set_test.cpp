// MNIST's four files as matrices: found in either form, and refused where they do not go together.
#include <doctest/doctest.h>

#include "idx_data.hpp"
#include "mnist/data_set.hpp"
#include "support/nn.hpp"

using namespace densimd::test;

namespace {

// Three training images and one test image of 1 x 2 pixels.
void write_data_set(const std::filesystem::path& folder) {
    write_compressed(folder / "train-images-idx3-ubyte.gz",
                     idx_header({3, 1, 2}) + Bytes{0, 255, 51, 0, 255, 255});
    write_plain(folder / "train-labels-idx1-ubyte", idx_header({3}) + Bytes{0, 9, 5});
    write_plain(folder / "t10k-images-idx3-ubyte", idx_header({1, 1, 2}) + Bytes{102, 0});
    write_compressed(folder / "t10k-labels-idx1-ubyte.gz", idx_header({1}) + Bytes{1});
}

}  // namespace

TEST_CASE("pixels become numbers from 0 to 1, labels rows with a single 1") {
    const TemporaryFolder folder("densimd-mnist");
    write_data_set(folder.path());
    const auto data = mnist::read_data_set(folder.path()).rows;
    CHECK(values_of(data.X_train) == std::vector<float>{0, 1, 0.2f, 0, 1, 1});
    CHECK(values_of(data.X_test) == std::vector<float>{0.4f, 0});
    CHECK(data.X_train.rows() == 3);
    CHECK(data.X_test.rows() == 1);
    CHECK(values_of(data.Y_train) == std::vector<float>{1, 0, 0, 0, 0, 0, 0, 0, 0, 0,  //
                                                        0, 0, 0, 0, 0, 0, 0, 0, 0, 1,  //
                                                        0, 0, 0, 0, 0, 1, 0, 0, 0, 0});
    CHECK(values_of(data.Y_test) == std::vector<float>{0, 1, 0, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("a missing file is named in both its forms") {
    const TemporaryFolder folder("densimd-mnist");
    for (const char* name : {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte",
                             "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz"}) {
        write_data_set(folder.path());
        std::filesystem::remove(folder.path() / name);
        const std::string plain = std::string(name).substr(0, std::string(name).find(".gz"));
        check_error([&] { mnist::read_data_set(folder.path()); },
                    {folder.path().c_str(), plain.c_str(), (plain + ".gz").c_str(), "MNIST in IDX format"});
    }
    check_error([&] { mnist::read_data_set(folder.path() / "missing"); }, {"missing", "no such folder"});
}

TEST_CASE("files that do not go together") {
    const TemporaryFolder folder("densimd-mnist");
    const auto refuse = [&](const char* name, const Bytes& bytes, std::initializer_list<const char*> parts) {
        write_data_set(folder.path());
        write_plain(folder.path() / name, bytes);
        check_error([&] { mnist::read_data_set(folder.path()); }, parts);
    };
    const char* labels = "train-labels-idx1-ubyte";
    const char* images = "t10k-images-idx3-ubyte";
    refuse(labels, idx_header({2}) + Bytes{1, 2}, {labels, "2 labels", "3 images"});
    refuse(labels, idx_header({3}) + Bytes{2, 9, 5}, {"t10k-labels", "row 0", "label 1;", "2 to 9"});
    refuse(labels, idx_header({3}) + Bytes{0, 0, 0}, {"t10k-labels", "row 0", "label 1;", "0 to 0"});
    refuse(labels, idx_header({3, 1}) + Bytes{1, 2, 3}, {labels, "2 dimensions", "expected 1"});
    refuse(labels, idx_header({3}) + Bytes{1, 2}, {labels, "2 bytes", "expected 3"});
    write_data_set(folder.path());
    write_plain(folder.path() / labels, idx_header({3}) + Bytes{0, 9, 5});
    refuse(images, idx_header({2}) + Bytes{1, 2}, {images, "1 dimension;", "expected 3"});
}

TEST_CASE("test images of another size than the training images") {
    const TemporaryFolder folder("densimd-mnist");
    write_data_set(folder.path());
    write_plain(folder.path() / "t10k-images-idx3-ubyte", idx_header({1, 1, 3}) + Bytes{1, 2, 3});
    check_error([&] { mnist::read_data_set(folder.path()); },
                {folder.path().c_str(), "3 pixels", "expected 2"});
}

namespace {

// Three training images and two test images of one pixel, in files of these names, with these labels.
void write_relative(const std::filesystem::path& folder, const std::vector<std::string>& names,
                    const Bytes& train_labels, const Bytes& test_labels) {
    write_plain(folder / names[0], idx_header({3, 1, 1}) + Bytes{0, 255, 51});
    write_plain(folder / names[1], idx_header({3}) + train_labels);
    write_plain(folder / names[2], idx_header({2, 1, 1}) + Bytes{102, 0});
    write_plain(folder / names[3], idx_header({2}) + test_labels);
}

const std::vector<std::string> letters = {
    "emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte",
    "emnist-letters-test-images-idx3-ubyte", "emnist-letters-test-labels-idx1-ubyte"};
const std::vector<std::string> balanced = {
    "emnist-balanced-train-images-idx3-ubyte", "emnist-balanced-train-labels-idx1-ubyte",
    "emnist-balanced-test-images-idx3-ubyte", "emnist-balanced-test-labels-idx1-ubyte"};

}  // namespace

TEST_CASE("names with a dot") {
    const TemporaryFolder folder("densimd-mnist");
    write_relative(folder.path(),
                   {"train-images.idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images.idx3-ubyte",
                    "t10k-labels.idx1-ubyte"},
                   {0, 9, 5}, {3, 4});
    const auto data = mnist::read_data_set(folder.path());
    CHECK(values_of(data.rows.X_train) == std::vector<float>{0, 1, 0.2f});
    CHECK(data.rows.Y_train.cols() == 10);
    CHECK(data.rows.Y_test(1, 4) == 1);
}

TEST_CASE("other numbers of classes: EMNIST's letters are 1 to 26, its balanced classes 0 to 46") {
    const TemporaryFolder folder("densimd-mnist");
    write_relative(folder.path(), letters, {26, 1, 5}, {2, 26});
    const auto data = mnist::read_data_set(folder.path());
    CHECK(data.name == "emnist-letters");
    CHECK(data.lowest_label == 1);
    CHECK(data.rows.Y_train.cols() == 26);
    CHECK(data.rows.Y_test.cols() == 26);
    CHECK(data.rows.Y_train(0, 25) == 1);
    CHECK(data.rows.Y_train(1, 0) == 1);
    CHECK(data.rows.Y_test(0, 1) == 1);

    write_relative(folder.path(), balanced, {46, 0, 5}, {2, 26});
    check_error([&] { mnist::read_data_set(folder.path()); },
                {folder.path().c_str(), "several data sets", "emnist-balanced, emnist-letters"});
    const auto other = mnist::read_data_set(folder.path(), "emnist-balanced");
    CHECK(other.rows.Y_train.cols() == 47);
    CHECK(other.lowest_label == 0);
    CHECK(mnist::read_data_set(folder.path(), "emnist-letters").rows.Y_train.cols() == 26);
    check_error([&] { mnist::read_data_set(folder.path(), "emnist-digits"); },
                {"emnist-digits-train-images-idx3-ubyte"});
    write_data_set(folder.path());  // the one without a name comes first
    CHECK(mnist::read_data_set(folder.path()).rows.Y_train.cols() == 10);
}

TEST_CASE("QMNIST's labels: the first of several integers") {
    const TemporaryFolder folder("densimd-mnist");
    write_relative(folder.path(),
                   {"qmnist-train-images-idx3-ubyte", "ignored", "qmnist-test-images-idx3-ubyte", "ignored"},
                   {}, {});
    const auto path = folder.path() / "qmnist-train-labels-idx2-int";
    const auto integers = [](std::initializer_list<std::uint8_t> values) {
        Bytes bytes;
        for (const std::uint8_t value : values) bytes = bytes + Bytes{0, 0, 0, value};
        return bytes;
    };
    write_plain(path, idx_header({3, 2}, 0x0c) + integers({7, 200, 0, 201, 2, 202}));
    write_compressed(folder.path() / "qmnist-test-labels-idx2-int.gz",
                     idx_header({2, 2}, 0x0c) + integers({1, 200, 7, 201}));
    const auto data = mnist::read_data_set(folder.path());
    CHECK(data.rows.Y_train.cols() == 8);
    CHECK(data.rows.Y_train(0, 7) == 1);
    CHECK(data.rows.Y_train(2, 2) == 1);
    CHECK(data.rows.Y_test(0, 1) == 1);
    write_plain(path, idx_header({3, 2}, 0x0c) + Bytes(23));
    check_error([&] { mnist::read_data_set(folder.path()); }, {path.c_str(), "23 bytes", "expected 24"});
    write_plain(path, idx_header({3, 2}) + Bytes(6));
    check_error([&] { mnist::read_data_set(folder.path()); },
                {path.c_str(), "unsigned bytes", "expected 0x0c (32-bit integers)"});
    write_plain(path, idx_header({3, 1}, 0x0c) + Bytes{0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 1});
    check_error([&] { mnist::read_data_set(folder.path()); },
                {path.c_str(), "0 to 4294967295", "at most 1024 classes"});
}
