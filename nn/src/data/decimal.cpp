// Correctly rounded reading of decimal numbers, and what their conversion loses.
#include "data/decimal.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <system_error>

namespace densimd::nn {
namespace {

// A decimal number in its parts; digits may have a point among them.
struct WrittenNumber {
    bool negative, has_exponent;
    std::string_view digits;
    int exponent;

    int decimals() const {
        const std::size_t point = digits.find('.');
        return point == digits.npos ? 0 : static_cast<int>(digits.size() - point - 1);
    }
};

constexpr int huge_exponent = 1'000'000;

WrittenNumber parts_of(std::string_view text) {
    WrittenNumber number{};
    number.negative = !text.empty() && text.front() == '-';
    if (number.negative) text.remove_prefix(1);
    const std::size_t end = std::min(text.find_first_of("eE"), text.size());
    number.digits = text.substr(0, end);
    number.has_exponent = end < text.size();
    if (!number.has_exponent) return number;
    std::string_view exponent = text.substr(end + 1);
    if (!exponent.empty() && exponent.front() == '+') exponent.remove_prefix(1);
    const auto [stop, error] =
        std::from_chars(exponent.data(), exponent.data() + exponent.size(), number.exponent);
    if (error == std::errc::result_out_of_range)
        number.exponent = exponent.front() == '-' ? -huge_exponent : huge_exponent;
    number.exponent = std::clamp(number.exponent, -huge_exponent, huge_exponent);
    return number;
}

// The power of ten of the first digit that is not 0.
long first_place(const WrittenNumber& number) {
    const std::size_t point = std::min(number.digits.find('.'), number.digits.size());
    const std::size_t first = std::min(number.digits.find_first_not_of("0."), number.digits.size());
    return number.exponent + static_cast<long>(point) - static_cast<long>(first) - (first < point ? 1 : 0);
}

template <class T>
std::string shortest_digits(T value) {
    char digits[400];
    const bool whole = value == std::floor(value) && std::abs(value) < T{1e20f};
    const auto end = whole ? std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed, 0)
                           : std::to_chars(digits, digits + sizeof digits, value);
    return {digits, end.ptr};
}

}  // namespace

Reading read_decimal(std::string_view text, double& value) {
    if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc::invalid_argument || stop != end) return Reading::no_number;
    if (error == std::errc::result_out_of_range) {
        const WrittenNumber number = parts_of(text);
        if (first_place(number) > 0) return Reading::too_large;
        value = number.negative ? -0.0 : 0.0;
    } else if (!std::isfinite(value)) {
        return Reading::not_finite;
    }
    return Reading::done;
}

float nearest_float(std::string_view text, double value) {
    // Rounding twice goes wrong where the first time ends half-way between two floats.
    constexpr std::uint64_t below_float = (std::uint64_t{1} << 29) - 1, half = std::uint64_t{1} << 28;
    const bool half_way = (std::bit_cast<std::uint64_t>(value) & below_float) == half;
    const bool normal = std::abs(value) >= static_cast<double>(std::numeric_limits<float>::min());
    if (value == 0 || (normal && !half_way)) return static_cast<float>(value);
    if (text.front() == '+') text.remove_prefix(1);
    float nearest = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), nearest);
    return error == std::errc() ? nearest : static_cast<float>(value);
}

bool whole_part_changes(std::string_view text, double value) {
    if (std::abs(value) < 0x1p53) return false;
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    const WrittenNumber number = parts_of(text);
    if (number.has_exponent) return false;
    std::string_view written = number.digits.substr(0, number.digits.find('.'));
    written.remove_prefix(std::min(written.find_first_not_of('0'), written.size()));
    char digits[400];  // the largest double has 309
    const auto end =
        std::to_chars(digits, digits + sizeof digits, std::abs(value), std::chars_format::fixed, 0);
    return written != std::string_view(digits, static_cast<std::size_t>(end.ptr - digits));
}

double last_unit(std::string_view text) {
    const WrittenNumber number = parts_of(text);
    return std::pow(10.0, number.exponent - number.decimals());
}

std::string digits_of(double value) { return shortest_digits(value); }
std::string digits_of(float value) { return shortest_digits(value); }

}  // namespace densimd::nn
