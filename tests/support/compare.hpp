// Comparisons that say where and by how much, in one assertion per array.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace densimd::test {

template <class T>
bool same_bits(const T* a, const T* b, std::size_t count) {
    return count == 0 || std::memcmp(a, b, count * sizeof(T)) == 0;
}

/// Empty if a and b are equal bit for bit; else the first difference.
template <class T>
std::string bit_difference(std::span<const T> a, std::span<const T> b) {
    if (a.size() == b.size() && same_bits(a.data(), b.data(), a.size())) return {};
    std::ostringstream text;
    if (a.size() != b.size()) {
        text << a.size() << " values against " << b.size();
        return text.str();
    }
    std::size_t i = 0;
    while (same_bits(&a[i], &b[i], 1)) ++i;
    text.precision(std::numeric_limits<T>::max_digits10);
    text << "at " << i << " of " << a.size() << ": " << a[i] << " is not " << b[i];
    return text.str();
}
template <class T>
std::string bit_difference(const std::vector<T>& a, const std::vector<T>& b) {
    return bit_difference(std::span<const T>(a), std::span<const T>(b));
}

/// Whether |actual - expected| <= bound. What is infinite or NaN must be met exactly, within any bound.
template <class T>
bool is_within(T actual, T expected, T bound) {
    if (std::isnan(expected)) return std::isnan(actual);
    if (std::isinf(expected)) return actual == expected;
    return std::abs(static_cast<double>(actual) - static_cast<double>(expected)) <=
           static_cast<double>(bound);  // false for NaN
}

/// Empty if each element is within its bound; else the one that exceeds it the most.
template <class T>
std::string difference(std::span<const T> actual, std::span<const T> expected, std::span<const T> bound) {
    if (actual.size() != expected.size() || actual.size() != bound.size()) {
        std::ostringstream text;
        text << actual.size() << " values against " << expected.size() << " within " << bound.size();
        return text.str();
    }
    std::size_t worst = actual.size();
    double worst_ratio = 0;
    for (std::size_t i = 0; i < actual.size(); ++i) {
        if (is_within(actual[i], expected[i], bound[i])) continue;
        const double ratio = std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i])) /
                             static_cast<double>(bound[i]);
        if (worst < actual.size() && !(ratio > worst_ratio)) continue;
        worst = i;
        worst_ratio = ratio;
    }
    if (worst == actual.size()) return {};
    std::ostringstream text;
    text.precision(std::numeric_limits<T>::max_digits10);
    text << "at " << worst << " of " << actual.size() << ": " << actual[worst] << " should be "
         << expected[worst] << " +- " << bound[worst] << " (" << worst_ratio << " times the bound)";
    return text.str();
}
template <class T>
std::string difference(const std::vector<T>& actual, const std::vector<T>& expected,
                       const std::vector<T>& bound) {
    return difference(std::span<const T>(actual), std::span<const T>(expected), std::span<const T>(bound));
}

/// The unit of the last place of a T of this size; that of the smallest normal number for smaller ones.
template <class T, class Wide>
Wide ulp_of(Wide value) {
    const int exponent = value == 0 ? std::numeric_limits<T>::min_exponent - 1
                                    : std::max(std::ilogb(value), std::numeric_limits<T>::min_exponent - 1);
    return std::ldexp(Wide{1}, exponent - (std::numeric_limits<T>::digits - 1));
}

/// The distance to the exact result in units of the last place of a T of its size.
template <class T, class Wide>
double ulp_error(T actual, Wide exact) {
    static_assert(std::numeric_limits<Wide>::digits > std::numeric_limits<T>::digits);
    return static_cast<double>(std::abs(static_cast<Wide>(actual) - exact) / ulp_of<T>(exact));
}

}  // namespace densimd::test
