// What memory reading a CSV file takes beside the matrices that come of it.
#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "support/allocations.hpp"
#include "support/nn.hpp"
#include "support/temporary_folder.hpp"

using namespace densimd::test;

namespace {

// Pixels like MNIST's, most of them 0; every third line says nothing.
std::string images(std::size_t rows, std::size_t columns) {
    Random random;
    std::string text = "label";
    for (std::size_t j = 1; j < columns; ++j) text += ",p" + std::to_string(j);
    for (std::size_t i = 0; i < rows; ++i) {
        text += i % 3 == 0 ? "\n\n" : "\n";
        for (std::size_t j = 0; j < columns; ++j)
            text += (j > 0 ? "," : "") + std::to_string(random.below(5) == 0 ? random.below(256) : 0);
    }
    return text + "\n# end";
}

template <class Call>
double most_bytes_of(Call call) {
    const std::size_t before = bytes;
    most_bytes = before;
    call();
    return static_cast<double>(most_bytes - before);
}

}  // namespace

TEST_CASE_TEMPLATE("reading takes at most 1.3 times the memory of the result", T, float, double) {
    const TemporaryFolder folder("densimd-csv-memory");
    const auto path = folder.path() / "data.csv";
    for (const std::size_t columns : {2u, 785u}) {
        const std::size_t rows = 2000000 / columns;
        const std::string text = images(rows, columns);
        std::ofstream(path, std::ios::binary) << text;
        const nn::CsvOptions options{.target = "label"};
        const double result = static_cast<double>(rows * columns * sizeof(T));
        const double of_file = most_bytes_of([&] { CHECK(nn::read_csv<T>(path, options).X.rows() == rows); });
        const double of_text =
            most_bytes_of([&] { CHECK(nn::parse_csv<T>(text, options).X.rows() == rows); });
        for (const double most : {of_file, of_text}) {
            INFO("times the result: ", most / result);
            CHECK(most >= result);
            CHECK(most <= 1.3 * result);
        }
    }
}

TEST_CASE("a header of many names over short rows asks for no more memory than the text can fill") {
    std::string text = "target";
    for (int i = 0; i < 20000; ++i) text += ",c";
    for (int i = 0; i < 100000; ++i) text += "\n1";
    const double most = most_bytes_of([&] {
        check_error([&] { nn::parse_csv<float>(text, {.target = "target"}); },
                    {"row 2 has 1 cell; expected 20001"});
    });
    CHECK(most < 16e6);
}
