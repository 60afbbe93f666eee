// What the CSV reader reads.
#include <doctest/doctest.h>

#include <unistd.h>
#include <clocale>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/nn.hpp"

using namespace densimd::test;

namespace {

using Names = std::vector<std::string>;

template <class T>
void check_matrix(const nn::Matrix<T>& matrix, std::size_t rows, std::size_t cols,
                  const std::vector<T>& values) {
    CHECK(matrix.rows() == rows);
    CHECK(matrix.cols() == cols);
    CHECK(values_of(matrix) == values);
}

}  // namespace

TEST_CASE_TEMPLATE("a header, the target by name", T, float, double) {
    const auto data = nn::parse_csv<T>("height,weight,sex\n1.5,60,0\n2,80.25,1\n", {.target = "weight"});
    check_matrix<T>(data.X, 2, 2, {T{1.5}, 0, 2, 1});
    check_matrix<T>(data.Y, 2, 1, {60, T{80.25}});
    CHECK(data.feature_names == Names{"height", "sex"});
    CHECK(data.target_name == "weight");
}

TEST_CASE_TEMPLATE("the target by index, with a header and without", T, float, double) {
    const auto with = nn::parse_csv<T>("a,b,c\n1,2,3\n", {.target = std::size_t{0}});
    check_matrix<T>(with.X, 1, 2, {2, 3});
    check_matrix<T>(with.Y, 1, 1, {1});
    CHECK(with.target_name == "a");
    const auto without = nn::parse_csv<T>("1,2,3\n4,5,6\n", {.header = false, .target = std::size_t{2}});
    check_matrix<T>(without.X, 2, 2, {1, 2, 4, 5});
    check_matrix<T>(without.Y, 2, 1, {3, 6});
    CHECK(without.feature_names == Names{"column 0", "column 1"});
    CHECK(without.target_name == "column 2");
}

TEST_CASE("line ends: LF, CRLF, none after the last line") {
    for (const char* text :
         {"a,b\n1,2\n3,4\n", "a,b\r\n1,2\r\n3,4\r\n", "a,b\n1,2\n3,4", "a,b\r\n1,2\n3,4\r"}) {
        const auto data = nn::parse_csv<float>(text, {.target = "b"});
        check_matrix<float>(data.X, 2, 1, {1, 3});
        check_matrix<float>(data.Y, 2, 1, {2, 4});
    }
}

TEST_CASE("quotes in the header: delimiters, quotes and line breaks in names") {
    const auto data = nn::parse_csv<float>("\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",\"\"\n1,2,3,4\n",
                                           {.target = "say \"x\""});
    CHECK(data.feature_names == Names{"a,b", "two\nlines", ""});
    CHECK(data.target_name == "say \"x\"");
    check_matrix<float>(data.X, 1, 3, {1, 3, 4});
}

TEST_CASE("other delimiters") {
    check_matrix<float>(nn::parse_csv<float>("a;b\n1;2\n", {.delimiter = ';', .target = "b"}).X, 1, 1, {1});
    check_matrix<float>(nn::parse_csv<float>("a\tb\n1\t2\n", {.delimiter = '\t', .target = "b"}).X, 1, 1,
                        {1});
}

TEST_CASE_TEMPLATE("numbers are read to the last bit", T, float, double) {
    const auto data =
        nn::parse_csv<T>("-0.1,1e-3,+2.5E+2,.5,7.,0\n", {.header = false, .target = std::size_t{5}});
    check_matrix<T>(data.X, 1, 5, {static_cast<T>(-0.1), static_cast<T>(1e-3), 250, T{0.5}, 7});
    const auto largest = nn::parse_csv<double>("1.7976931348623157e308,5e-324,0\n",
                                               {.header = false, .target = std::size_t{2}});
    check_matrix<double>(largest.X, 1, 2, {1.7976931348623157e308, 5e-324});
}

TEST_CASE("numbers have a decimal point whatever the locale") {
    const std::string before = std::setlocale(LC_ALL, nullptr);
    // Where no such locale is installed this only repeats what the others check.
    for (const char* locale : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "C"}) {
        if (std::setlocale(LC_ALL, locale) == nullptr) continue;
        check_matrix<float>(nn::parse_csv<float>("a,b\n1.5,2\n", {.target = "b"}).X, 1, 1, {1.5f});
    }
    std::setlocale(LC_ALL, before.c_str());
}

TEST_CASE("a file reads like its text") {
    const auto folder = std::filesystem::temp_directory_path() / ("densimd-csv-" + std::to_string(getpid()));
    std::filesystem::create_directory(folder);
    const auto path = folder / "data.csv";
    std::ofstream(path, std::ios::binary) << "a,b\r\n1,2\r\n3,4";
    const auto data = nn::read_csv<double>(path, {.target = "a"});
    check_matrix<double>(data.X, 2, 1, {2, 4});
    check_matrix<double>(data.Y, 2, 1, {1, 3});

    std::ofstream(path, std::ios::binary) << "a,b\n1,x\n";
    check_error([&] { nn::read_csv<double>(path, {.target = "a"}); },
                {path.c_str(), "row 2", "column 2", "'x'"});
    const auto missing = folder / "missing.csv";
    check_error([&] { nn::read_csv<double>(missing, {.target = "a"}); }, {missing.c_str(), "no such file"});
    check_error([&] { nn::read_csv<double>(folder, {.target = "a"}); }, {folder.c_str()});
    std::filesystem::remove_all(folder);
}
