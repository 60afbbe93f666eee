// Splitting, standardising, one-hot rows, random order.
#include <densimd/nn/data.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include "check.hpp"
#include "random.hpp"

namespace densimd::nn {
namespace {

template <class T>
void set_row(const T* from, Matrix<T>& to, std::size_t row) {
    for (std::size_t j = 0; j < to.cols(); ++j) to(row, j) = from[j];
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
Standardizer<T>::Standardizer(MatrixView<const T> X) : mean_(X.cols()), deviation_(X.cols()) {
    if (X.rows() == 0 || X.cols() == 0)
        throw Error("standardizer: X is " + std::to_string(X.rows()) + " x " + std::to_string(X.cols()) +
                    "; expected at least one row and one column");
    check_finite(X, "standardizer: X");
    const double rows = static_cast<double>(X.rows());
    for (std::size_t j = 0; j < X.cols(); ++j) {
        // Distances to the first row: small for a column far from 0, all 0 for a constant one.
        const double origin = static_cast<double>(X(0, j));
        double largest = 0;
        for (std::size_t i = 0; i < X.rows(); ++i)
            largest = std::max(largest, std::abs(static_cast<double>(X(i, j)) - origin));
        if (!std::isfinite(largest))
            throw Error("standardizer: the spread of column " + std::to_string(j) + " is too large");
        double sum = 0, squares = 0;
        if (largest > 0)
            for (std::size_t i = 0; i < X.rows(); ++i)
                sum += (static_cast<double>(X(i, j)) - origin) / largest;
        for (std::size_t i = 0; i < X.rows() && largest > 0; ++i) {
            const double distance = (static_cast<double>(X(i, j)) - origin) / largest - sum / rows;
            squares += distance * distance;
        }
        mean_[j] = origin + largest * (sum / rows);
        deviation_[j] = largest * std::sqrt(squares / rows);
    }
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
Matrix<T> Standardizer<T>::transform(MatrixView<const T> X) const {
    check_columns("standardizer: X", X.cols(), mean_.size());
    Matrix<T> result(X.rows(), X.cols());
    for (std::size_t i = 0; i < X.rows(); ++i)
        for (std::size_t j = 0; j < X.cols(); ++j) {
            const double distance = static_cast<double>(X(i, j)) - mean_[j];
            // A constant column becomes 0 whatever comes later, but a NaN or infinity stays visible.
            result(i, j) = static_cast<T>(deviation_[j] == 0 ? distance * 0 : distance / deviation_[j]);
        }
    return result;
}

template <class T>
Matrix<T> Standardizer<T>::inverse_transform(MatrixView<const T> X) const {
    check_columns("standardizer: X", X.cols(), mean_.size());
    Matrix<T> result(X.rows(), X.cols());
    for (std::size_t i = 0; i < X.rows(); ++i)
        for (std::size_t j = 0; j < X.cols(); ++j)
            result(i, j) = static_cast<T>(static_cast<double>(X(i, j)) * deviation_[j] + mean_[j]);
    return result;
}

template <class T>
Matrix<T> one_hot(MatrixView<const T> labels, std::size_t classes) {
    check_columns("one_hot: labels", labels.cols(), 1);
    Matrix<T> result(labels.rows(), classes);
    for (std::size_t i = 0; i < labels.rows(); ++i) {
        const T label = labels(i, 0);
        if (!(label >= 0 && label < static_cast<T>(classes)) || label != std::floor(label))
            throw Error("one_hot: row " + std::to_string(i) + " has label " +
                        text(static_cast<double>(label)) +
                        "; expected a class number, at least 0 and less than " + std::to_string(classes));
        result(i, static_cast<std::size_t>(label)) = 1;
    }
    return result;
}

template TrainTest<float> train_test_split<float>(MatrixView<const float>, MatrixView<const float>, double,
                                                  std::uint64_t);
template TrainTest<double> train_test_split<double>(MatrixView<const double>, MatrixView<const double>,
                                                    double, std::uint64_t);
template class Standardizer<float>;
template class Standardizer<double>;
template Matrix<float> one_hot<float>(MatrixView<const float>, std::size_t);
template Matrix<double> one_hot<double>(MatrixView<const double>, std::size_t);

}  // namespace densimd::nn
