// Splitting, standardising, one-hot rows, random order.
#include <densimd/nn/data.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <densimd/nn/error.hpp>
#include <densimd/nn/matrix.hpp>

#include "check.hpp"
#include "data/moments.hpp"
#include "data/random.hpp"

namespace densimd::nn {
namespace {

template <class T>
void set_row(const T* from, Matrix<T>& to, std::size_t row) {
    for (std::size_t j = 0; j < to.cols(); ++j) to(row, j) = from[j];
}

template <class T>
std::pair<std::vector<double>, std::vector<double>> statistics_of(MatrixView<const T> X) {
    if (X.rows() == 0 || X.cols() == 0)
        throw Error("standardizer: X is " + std::to_string(X.rows()) + " x " + std::to_string(X.cols()) +
                    "; expected at least one row and one column");
    Moments moments = moments_of_columns(X);
    return {std::move(moments.mean), std::move(moments.deviation)};
}

// Result(i, j) = function(X(i, j), first[j], second[j]). Memory is made ready in pieces that stay in L1 until
// they are written. Rows without gaps are one long row, of which many narrow ones share a turn of the loop.
template <class Result, class T, class Function>
Matrix<Result> each_number(MatrixView<const T> X, std::vector<double> first, std::vector<double> second,
                           Function function) {
    constexpr std::size_t piece = 512;
    const std::size_t columns = X.cols();
    std::size_t count = columns == 0 ? 0 : X.rows(), length = columns;
    if (X.stride() == columns && columns > 0 && columns < piece) {
        length = piece / columns * columns;
        count = (X.rows() * columns + length - 1) / length;
        for (std::size_t j = columns; j < length; ++j) {
            first.push_back(first[j - columns]);
            second.push_back(second[j - columns]);
        }
    }
    std::vector<Result> values;
    values.reserve(X.rows() * columns);
    for (std::size_t i = 0; i < count; ++i) {
        const T* const from = X.data() + i * std::max(length, X.stride());
        const std::size_t done = values.size(), here = std::min(length, X.rows() * columns - done);
        values.resize(done + here);
        Result* const to = values.data() + done;
        for (std::size_t j = 0; j < here; ++j)
            to[j] = static_cast<Result>(function(static_cast<double>(from[j]), first[j], second[j]));
    }
    return {X.rows(), columns, std::move(values)};
}

template <class Result, class T>
Matrix<Result> standardized(MatrixView<const T> X, const std::vector<double>& mean,
                            std::vector<double> deviation) {
    check_columns("standardizer: X", X.cols(), mean.size());
    // A constant column becomes 0 whatever comes later, but a NaN or infinity stays visible.
    std::replace(deviation.begin(), deviation.end(), 0.0, std::numeric_limits<double>::infinity());
    return each_number<Result>(X, mean, std::move(deviation), [](double x, double center, double divisor) {
        return (x - center) / divisor;
    });
}

template <class Result, class T>
Matrix<Result> one_hot_of(MatrixView<const T> labels, std::size_t classes) {
    check_columns("one_hot: labels", labels.cols(), 1);
    Matrix<Result> result(labels.rows(), classes);
    for (std::size_t i = 0; i < labels.rows(); ++i) {
        const double label = static_cast<double>(labels(i, 0));
        if (!(label >= 0 && label < static_cast<double>(classes)) || label != std::floor(label))
            throw Error("one_hot: row " + std::to_string(i) + " has label " + text(label) +
                        "; expected a class number, at least 0 and less than " + std::to_string(classes));
        result(i, static_cast<std::size_t>(label)) = 1;
    }
    return result;
}

}  // namespace

std::vector<std::size_t> permutation(std::size_t count, std::uint64_t seed, std::uint64_t stream) {
    std::vector<std::size_t> order(count);
    shuffle(order, seed, stream, [](std::size_t i) { return i; });
    return order;
}

template <class T>
TrainTest<T> train_test_split(MatrixView<const T> X, MatrixView<const T> Y, double test_fraction,
                              std::uint64_t seed) {
    check_same_rows(X.rows(), Y.rows());
    const std::size_t test = share_of(X.rows(), test_fraction, "test_fraction");
    if (test == 0)
        throw Error("train_test_split: a test_fraction of " + text(test_fraction) + " of " +
                    std::to_string(X.rows()) + " rows leaves no row to test");
    const std::size_t train = X.rows() - test;
    TrainTest<T> parts{Matrix<T>(train, X.cols()), Matrix<T>(train, Y.cols()), Matrix<T>(test, X.cols()),
                       Matrix<T>(test, Y.cols())};
    const std::vector<std::size_t> order = permutation(X.rows(), seed, 0);
    for (std::size_t i = 0; i < X.rows(); ++i) {
        const bool to_test = i < test;
        const std::size_t row = to_test ? i : i - test;
        set_row(X.row(order[i]), to_test ? parts.X_test : parts.X_train, row);
        set_row(Y.row(order[i]), to_test ? parts.Y_test : parts.Y_train, row);
    }
    return parts;
}

template <class T>
Standardizer<T>::Standardizer(MatrixView<const float> X) {
    std::tie(mean_, deviation_) = statistics_of(X);
}

template <class T>
Standardizer<T>::Standardizer(MatrixView<const double> X) {
    std::tie(mean_, deviation_) = statistics_of(X);
}

template <class T>
Standardizer<T>::Standardizer(std::vector<double> mean, std::vector<double> deviation)
    : mean_(std::move(mean)), deviation_(std::move(deviation)) {
    if (mean_.size() != deviation_.size())
        throw Error("standardizer: " + std::to_string(mean_.size()) + " means and " +
                    std::to_string(deviation_.size()) + " deviations");
    for (std::size_t j = 0; j < mean_.size(); ++j)
        if (!std::isfinite(mean_[j]) || !std::isfinite(deviation_[j]) || deviation_[j] < 0)
            throw Error("standardizer: column " + std::to_string(j) + " has mean " + text(mean_[j]) +
                        " and deviation " + text(deviation_[j]) + "; expected finite, deviation >= 0");
}

template <class T>
Matrix<T> Standardizer<T>::transform(MatrixView<const float> X) const {
    return standardized<T>(X, mean_, deviation_);
}

template <class T>
Matrix<T> Standardizer<T>::transform(MatrixView<const double> X) const {
    return standardized<T>(X, mean_, deviation_);
}

template <class T>
template <class Result>
Matrix<Result> Standardizer<T>::inverse_transform(MatrixView<const T> X) const {
    check_columns("standardizer: X", X.cols(), mean_.size());
    return each_number<Result>(X, deviation_, mean_,
                               [](double x, double deviation, double mean) { return x * deviation + mean; });
}

Matrix<float> to_float(MatrixView<const double> X) {
    Matrix<float> result(X.rows(), X.cols());
    for (std::size_t i = 0; i < X.rows(); ++i) std::copy_n(X.row(i), X.cols(), result.row(i));
    return result;
}

template <class T>
Matrix<T> one_hot(MatrixView<const T> labels, std::size_t classes) {
    return one_hot_of<T>(labels, classes);
}

template <class Result, class T>
requires(!std::is_same_v<Result, T>) Matrix<Result> one_hot(MatrixView<const T> labels, std::size_t classes) {
    return one_hot_of<Result>(labels, classes);
}

template TrainTest<float> train_test_split<float>(MatrixView<const float>, MatrixView<const float>, double,
                                                  std::uint64_t);
template TrainTest<double> train_test_split<double>(MatrixView<const double>, MatrixView<const double>,
                                                    double, std::uint64_t);
template class Standardizer<float>;
template class Standardizer<double>;
template Matrix<float> Standardizer<float>::inverse_transform(MatrixView<const float>) const;
template Matrix<double> Standardizer<float>::inverse_transform(MatrixView<const float>) const;
template Matrix<float> Standardizer<double>::inverse_transform(MatrixView<const double>) const;
template Matrix<double> Standardizer<double>::inverse_transform(MatrixView<const double>) const;
template Matrix<float> one_hot<float>(MatrixView<const float>, std::size_t);
template Matrix<double> one_hot<double>(MatrixView<const double>, std::size_t);
template Matrix<float> one_hot<float, double>(MatrixView<const double>, std::size_t);
template Matrix<double> one_hot<double, float>(MatrixView<const float>, std::size_t);

}  // namespace densimd::nn
