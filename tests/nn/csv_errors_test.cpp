// What the CSV reader refuses, and where it says the mistake is.
#include <doctest/doctest.h>

#include <string>

#include "support/nn.hpp"

using namespace densimd::test;

namespace {

void refuse(const std::string& text, const nn::CsvOptions& options,
            std::initializer_list<const char*> parts) {
    INFO("text: ", text);
    check_error([&] { nn::parse_csv<float>(text, options, "data.csv"); }, parts);
    check_error([&] { nn::parse_csv<double>(text, options, "data.csv"); }, {"data.csv"});
}

const nn::CsvOptions target_b{.target = "b"};
const nn::CsvOptions no_header{.header = false, .target = std::size_t{1}};

}  // namespace

TEST_CASE("ragged rows") {
    refuse("a,b\n1,2\n3\n", target_b, {"data.csv", "row 3", "1 cell", "2"});
    refuse("a,b\n1,2\n3,4,5\n", target_b, {"data.csv", "row 3", "3 cells", "2"});
    refuse("a,b\n1,2,3\n", target_b, {"row 2", "3 cells", "2"});
    refuse("1,2\n3,4\n5,6,\n", no_header, {"row 3", "3 cells", "2"});
    refuse("a,b\n1,2\n\n3,4\n", target_b, {"row 3", "1 cell", "2"});
}

TEST_CASE("cells that are not numbers") {
    refuse("a,b\n1,2\n3,word\n", target_b, {"data.csv", "row 3", "column 2", "'word'", "b"});
    refuse("a,b\nword,2\n", target_b, {"row 2", "column 1", "'word'", "a"});
    for (const char* cell :
         {"1.5x", "1 2", "0x10", "--1", "1,5e", "1e", "e5", ".", "-", "+", "+-1", "1.2.3", "1_000"})
        refuse(std::string("a;b\n1;2\n") + cell + ";4\n", {.delimiter = ';', .target = "b"},
               {"row 3", "column 1", cell});
}

TEST_CASE("cells that are empty") {
    refuse("a,b\n1,\n", target_b, {"row 2", "column 2", "empty"});
    refuse("a,b\n,1\n", target_b, {"row 2", "column 1", "empty"});
    refuse("1,2\n  ,4\n", no_header, {"row 2", "column 1", "empty"});
}

TEST_CASE("cells that are not finite") {
    for (const char* cell : {"nan", "NaN", "inf", "-inf", "Infinity", "1e999"})
        refuse(std::string("1,2\n3,") + cell + "\n", no_header, {"row 2", "column 2", cell});
    check_error([] { nn::parse_csv<float>("1,1e39\n", no_header); }, {"row 1", "column 2", "1e39"});
    CHECK(nn::parse_csv<double>("1,1e39\n", no_header).Y(0, 0) == 1e39);
}

TEST_CASE("targets that are not there, or there twice") {
    refuse("a,b,c\n1,2,3\n", {.target = "d"}, {"data.csv", "'d'", "a, b, c"});
    refuse("a,b,b\n1,2,3\n", target_b, {"'b'", "2 times"});
    refuse("a,b,c\n1,2,3\n", {.target = std::size_t{3}}, {"3", "0 to 2"});
    refuse("1,2\n", {.header = false, .target = std::size_t{2}}, {"2", "0 to 1"});
    refuse("1,2\n", {.header = false, .target = "b"}, {"'b'", "header"});
    refuse("a,b\n1,2\n", {.target = ""}, {"no target"});
}

TEST_CASE("nothing to learn from") {
    refuse("b\n1\n2\n", target_b, {"no column besides the target"});
    refuse("a,b\n", target_b, {"no data rows"});
    refuse("", target_b, {"empty"});
    refuse("", no_header, {"no data rows"});
}

TEST_CASE("quotes that are not closed, or closed too early") {
    refuse("\"a,b\n1,2\n", target_b, {"row 1", "quote"});
    refuse("\"a\"x,b\n1,2\n", target_b, {"row 1", "column 1", "quote"});
}

TEST_CASE("delimiters that cannot delimit") {
    for (const char delimiter : {'"', '\n', '\r'})
        refuse("a,b\n1,2\n", {.delimiter = delimiter, .target = "b"}, {"delimiter"});
}
