// Reading numbers in decimal digits, and what float and double lose of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace densimd::nn {

/// Reads what most cells hold, [-]digits[.digits] with 1 to 15 digits in all, and returns where it ends; null
/// for anything else. Stops at the first character that is no part of it, which has to be there.
inline const char* read_short_decimal(const char* text, double& value) {
    constexpr double powers_of_ten[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                        1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const bool negative = *text == '-';
    text += negative;
    std::uint64_t number = 0;
    const auto read_digits = [&] {
        const char* const first = text;
        for (; is_digit(*text); ++text) number = 10 * number + static_cast<std::uint64_t>(*text - '0');
        return text - first;
    };
    auto digits = read_digits();
    decltype(digits) decimals = 0;
    if (*text == '.') {
        ++text;
        decimals = read_digits();
        digits += decimals;
    }
    if (digits < 1 || digits > 15) return nullptr;
    // A whole number and a power of ten, both exact in double: their quotient is the nearest double.
    value = static_cast<double>(static_cast<std::int64_t>(number));
    if (decimals > 0) value /= powers_of_ten[decimals];
    if (negative) value = -value;
    return text;
}

enum class Reading { done, no_number, not_finite, too_large };

/// Reads a whole text as a decimal number, with an exponent if it has one. A number next to zero that double
/// has not becomes zero. nan and inf are not_finite.
Reading read_decimal(std::string_view text, double& value);

/// The float next to the number that the text says, to which `value` is the next double: by way of that there
/// would be other floats.
float nearest_float(std::string_view text, double value);

/// Whether a whole number, or the digits before a point, are other ones in the double next to it. (From 2^53
/// on.)
bool whole_part_changes(std::string_view text, double value);

/// The unit of the last digit that the text of a number has.
double last_unit(std::string_view text);

/// All digits of a whole number; the shortest digits that tell another number from its neighbours.
std::string digits_of(double value);
std::string digits_of(float value);

}  // namespace densimd::nn
