// Moments of blocks of rows, merged.
#include "data/moments.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <densimd/nn/error.hpp>

#include "check.hpp"

namespace densimd::nn {
namespace {

// Of `count` numbers of each column: their mean, the sum of squared distances from it, and whether they vary.
struct Sums {
    explicit Sums(std::size_t columns) : mean(columns), squares(columns), varies(columns) {}

    // Chan, Golub and LeVeque (1979). A column that is constant so far keeps its mean to the last bit.
    void merge(std::size_t column, double other_mean, double other_squares, double other_count, bool vary) {
        const double distance = other_mean - mean[column], share = other_count / (count + other_count);
        mean[column] = count == 0 ? other_mean : mean[column] + distance * share;
        squares[column] += other_squares + (count == 0 ? 0 : distance * distance * count * share);
        varies[column] = varies[column] || vary || (count > 0 && distance != 0);
    }

    double count = 0;
    std::vector<double> mean, squares;
    std::vector<char> varies;
};

constexpr std::size_t block_rows = 64, block_columns = 512;

// Sums over a block of rows of distances from its first row. That one is no farther from the mean than
// sqrt(block_rows) deviations, so that no more than the square of this is lost in the difference of sums.
// They stay in L1; eight rows are added for each time that they are loaded and stored.
template <class T>
class BlockOfRows {
  public:
    void add(MatrixView<const T> X, std::size_t first_column, Sums& to) {
        const std::size_t columns = std::min(block_columns, X.cols() - first_column);
        const auto row = [&](std::size_t i) { return X.row(i) + first_column; };
        for (std::size_t j = 0; j < columns; ++j) {
            origin_[j] = static_cast<double>(row(0)[j]);
            sum_[j] = squares_[j] = 0;
            varies_[j] = 0;
        }
        std::size_t i = 0;
        for (; i + 8 <= X.rows(); i += 8)
            add_rows(columns, row(i), row(i + 1), row(i + 2), row(i + 3), row(i + 4), row(i + 5), row(i + 6),
                     row(i + 7));
        for (; i < X.rows(); ++i) add_rows(columns, row(i));
        const double count = static_cast<double>(X.rows());
        for (std::size_t j = 0; j < columns; ++j) {
            const double mean = sum_[j] / count;
            to.merge(first_column + j, origin_[j] + mean, std::max(squares_[j] - sum_[j] * mean, 0.0), count,
                     varies_[j] != 0);
        }
    }

  private:
    void add_rows(std::size_t columns, const std::same_as<T> auto*... rows) {
        for (std::size_t j = 0; j < columns; ++j) {
            const double origin = origin_[j];
            sum_[j] += (... + (static_cast<double>(rows[j]) - origin));
            squares_[j] += (... + square(static_cast<double>(rows[j]) - origin));
            if constexpr (std::is_same_v<T, double>)  // squares of floats are never too small
                varies_[j] |= (... | std::bit_cast<std::uint64_t>(rows[j] - origin));
        }
    }

    static double square(double x) { return x * x; }

    double origin_[block_columns], sum_[block_columns], squares_[block_columns];
    std::uint64_t varies_[block_columns];
};

template <class T>
Sums sums_of_columns(MatrixView<const T> X) {
    Sums sums(X.cols());
    BlockOfRows<T> block;
    for (std::size_t first = 0; first < X.rows(); first += block_rows) {
        const std::size_t rows = std::min(block_rows, X.rows() - first);
        for (std::size_t start = 0; start < X.cols(); start += block_columns)
            block.add(X.middle_rows(first, rows), start, sums);
        sums.count += static_cast<double>(rows);
    }
    return sums;
}

// Rows of a few columns without gaps between them are looked at several at a time, as one long row.
template <class T>
Sums sums_of_narrow_columns(MatrixView<const T> X) {
    const std::size_t rows_per_long_row =
        X.stride() > X.cols() ? 1 : std::min(block_columns / X.cols(), X.rows() / block_rows);
    if (rows_per_long_row <= 1) return sums_of_columns(X);
    const std::size_t long_rows = X.rows() / rows_per_long_row, columns = rows_per_long_row * X.cols();
    const Sums wide = sums_of_columns(MatrixView<const T>(X.data(), long_rows, columns));
    Sums sums = sums_of_columns(
        X.middle_rows(long_rows * rows_per_long_row, X.rows() - long_rows * rows_per_long_row));
    for (std::size_t start = 0; start < columns; start += X.cols()) {
        for (std::size_t j = 0; j < X.cols(); ++j)
            sums.merge(j, wide.mean[start + j], wide.squares[start + j], wide.count,
                       wide.varies[start + j] != 0);
        sums.count += wide.count;
    }
    return sums;
}

// A column whose squares are no doubles, one with distances beyond 1e150 or, if it varies, below 1e-150.
void scaled_column(MatrixView<const double> X, std::size_t column, Moments& moments) {
    const double origin = X(0, column), rows = static_cast<double>(X.rows());
    double largest = 0;
    for (std::size_t i = 0; i < X.rows(); ++i) largest = std::max(largest, std::abs(X(i, column) - origin));
    if (!std::isfinite(largest))
        throw Error("standardizer: the spread of column " + std::to_string(column) + " is too large");
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < X.rows(); ++i) sum += (X(i, column) - origin) / largest;
    for (std::size_t i = 0; i < X.rows(); ++i) {
        const double distance = (X(i, column) - origin) / largest - sum / rows;
        squares += distance * distance;
    }
    moments.mean[column] = origin + largest * (sum / rows);
    moments.deviation[column] = largest * std::sqrt(squares / rows);
}

}  // namespace

template <class T>
Moments moments_of_columns(MatrixView<const T> X) {
    Sums sums = X.cols() < block_columns / 2 ? sums_of_narrow_columns(X) : sums_of_columns(X);
    Moments moments{std::move(sums.mean), std::move(sums.squares)};
    bool checked = false;
    for (std::size_t j = 0; j < X.cols(); ++j) {
        double& deviation = moments.deviation[j];
        const bool finite = std::isfinite(moments.mean[j]) && std::isfinite(deviation);
        if (!finite && !checked) check_finite(X, "standardizer: X");
        checked = checked || !finite;
        if constexpr (std::is_same_v<T, double>)
            if (!finite || (sums.varies[j] != 0 && deviation < 1e-280)) {
                scaled_column(X, j, moments);
                continue;
            }
        deviation = std::sqrt(deviation / sums.count);
    }
    return moments;
}

template Moments moments_of_columns(MatrixView<const float>);
template Moments moments_of_columns(MatrixView<const double>);

}  // namespace densimd::nn
