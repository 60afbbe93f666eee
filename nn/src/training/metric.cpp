// Accuracy, label accuracy and R2.
#include "training/metric.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include <densimd/subnormals.hpp>

namespace densimd::nn {
namespace {

// A row with a NaN is wrong.
template <class T>
bool right(const T* output, const T* target, std::size_t width) {
    if (std::any_of(output, output + width, [](T value) { return std::isnan(value); })) return false;
    if (width == 1) return (*output >= T(0.5)) == (*target >= T(0.5));
    return std::max_element(output, output + width) - output ==
           std::max_element(target, target + width) - target;
}

template <class T>
const T* target_row(const Rows<T>& rows, std::size_t i) {
    return rows.Y.row(rows.order ? rows.order[i] : i);
}

// The sum over rows and columns of squared distances to the column's mean.
template <class T>
double spread(const Rows<T>& rows) {
    const kernels::FlushSubnormals flush;
    double total = 0;
    for (std::size_t j = 0; j < rows.Y.cols(); ++j) {
        double mean = 0;
        for (std::size_t i = 0; i < rows.count; ++i) mean += static_cast<double>(target_row(rows, i)[j]);
        mean /= static_cast<double>(rows.count);
        for (std::size_t i = 0; i < rows.count; ++i) {
            const double distance = static_cast<double>(target_row(rows, i)[j]) - mean;
            total += distance * distance;
        }
    }
    return total;
}

}  // namespace

template <class T>
MetricSum<T>::MetricSum(Metric metric, const Rows<T>& all)
    : metric_(metric),
      rows_(static_cast<double>(all.count)),
      cols_(static_cast<double>(all.Y.cols())),
      spread_(metric == Metric::r2 ? spread(all) : 0) {}

template <class T>
void MetricSum<T>::add(MatrixView<const T> outputs, MatrixView<const T> targets) {
    for (std::size_t i = 0; i < targets.rows(); ++i) {
        const T *output = outputs.row(i), *target = targets.row(i);
        if (metric_ == Metric::accuracy)
            sum_ += right(output, target, targets.cols()) ? 1 : 0;
        else if (metric_ == Metric::label_accuracy)
            for (std::size_t j = 0; j < targets.cols(); ++j) sum_ += right(output + j, target + j, 1) ? 1 : 0;
        else
            for (std::size_t j = 0; j < targets.cols(); ++j) {
                const double residual = static_cast<double>(output[j]) - static_cast<double>(target[j]);
                sum_ += residual * residual;
            }
    }
}

template <class T>
double MetricSum<T>::value() const {
    switch (metric_) {
        case Metric::accuracy:
            return sum_ / rows_;
        case Metric::label_accuracy:
            return sum_ / (rows_ * cols_);
        case Metric::r2:
            return spread_ > 0 ? 1 - sum_ / spread_ : sum_ > 0 ? 0 : 1;
        default:
            return std::numeric_limits<double>::quiet_NaN();
    }
}

template class MetricSum<float>;
#if DENSIMD_DOUBLE
template class MetricSum<double>;
#endif

}  // namespace densimd::nn
