// Metrics over rows, taken while they are in the cache.
#pragma once

#include <densimd/nn/matrix.hpp>
#include <densimd/nn/training.hpp>

#include "data/rows.hpp"

namespace densimd::nn {

/// Adds up a metric over blocks of rows.
template <class T>
class MetricSum {
  public:
    /// For r2, `all` are the rows that will be added: their targets give the distances to the mean.
    MetricSum(Metric metric, const Rows<T>& all);

    void clear() { sum_ = 0; }
    void add(MatrixView<const T> outputs, MatrixView<const T> targets);
    double value() const;

  private:
    Metric metric_;
    double rows_, cols_, sum_ = 0, spread_ = 0;
};

}  // namespace densimd::nn
