// Mean and standard deviation of a matrix's columns, at the speed at which it comes from memory.
#pragma once

#include <vector>

#include <densimd/nn/matrix.hpp>

namespace densimd::nn {

struct Moments {
    std::vector<double> mean, deviation;
};

/// Of each column. Throws Error for a column that holds a NaN or an infinity, or whose spread no double
/// holds.
template <class T>
Moments moments_of_columns(MatrixView<const T> X);

}  // namespace densimd::nn
