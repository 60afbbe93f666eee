// What the CSV reader reads.
#include <doctest/doctest.h>

#include <clocale>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "support/nn.hpp"
#include "support/temporary_folder.hpp"

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

namespace {

// Texts that are read as a = 1, 3 and b = 2, 4.
void check_same(std::initializer_list<const char*> texts, char delimiter = ',') {
    for (const char* text : texts) {
        INFO("text: ", text);
        for (const nn::CsvOptions& options :
             {nn::CsvOptions{.delimiter = delimiter, .target = "b"},
              nn::CsvOptions{.delimiter = delimiter, .target = std::size_t{1}}}) {
            const auto data = nn::parse_csv<float>(text, options);
            check_matrix<float>(data.X, 2, 1, {1, 3});
            check_matrix<float>(data.Y, 2, 1, {2, 4});
            CHECK(data.feature_names == Names{"a"});
            CHECK(data.target_name == "b");
            CHECK(!data.left_out_index);
        }
    }
}

}  // namespace

TEST_CASE("line ends: LF, CRLF, none after the last line, CR CR LF as Python on Windows may write") {
    check_same({"a,b\n1,2\n3,4\n", "a,b\r\n1,2\r\n3,4\r\n", "a,b\n1,2\n3,4", "a,b\r\n1,2\n3,4\r",
                "a,b\r\r\n1,2\r\r\n3,4\r\r\n"});
}

TEST_CASE("blank lines, rows without anything in them, a closing Ctrl-Z, a byte order mark") {
    check_same({"\na,b\n1,2\n3,4\n\n\n", "a,b\n\n1,2\n \t\n3,4\n", "a,b\r\n1,2\r\n\r\n3,4\r\n\r\n",
                "a,b\n1,2\n,\n3,4\n , \n,,,\n", "a,b\n1,2\n3,4\n\x1a", "a,b\r\n1,2\r\n3,4\x1a",
                "a,b\n1,2\n3,4\n\x1a\x1a\r\n",
                "\xef\xbb\xbf"
                "a,b\n1,2\n3,4\n",
                "\xef\xbb\xbf\n# so\na,b\n1,2\n3,4\n"});
    check_same({"a b\n1 2\n\n3 4\n  \n"}, ' ');
}

TEST_CASE("comments") {
    check_same({"# written by hand\na,b\n1,2\n#3,3\n3,4\n# end", "a,b\n  # so\n1,2\n#\n3,4\n",
                "#\"not a quote\na,b\n1,2\n3,4\n"});
    check_same({"# a comment\na b\n1 2\n3 4\n"}, ' ');
    const auto data = nn::parse_csv<float>("#,b\n1,2\n", {.target = "b"});  // the name of a column
    CHECK(data.feature_names == Names{"#"});
}

TEST_CASE("a delimiter at the end of every row, of the header or not") {
    check_same({"a,b,\n1,2,\n3,4,\n", "a,b\n1,2,\n3,4,\n", "a,b,\r\n1,2,\r\n3,4, \r\n"});
    check_same({"a\tb\t\n1\t2\t\n3\t4\t\n"}, '\t');
    check_same({"a b \n1 2 \n3 4 \n"}, ' ');
    const nn::CsvOptions no_header{.header = false, .target = std::size_t{1}};
    check_matrix<float>(nn::parse_csv<float>("1,2,\n3,4,\n", no_header).X, 2, 1, {1, 3});
    check_error([&] { nn::parse_csv<float>("1,2,\n3,4\n", no_header); },
                {"row 2 has 2 cells; expected 2 and an empty one"});
    check_error([&] { nn::parse_csv<float>("1,2,\n3,4,5\n", no_header); },
                {"row 2 has 3 cells; expected 2 and an empty one"});
    check_error([&] { nn::parse_csv<float>("a,b\n1,2\n3,4,\n", {.target = "b"}); },
                {"row 3 has 3 cells; expected 2"});
}

TEST_CASE("a first column without a name is an index and no feature") {
    for (const char* text :
         {",a,b\n0,1,2\n17,3,4\n", "\"\",\"a\",\"b\"\n\"Mazda, RX4\",1,2\n\"x \"\"y\"\"\",3,4\n",
          " ,a,b\nx,1,2\n,3,4\n"}) {
        INFO("text: ", text);
        for (const nn::CsvOptions& options :
             {nn::CsvOptions{.target = "b"}, nn::CsvOptions{.target = std::size_t{2}}}) {
            const auto data = nn::parse_csv<float>(text, options);
            CHECK(data.left_out_index);
            check_matrix<float>(data.X, 2, 1, {1, 3});
            check_matrix<float>(data.Y, 2, 1, {2, 4});
            CHECK(data.feature_names == Names{"a"});
        }
    }
    const auto target = nn::parse_csv<float>(",a\n0,1\n5,3\n", {.target = std::size_t{0}});
    CHECK(!target.left_out_index);
    check_matrix<float>(target.Y, 2, 1, {0, 5});
    CHECK(!nn::parse_csv<float>("1,2\n", {.header = false, .target = std::size_t{0}}).left_out_index);
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

TEST_CASE_TEMPLATE("numbers next to zero are zero, of the right sign", T, float, double) {
    const auto data =
        nn::parse_csv<T>("1e-400,-1e-400,0e999999999999,2e-60,1e-99999999999999999999,0\n1,1,1,1,1,1\n",
                         {.header = false, .target = std::size_t{5}});
    check_matrix<T>(data.X, 2, 5, {0, 0, 0, static_cast<T>(2e-60), 0, 1, 1, 1, 1, 1});
    CHECK(!std::signbit(data.X(0, 0)));
    CHECK(std::signbit(data.X(0, 1)));
}

TEST_CASE("floats are rounded once") {
    // Next to the middle of two floats, on which its double lies.
    const auto data = nn::parse_csv<float>("1.00000005960464477540,1.0000000596046447754,1e-45,0\n2,2,1,0\n",
                                           {.header = false, .target = std::size_t{3}});
    CHECK(data.X(0, 0) == 1.00000005960464477540f);
    CHECK(data.X(0, 0) == std::nextafter(1.0f, 2.0f));
    CHECK(data.X(0, 2) == 1e-45f);
}

TEST_CASE("blanks and quotes around numbers") {
    const auto data = nn::parse_csv<double>("a, b ,c\n 1 ,\t2, \"3\" \n\"4\",\" 5 \",+6\n", {.target = "b"});
    check_matrix<double>(data.X, 2, 2, {1, 3, 4, 6});
    check_matrix<double>(data.Y, 2, 1, {2, 5});
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
    const TemporaryFolder folder("densimd-csv");
    const auto path = folder.path() / "data.csv";
    std::ofstream(path, std::ios::binary) << "a,b\r\n1,2\r\n3,4";
    const auto data = nn::read_csv<double>(path, {.target = "a"});
    check_matrix<double>(data.X, 2, 1, {2, 4});
    check_matrix<double>(data.Y, 2, 1, {1, 3});

    std::ofstream(path, std::ios::binary) << "a,b\n1,x\n";
    check_error([&] { nn::read_csv<double>(path, {.target = "a"}); },
                {path.c_str(), "row 2", "column 2", "'x'"});
    const auto missing = folder.path() / "missing.csv";
    check_error([&] { nn::read_csv<double>(missing, {.target = "a"}); }, {missing.c_str(), "no such file"});
    check_error([&] { nn::read_csv<double>(folder.path(), {.target = "a"}); }, {folder.path().c_str()});
}
