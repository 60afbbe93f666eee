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
    const auto data = mnist::read_data_set(folder.path());
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
    refuse(labels, idx_header({3}) + Bytes{1, 10, 2}, {labels, "row 1", "label 10", "less than 10"});
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
