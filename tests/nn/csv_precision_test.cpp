// Numbers that float or double do not keep: what is refused, what is rounded as always, and what a
// Standardizer keeps.
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "support/nn.hpp"

using namespace densimd::test;

namespace {

const nn::CsvOptions last_of_two{.header = false, .target = std::size_t{1}};

// One column of these cells, and a target.
std::string column_of(std::initializer_list<const char*> cells) {
    std::string text;
    for (const char* cell : cells) text.append(cell).append(",0\n");
    return text;
}

template <class T>
void keeps(std::initializer_list<const char*> cells) {
    const std::string text = column_of(cells);
    INFO("text: ", text);
    std::size_t row = 0;
    const auto data = nn::parse_csv<T>(text, last_of_two);
    for (const char* cell : cells)
        CHECK(data.X(row++, 0) == (std::is_same_v<T, float> ? static_cast<T>(std::strtof(cell, nullptr))
                                                            : static_cast<T>(std::strtod(cell, nullptr))));
}

void refuses(std::initializer_list<const char*> cells, std::initializer_list<const char*> parts) {
    const std::string text = column_of(cells);
    INFO("text: ", text);
    check_error([&] { nn::parse_csv<float>(text, last_of_two); },
                {"column 1", "(column 0)", "float does not keep", "read_csv<double> and Standardizer"});
    check_error([&] { nn::parse_csv<float>(text, last_of_two); }, parts);
    keeps<double>(cells);
}

}  // namespace

TEST_CASE("whole numbers that float has not are refused, those that it has are read") {
    keeps<float>({"16777216", "-16777216", "16777218", "1700000000", "4294967296", "1e30", "6.022e23", "0"});
    refuses({"1", "16777217"}, {"row 2", "'16777217'", "makes 16777216 of it"});
    refuses({"-16777217", "4294967296"}, {"row 1", "'-16777217'"});
    refuses({"1700000001", "0"}, {"row 1", "'1700000001'", "makes 1700000000 of it"});
    refuses({"1700000001.0", "0"}, {"'1700000001.0'"});
    refuses({"1.700000001000000000e+09", "0"}, {"'1.700000001000000000e+09'"});  // numpy.savetxt
    refuses({"9007199254740992", "1234567890123456"}, {"row 2"});
    check_error([] { nn::parse_csv<float>("1,16777217\n", last_of_two); },
                {"row 1, column 2", "(column 1)"});  // targets
}

TEST_CASE("fractions are rounded, unless that matters in their column") {
    keeps<float>({"0.1", "0.2", "123.456", "-1e-7"});
    keeps<float>({"0.12345678901234567", "0.98765432109876543", "0.5"});
    keeps<float>({"123456.789", "-987654.321", "0.001"});
    keeps<float>({"0.123456789", "0.123456789"});     // constant
    keeps<float>({"47.5112", "47.7379", "47.5208"});  // written digits are kept
    keeps<float>({"293.15", "293.16"});
    keeps<float>({"1.2345678901234567e20", "-7.2345678901234567e20"});
    refuses({"1700000000.25", "1700000000.5"}, {"row 2", "'1700000000.5'"});
    refuses({"19675.12345", "19675.12415", "19712.5"},
            {"row 2", "'19675.12415'", "in a column that spans 37.37655"});
    refuses({"52.5200066", "52.6", "52.52000665"}, {});
    refuses({"0.123456789", "0.123456788"}, {"float does not keep: it moves by"});
    refuses({"1e-60", "2e-60"}, {"row 2", "'2e-60'"});
}

TEST_CASE("whole numbers that double has not are refused") {
    keeps<double>(
        {"9007199254740992", "9007199254740994", "18014398509481984", "1e300", "1234567890123456.5"});
    for (const char* cell : {"9007199254740993", "1234567890123456789", "-12345678901234567891234567890",
                             "9007199254740993.0"}) {
        check_error([&] { nn::parse_csv<double>(column_of({cell}), last_of_two); },
                    {"row 1, column 1", cell, "double does not keep", "identifier"});
        check_error([&] { nn::parse_csv<float>(column_of({cell}), last_of_two); }, {"row 1, column 1", cell});
    }
    check_error([] { nn::parse_csv<double>(column_of({"1234567890123456789"}), last_of_two); },
                {"makes 1234567890123456768 of it"});
}

TEST_CASE("a time column trains as well as the same column from 0") {
    std::string times = "unix_time,y\n";
    nn::Matrix<double> shifted(300, 1);
    for (std::size_t i = 0; i < 300; ++i) {
        times += std::to_string(1700000000 + i) + "," +
                 std::to_string(std::sin(static_cast<double>(i) / 50)) + "\n";
        shifted(i, 0) = static_cast<double>(i);
    }
    const auto data = nn::parse_csv<double>(times, {.target = "y"});
    const nn::Standardizer<float> scale(data.X), shifted_scale(shifted);
    const nn::Matrix<float> X = scale.transform(data.X), expected = shifted_scale.transform(shifted);
    for (std::size_t i = 0; i < 300; ++i) CHECK(X(i, 0) == doctest::Approx(expected(i, 0)).epsilon(1e-6));
    const nn::Matrix<double> back = scale.inverse_transform<double>(X);
    for (std::size_t i = 0; i < 300; ++i) CHECK(std::abs(back(i, 0) - data.X(i, 0)) < 1e-3);
    check_error([&] { nn::parse_csv<float>(times, {.target = "y"}); },
                {"row 3, column 1", "(unix_time)", "'1700000001'"});
}
