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
    std::ostringstream text;
    if (a.size() != b.size()) {
        text << a.size() << " values against " << b.size();
        return text.str();
    }
    if (same_bits(a.data(), b.data(), a.size())) return {};
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

/// Empty if |actual - expected| <= bound everywhere; else the element that exceeds its bound the most.
template <class T>
std::string difference(std::span<const T> actual, std::span<const T> expected, std::span<const T> bound) {
    std::ostringstream text;
    if (actual.size() != expected.size() || actual.size() != bound.size()) {
        text << actual.size() << " values against " << expected.size() << " within " << bound.size();
        return text.str();
    }
    std::size_t worst = actual.size();
    double worst_ratio = 0;
    for (std::size_t i = 0; i < actual.size(); ++i) {
        const double error = std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
        if (error <= static_cast<double>(bound[i])) continue;  // false for NaN
        const double ratio = error / static_cast<double>(bound[i]);
        if (worst < actual.size() && !(ratio > worst_ratio)) continue;
        worst = i;
        worst_ratio = ratio;
    }
    if (worst == actual.size()) return {};
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

/// The distance to the exact result in units of the last place of a T of its size.
template <class T, class Wide>
double ulp_error(T actual, Wide exact) {
    static_assert(std::numeric_limits<Wide>::digits > std::numeric_limits<T>::digits);
    const int exponent = std::max(std::ilogb(exact), std::numeric_limits<T>::min_exponent - 1);
    const Wide ulp = std::ldexp(Wide{1}, exponent - (std::numeric_limits<T>::digits - 1));
    return static_cast<double>(std::abs(static_cast<Wide>(actual) - exact) / ulp);
}

}  // namespace densimd::test
