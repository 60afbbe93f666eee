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
    const std::string message = error_of([&] { nn::parse_csv<double>(text, options, "data.csv"); });
    CHECK(contains(message, "data.csv"));
    CHECK(!contains(message, "\n"));
}

const nn::CsvOptions target_b{.target = "b"};
const nn::CsvOptions no_header{.header = false, .target = std::size_t{1}};

}  // namespace

TEST_CASE("ragged rows") {
    refuse("a,b\n1,2\n3\n", target_b, {"data.csv", "row 3", "1 cell", "2"});
    refuse("a,b\n1,2\n3,4,5\n", target_b, {"data.csv", "row 3", "3 cells", "2"});
    refuse("a,b\n1,2,3\n", target_b, {"row 2", "3 cells", "2"});
    refuse("1,2\n3,4\n5,6,\n", no_header, {"row 3", "3 cells", "2"});
    refuse("a,b\n\n1,2\n# so\n3\n", target_b,
           {"row 5", "1 cell;", "2"});  // lines are counted as an editor does
    refuse("a,b\n1,2,3\n", target_b,
           {"row 2", "3 cells", "does the header lack a name for the rows' index?"});
    refuse("a,b\n1,2\n1,5,2,5\n", target_b,
           {"row 3", "4 cells", "a decimal comma would divide a number in two"});
    refuse("a,b\n1,2\n3;4\n", target_b, {"row 3", "column 1", "'3;4'", "is ';' the delimiter, not ','?"});
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
    check_error([] { nn::parse_csv<float>("1,1e39\n", no_header); },
                {"row 1", "column 2", "1e39", "out of range for float", "read_csv<double>"});
    for (const char* cell : {"-1e309", "1e400", "1e99999999999999999999", "0.001e999", "123456789e301"})
        refuse(std::string("1,2\n3,") + cell + "\n", no_header, {"row 2", "column 2", cell, "out of range"});
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

TEST_CASE("a list of many columns shows a few, and long names are cut") {
    std::string header = "a", row = "1";
    for (int i = 0; i < 20000; ++i) {
        header += ",feature " + std::to_string(i);
        row += ",1";
    }
    const auto message = [&](const nn::CsvOptions& options) {
        return error_of([&] { nn::parse_csv<float>(header + "\n" + row + "\n", options); });
    };
    CHECK(contains(message({.target = "price"}),
                   "the columns are a, feature 0, feature 1, feature 2, feature 3, "
                   "feature 4, feature 5, feature 6 and 19993 more"));
    CHECK(message({.target = "price"}).size() < 200);
    CHECK(message({.target = std::string(5000, 'x')}).size() < 300);
    header = std::string(100000, 'a') + ",b";
    row = std::string(100000, 'x') + ",1";
    CHECK(message({.target = "c"}).size() < 300);
    CHECK(message({.target = "b"}).size() < 300);
    header = "\"two\nlines\",b";
    row = "x,1";
    CHECK(contains(message({.target = "b"}), "two\\nlines"));
    CHECK(!contains(message({.target = "b"}), "\n"));
}

TEST_CASE("what stands for a missing value, words, and numbers written otherwise") {
    const auto refuse_cell = [](const std::string& cell, const char* why) {
        refuse("a;b\n1;2\n" + cell + ";4\n", {.delimiter = ';', .target = "b"},
               {"row 3, column 1", "(a)", why});
    };
    refuse_cell("", "the cell is empty");
    refuse_cell("\"\"", "fill missing values in, or leave their rows out");
    for (const char* missing : {"NA", "n/a", "#N/A", "nan", "NaN", "NULL", "None", "?", "-", "."})
        refuse_cell(missing, "stands for a missing value");
    for (const char* word : {"red", "New York", "\"New York\"", "x1", "\u00fcber"})
        refuse_cell(word, "is a word, not a number");
    for (const char* truth : {"True", "FALSE", "yes"}) refuse_cell(truth, "write 1 and 0");
    for (const char* number : {"1,5", "-0,25", "1,234"}) refuse_cell(number, "decimal comma");
    for (const char* number : {"1.234,5", "1.234.567", "1 234", "1'234.5", "1_000"})
        refuse_cell(number, "thousands separated");
    for (const char* time : {"2024-01-05", "05.01.2024", "12:30", "2024-01-05 12:30:00", "1/2/2024"})
        refuse_cell(time, "a date or a time");
    for (const char* unit : {"5%", "$5", "5 \u20ac"}) refuse_cell(unit, "leave its unit out");
    for (const char* formula : {"#DIV/0!", "#REF!", "#NAME?"}) refuse_cell(formula, "a formula that failed");
    refuse_cell("1,2,3", "is ',' the delimiter, not ';'?");
    refuse_cell("1|2", "is '|' the delimiter, not ';'?");
    refuse("a,b\n\"1,234\",2\n", target_b, {"row 2, column 1", "decimal comma, or one between thousands"});
    refuse("a b\n1  2\n", {.delimiter = ' ', .target = "b"},
           {"row 2, column 2", "two have an empty cell between them"});
}

TEST_CASE("a first row of numbers is no header, even if one of them is the target's name") {
    refuse("0.956,0.948,0\n0.1,0.2,1\n", {.target = "0"}, {"expected a header", "is there no header?"});
}

TEST_CASE("files with another delimiter") {
    refuse("a;b\n1;2\n", target_b,
           {"no target column 'b'", "the columns are a;b", "the line is without ',': is ';' the delimiter?"});
    refuse("a\tb\n1\t2\n", target_b, {"is a tab the delimiter?"});
    refuse("1;2\n3;4\n", no_header, {"is ';' the delimiter?"});
    refuse("1;2\n3;4\n", {.header = false, .target = std::size_t{0}},
           {"no column besides the target; the line is without ','"});
    refuse("a,b\n1,2\n", {.delimiter = ';', .target = "b"},
           {"the line is without ';': is ',' the delimiter?"});
}

TEST_CASE("files that are no text, or no UTF-8") {
    using namespace std::string_literals;
    for (const std::string& text : {"\xff\xfe"
                                    "a\0,\0b\0\n\0"s,
                                    "\xfe\xff\0a\0,\0b"s, "a\0,\0b\0\n\0001\0"s, "\0a\0,\0b\0\n"s})
        for (const nn::CsvOptions& options : {target_b, no_header})
            refuse(text, options, {"UTF-16", "save it as CSV in UTF-8"});
    refuse("PK\x03\x04\x14", target_b, {"zip archive", ".xlsx"});
    refuse("\x1f\x8b\x08", target_b, {"compressed by gzip"});
    refuse("a,b\n1,2\n3,\0004\n"s, target_b, {"row 3, column 2", "\\x004", "the file is no text"});
    refuse("a,b\r1,2\r", target_b, {"row 1, column 2", "carriage return without a line feed"});
    refuse("1,2\r3,4\r", no_header, {"row 1, column 2", "carriage return without a line feed"});
}

TEST_CASE("a first row of numbers is no header") {
    const nn::CsvOptions second{.target = std::size_t{1}};
    refuse("1.5,2\n3,4\n", second, {"expected a header; the first line holds numbers and not names"});
    refuse("0,0,5\n1,2,3\n", second, {"expected a header"});
    refuse("# a,b\n1e0,2e0\n3,4\n", target_b, {"no target column 'b'", "the first line holds numbers"});
    CHECK(nn::parse_csv<float>("0,1,2\n3,4,5\n", second).target_name == "1");  // as pandas names columns
    CHECK(nn::parse_csv<float>("2010,2011\n3,4\n", {.target = "2011"}).Y(0, 0) == 4);
}

TEST_CASE("nothing to learn from") {
    refuse("b\n1\n2\n", target_b, {"no column besides the target"});
    refuse("a,b\n", target_b, {"no data rows"});
    refuse("", target_b, {"empty"});
    refuse("", no_header, {"no data rows"});
    refuse("\n# nothing\n\n", target_b, {"empty"});
    refuse("a,b\n\n#\n,\n", target_b, {"no data rows"});
    refuse(",b\n1,2\n", target_b, {"no column besides the target"});  // but an index
}

TEST_CASE("quotes that are not closed, or closed too early") {
    refuse("\"a,b\n1,2\n", target_b, {"row 1", "quote"});
    refuse("\"a\"x,b\n1,2\n", target_b, {"row 1", "column 1", "quote"});
    refuse("a,b\n\"1,2\n", target_b, {"row 2", "column 1", "a quote is not closed"});
    refuse("a,b\n\"1\"2,2\n", target_b, {"row 2", "column 1", "text after a closing quote"});
    refuse("a,b\n\"1\n2\",2\n", target_b, {"row 2", "column 1", "a quote is not closed"});
}

TEST_CASE("delimiters that cannot delimit") {
    for (const char delimiter : {'"', '\n', '\r'})
        refuse("a,b\n1,2\n", {.delimiter = delimiter, .target = "b"}, {"delimiter"});
}
