// Checks of arguments that several files share. A check returns true, or what `report` returns for its
// message: Throw throws an Error with it; Refuse returns false, for calls that must not throw. Messages are
// composed only when they are wanted.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>

#include <densimd/nn/error.hpp>
#include <densimd/nn/matrix.hpp>

namespace densimd::nn {

struct Throw {
    static constexpr bool may_allocate = true;

    template <class Message>
    [[noreturn]] bool operator()(const Message& message) const {
        throw Error(message());
    }
};
struct Refuse {
    static constexpr bool may_allocate = false;

    template <class Message>
    bool operator()(const Message&) const noexcept {
        return false;
    }
};

/// Six digits, whatever the magnitude; std::to_string would write 1e300 out. A NaN has no sign.
inline std::string text(double value) {
    if (std::isnan(value)) return "nan";
    char digits[32];
    std::snprintf(digits, sizeof digits, "%g", value);
    return digits;
}

template <class Report = Throw>
bool check_columns(const char* what, std::size_t found, std::size_t expected, const Report& report = {}) {
    return found == expected || report([&] {
               return std::string(what) + " has " + std::to_string(found) + " columns; expected " +
                      std::to_string(expected);
           });
}

template <class Report = Throw>
bool check_same_rows(std::size_t x, std::size_t y, const Report& report = {}) {
    return x == y || report([&] {
               return "X has " + std::to_string(x) + " rows and Y has " + std::to_string(y) +
                      "; expected the same number";
           });
}

template <class Report = Throw>
bool check_threads(int threads, const Report& report = {}) {
    return threads >= 1 ||
           report([&] { return "threads is " + std::to_string(threads) + "; expected at least 1"; });
}

/// Of a matrix that is known to hold a number that is not finite.
template <class T>
std::string not_finite(MatrixView<const T> X, const std::string& what) {
    for (std::size_t i = 0; i < X.rows(); ++i)
        for (std::size_t j = 0; j < X.cols(); ++j)
            if (!std::isfinite(X(i, j)))
                return what + " has " + text(static_cast<double>(X(i, j))) + " in row " + std::to_string(i) +
                       ", column " + std::to_string(j) + " (counted from 0); expected finite numbers";
    return what + " is finite";
}

template <class T>
void check_finite(MatrixView<const T> X, const std::string& what) {
    for (std::size_t i = 0; i < X.rows(); ++i)
        for (std::size_t j = 0; j < X.cols(); ++j)
            if (!std::isfinite(X(i, j))) throw Error(not_finite(X, what));
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
