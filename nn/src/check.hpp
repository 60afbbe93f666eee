// Checks at the door that several files share; each throws an Error with the numbers in it.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include <densimd/nn/matrix.hpp>
#include <densimd/nn/network.hpp>

namespace densimd::nn {

/// Six digits, whatever the magnitude; std::to_string would write 1e300 out. A NaN has no sign.
inline std::string text(double value) {
    if (std::isnan(value)) return "nan";
    char digits[32];
    std::snprintf(digits, sizeof digits, "%g", value);
    return digits;
}

inline std::string shape_of(const std::vector<Dense>& layers) {
    if (layers.empty()) return "without layers";
    std::string text = std::to_string(layers.front().inputs);
    for (const Dense& layer : layers) text += "-" + std::to_string(layer.outputs);
    return text;
}

inline void check_columns(const std::string& what, std::size_t found, std::size_t expected) {
    if (found != expected)
        throw Error(what + " has " + std::to_string(found) + " columns; expected " +
                    std::to_string(expected));
}

inline void check_same_rows(std::size_t x, std::size_t y) {
    if (x != y)
        throw Error("X has " + std::to_string(x) + " rows and Y has " + std::to_string(y) +
                    "; expected the same number");
}

inline void check_threads(int threads) {
    if (threads < 1) throw Error("threads is " + std::to_string(threads) + "; expected at least 1");
}

template <class T>
void check_finite(MatrixView<const T> X, const std::string& what) {
    for (std::size_t i = 0; i < X.rows(); ++i)
        for (std::size_t j = 0; j < X.cols(); ++j)
            if (!std::isfinite(X(i, j)))
                throw Error(what + " has " + text(static_cast<double>(X(i, j))) + " in row " +
                            std::to_string(i) + ", column " + std::to_string(j) +
                            " (counted from 0); expected finite numbers");
}

/// round(rows * fraction), at least one row fewer than `rows`.
inline std::size_t share_of(std::size_t rows, double fraction, const std::string& what) {
    if (!(fraction >= 0 && fraction < 1))
        throw Error(what + " is " + text(fraction) + "; expected at least 0 and less than 1");
    const auto share = static_cast<std::size_t>(std::llround(static_cast<double>(rows) * fraction));
    if (share >= rows)
        throw Error("a " + what + " of " + text(fraction) + " of " + std::to_string(rows) +
                    " rows leaves no row to train on");
    return share;
}

}  // namespace densimd::nn
