// Preparing data: splitting it, standardising it, turning class numbers into one-hot rows.
#pragma once

#include <densimd/version.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <densimd/nn/matrix.hpp>

namespace densimd::nn {

/// Rows in random order, a pure function of (count, seed, stream): 0 .. count - 1, each once. Any order is as
/// likely as any other.
std::vector<std::size_t> permutation(std::size_t count, std::uint64_t seed, std::uint64_t stream);

template <class T>
struct TrainTest {
    Matrix<T> X_train, Y_train, X_test, Y_test;
};

/// Copies the rows into a test part of round(rows * test_fraction) rows and a training part of the rest,
/// shuffled by the seed. Throws Error if X and Y differ in rows, or if either part would be empty.
template <class T>
TrainTest<T> train_test_split(MatrixView<const T> X, MatrixView<const T> Y, double test_fraction,
                              std::uint64_t seed);
template <class T>
TrainTest<T> train_test_split(const Matrix<T>& X, const Matrix<T>& Y, double test_fraction,
                              std::uint64_t seed) {
    return train_test_split<T>(X.view(), Y.view(), test_fraction, seed);
}

/// Shifts and scales each column to mean 0 and standard deviation 1, with statistics that it keeps: fit them
/// on the training rows, then transform training, test and later rows alike. A constant column becomes 0.
/// All that is computed is computed in double. A Standardizer<float> makes floats of doubles as the last
/// thing that it does, so that times, identifiers and coordinates keep what tells them apart.
template <class T>
class Standardizer {
  public:
    /// Takes the statistics of X's columns, in one pass. Throws Error if X is empty or holds a NaN or an
    /// infinity.
    explicit Standardizer(MatrixView<const float> X);
    explicit Standardizer(MatrixView<const double> X);

    /// From statistics kept elsewhere. Throws Error if the lengths differ or a deviation is negative or not
    /// finite.
    Standardizer(std::vector<double> mean, std::vector<double> deviation);

    /// A standardised copy of X. Throws Error if X has another number of columns.
    Matrix<T> transform(MatrixView<const float> X) const;
    Matrix<T> transform(MatrixView<const double> X) const;

    /// The inverse, up to rounding: X * deviation + mean. As inverse_transform<double>, predictions of large
    /// numbers that differ little are not rounded to float.
    template <class Result = T>
    Matrix<Result> inverse_transform(MatrixView<const T> X) const;
    template <class Result = T>
    Matrix<Result> inverse_transform(const Matrix<T>& X) const {
        return inverse_transform<Result>(X.view());
    }

    const std::vector<double>& mean() const noexcept { return mean_; }
    const std::vector<double>& deviation() const noexcept { return deviation_; }

  private:
    std::vector<double> mean_, deviation_;
};

template <class T>
Standardizer(MatrixView<const T>) -> Standardizer<T>;
template <class T>
Standardizer(Matrix<T>) -> Standardizer<T>;

/// Each number rounded to float: for targets that need no Standardizer, such as those from 0 to 1.
Matrix<float> to_float(MatrixView<const double> X);

/// labels: one column of class numbers 0 .. classes - 1. Returns rows with a 1 in the column of their class
/// and 0 elsewhere. Throws Error naming the row of a label that is not a class number.
template <class T>
Matrix<T> one_hot(MatrixView<const T> labels, std::size_t classes);
template <class T>
Matrix<T> one_hot(const Matrix<T>& labels, std::size_t classes) {
    return one_hot<T>(labels.view(), classes);
}
/// one_hot<float>(labels, classes) of labels in double.
template <class Result, class T>
requires(!std::is_same_v<Result, T>) Matrix<Result> one_hot(MatrixView<const T> labels, std::size_t classes);
template <class Result, class T>
requires(!std::is_same_v<Result, T>) Matrix<Result> one_hot(const Matrix<T>& labels, std::size_t classes) {
    return one_hot<Result, T>(labels.view(), classes);
}

}  // namespace densimd::nn
