// Random tables, written in many ways and damaged: read as what they say, or refused in one line; the text
// ends at a protected page.
#include <doctest/doctest.h>

#include <unistd.h>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "support/guarded.hpp"
#include "support/nn.hpp"
#include "support/temporary_folder.hpp"

using namespace densimd::test;

namespace {

#ifdef DENSIMD_TESTS_ARE_SLOW
constexpr int tables = 2000;
#else
constexpr int tables = 30000;
#endif

struct Written {
    std::string text;
    nn::CsvOptions options;
    std::size_t rows, columns;
    std::vector<std::string> cells;
};

std::string digits(Random& random, std::size_t most) {
    std::string text;
    for (std::size_t count = 1 + random.below(most); count > 0; --count)
        text += static_cast<char>('0' + random.below(10));
    return text;
}

std::string number(Random& random) {
    std::string text = random.below(4) == 0 ? "-" : random.below(8) == 0 ? "+" : "";
    text += digits(random, random.below(4) == 0 ? 14 : 3);
    if (random.below(2) == 0) text += "." + digits(random, random.below(4) == 0 ? 20 : 3);
    if (random.below(4) == 0) text += (random.below(2) == 0 ? "e-" : "E") + digits(random, 2);
    return text;
}

Written random_table(Random& random) {
    Written table;
    table.rows = 1 + random.below(6);
    table.columns = 2 + random.below(4);
    const char delimiter = ",;|\t"[random.below(4)];
    const char* const line_end = random.below(3) == 0 ? "\r\n" : "\n";
    const std::string row_end = (random.below(4) == 0 ? std::string(1, delimiter) : "") + line_end;
    table.options = {
        .header = random.below(2) == 0, .delimiter = delimiter, .target = random.below(table.columns)};
    if (random.below(8) == 0) table.text += "\xef\xbb\xbf";
    const auto nothing = [&] {
        if (random.below(8) == 0)
            table.text += std::string(random.below(2) == 0 ? "# 1,2\"" : " ") + line_end;
    };
    nothing();
    if (table.options.header) {
        for (std::size_t j = 0; j < table.columns; ++j)
            table.text +=
                (j > 0 ? std::string(1, delimiter) : "") + (random.below(4) == 0 ? "\"a\nb\"" : "name");
        table.text += row_end;
    }
    for (std::size_t i = 0; i < table.rows; ++i) {
        nothing();
        for (std::size_t j = 0; j < table.columns; ++j) {
            table.cells.push_back(number(random));
            if (j > 0) table.text += delimiter;
            const std::string around = random.below(8) == 0 ? " " : "",
                              quote = random.below(8) == 0 ? "\"" : "";
            table.text += around + quote + table.cells.back() + quote + around;
        }
        table.text += row_end;
    }
    nothing();
    if (random.below(4) == 0) table.text += "\x1a";
    if (random.below(4) == 0 && table.text.back() == '\n') table.text.pop_back();
    return table;
}

// At the end of a readable page.
template <class T>
nn::Dataset<T> parse(const std::string& text, const nn::CsvOptions& options) {
    const GuardedRegion region;
    std::byte* const copy = region.place(text.size(), Edge::end);
    std::memcpy(copy, text.data(), text.size());
    return nn::parse_csv<T>({reinterpret_cast<const char*>(copy), text.size()}, options, "data.csv");
}

// Whether it reads at all; then each cell is finite and there are as many as there should be. Errors are
// short.
template <class T>
bool reads(const std::string& text, const nn::CsvOptions& options) {
    try {
        const nn::Dataset<T> data = parse<T>(text, options);
        REQUIRE(data.X.rows() >= 1);
        REQUIRE(data.X.cols() >= 1);
        REQUIRE(data.Y.rows() == data.X.rows());
        REQUIRE(data.Y.cols() == 1);
        REQUIRE(data.feature_names.size() == data.X.cols());
        for (const T value : values_of(data.X)) REQUIRE(std::isfinite(value));
        for (const T value : values_of(data.Y)) REQUIRE(std::isfinite(value));
        return true;
    } catch (const nn::Error& error) {
        const std::string_view message = error.what();
        INFO("message: ", message);
        REQUIRE(message.substr(0, 10) == "data.csv: ");
        REQUIRE(message.size() < 700);
        for (const char c : message) REQUIRE(static_cast<unsigned char>(c) >= ' ');
        return false;
    }
}

void damage(Random& random, std::string& text) {
    for (std::size_t changes = 1 + random.below(3); changes > 0 && !text.empty(); --changes) {
        const std::size_t place = random.below(text.size());
        const char other = random.below(2) == 0 ? static_cast<char>(random.below(256))
                                                : ",;\n\r\"# .-+e0\x1a\t"[random.below(14)];
        switch (random.below(4)) {
            case 0:
                text[place] = other;
                break;
            case 1:
                text.erase(place, 1 + random.below(3));
                break;
            case 2:
                text.insert(text.begin() + static_cast<std::ptrdiff_t>(place), other);
                break;
            default:
                text.erase(place);
        }
    }
}

}  // namespace

TEST_CASE("random tables are read to the last bit, damaged ones as what they say or not at all") {
    Random random;
    int rounded = 0, read = 0;
    for (int i = 0; i < tables; ++i) {
        Written table = random_table(random);
        INFO("text: ", table.text);
        const auto data = parse<double>(table.text, table.options);
        REQUIRE(data.X.rows() == table.rows);
        REQUIRE(data.X.cols() + 1 == table.columns);
        const std::size_t target = std::get<std::size_t>(table.options.target);
        const auto check = [&](const auto& matrices, auto convert) {
            for (std::size_t row = 0, cell = 0; row < table.rows; ++row)
                for (std::size_t j = 0; j < table.columns; ++j, ++cell) {
                    const auto value =
                        j == target ? matrices.Y(row, 0) : matrices.X(row, j - (j > target ? 1 : 0));
                    REQUIRE(value == convert(table.cells[cell].c_str()));
                }
        };
        check(data, [](const char* cell) { return std::strtod(cell, nullptr); });
        if (reads<float>(table.text, table.options)) {
            ++rounded;
            check(parse<float>(table.text, table.options),
                  [](const char* cell) { return std::strtof(cell, nullptr); });
        }
        damage(random, table.text);
        read += reads<double>(table.text, table.options);
        reads<float>(table.text, table.options);
    }
    CHECK(rounded > tables / 10);
    CHECK(rounded < tables);
    CHECK(read > tables / 10);
    CHECK(read < tables * 9 / 10);
}

TEST_CASE("random bytes") {
    Random random;
    for (int i = 0; i < tables; ++i) {
        std::string text;
        const bool any = random.below(4) == 0;
        for (std::size_t count = random.below(60); count > 0; --count)
            text += any ? static_cast<char>(random.below(256))
                        : "1234567890,,,,\n\n\n\r\"#-+.e ab\x1a;\t"[random.below(31)];
        INFO("text: ", text);
        reads<double>(
            text,
            {.header = random.below(2) == 0, .delimiter = ",; "[random.below(3)], .target = random.below(3)});
    }
}

TEST_CASE("a file of many pieces reads like its text, and so do errors in it") {
    const TemporaryFolder folder("densimd-csv-fuzz");
    const auto path = folder.path() / "data.csv";
    Random random;
    for (const std::size_t columns : {2u, 7u, 60000u}) {  // the last ones' lines are longer than a piece
        std::string text = "target";
        for (std::size_t j = 1; j < columns; ++j) text += ",c" + std::to_string(j);
        text += "\n";
        while (text.size() < 1500000) {
            for (std::size_t j = 0; j < columns; ++j) text += (j > 0 ? "," : "") + digits(random, 6);
            text += random.below(2) == 0 ? "\n" : random.below(2) == 0 ? "\r\n\n" : "\n# a comment\n";
        }
        const nn::CsvOptions options{.target = "target"};
        const auto check_file = [&] {
            std::ofstream(path, std::ios::binary) << text;
            const auto from_text = nn::parse_csv<float>(text, options),
                       from_file = nn::read_csv<float>(path, options);
            CHECK(from_text.X.rows() > 2);
            CHECK(values_of(from_text.X) == values_of(from_file.X));
            CHECK(values_of(from_text.Y) == values_of(from_file.Y));
        };
        check_file();
        text.resize(text.find_last_of("0123456789"));  // no line feed at the end
        check_file();
        text += "x";
        std::ofstream(path, std::ios::binary) << text;
        const std::string expected = error_of([&] { nn::parse_csv<float>(text, options, path.string()); });
        CHECK(contains(expected, "x' ("));
        CHECK(error_of([&] { nn::read_csv<float>(path, options); }) == expected);
    }
}

TEST_CASE("a pipe is read like a file") {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const std::string text = "a,b\n1,2\n3,4\n";
    REQUIRE(write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    close(ends[1]);
    const auto data = nn::read_csv<float>("/dev/fd/" + std::to_string(ends[0]), {.target = "b"});
    close(ends[0]);
    CHECK(values_of(data.X) == std::vector<float>{1, 3});
}
