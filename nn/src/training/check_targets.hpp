// Checks of targets and of the last layer for a loss or a metric.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <densimd/nn/network.hpp>
#include <densimd/nn/training.hpp>
#include <densimd/subnormals.hpp>

#include "check.hpp"

namespace densimd::nn {

/// " in row 3, column 0 (counted from 0)"
inline std::string place(std::size_t row, std::size_t column) {
    return " in row " + std::to_string(row) + ", column " + std::to_string(column) + " (counted from 0)";
}

/// Whether all targets are between two numbers. `range` is said of them, by `whom`.
template <class T, class Report>
bool check_range(MatrixView<const T> Y, T lowest, T highest, const char* whom, const char* range,
                 const Report& report) {
    for (std::size_t i = 0; i < Y.rows(); ++i)
        for (std::size_t j = 0; j < Y.cols(); ++j)
            if (Y(i, j) < lowest || Y(i, j) > highest)
                return report([&] {
                    return std::string(whom) + ": Y has " + text(static_cast<double>(Y(i, j))) + place(i, j) +
                           "; expected numbers " + range;
                });
    return true;
}

template <class T, class Report>
bool check_loss(MatrixView<const T> Y, const std::vector<Dense>& layers, Loss loss, const Report& report) {
    const auto last_layer_is = [&](Activation activation, const char* name, const char* whom) {
        return layers.back().activation == activation || report([&] {
                   return std::string(whom) + " needs a last layer with " + name + "; layer " +
                          std::to_string(layers.size() - 1) + " (counted from 0) has another activation";
               });
    };
    switch (loss) {
        case Loss::mean_squared_error:
        case Loss::mean_absolute_error:
        case Loss::huber:
        case Loss::cosine_distance:
            return true;
        case Loss::binary_cross_entropy:
            return last_layer_is(Activation::sigmoid, "sigmoid", "binary_cross_entropy") &&
                   check_range<T>(Y, 0, 1, "binary_cross_entropy", "from 0 to 1", report);
        case Loss::categorical_cross_entropy:
            return last_layer_is(Activation::identity, "identity", "categorical_cross_entropy") &&
                   (Y.cols() >= 2 || report([&] {
                        return "categorical_cross_entropy needs an output for each class; found " +
                               std::to_string(Y.cols()) + ", expected at least 2";
                    })) &&
                   check_range<T>(Y, 0, std::numeric_limits<T>::max(), "categorical_cross_entropy",
                                  "of at least 0", report);
    }
    return report([] { return std::string("unknown loss"); });
}

/// Throws Error unless the metric says something of such targets, and of outputs that are trained with this
/// loss.
template <class T>
void check_metric(Metric metric, Loss loss, MatrixView<const T> Y) {
    const kernels::FlushSubnormals flush;
    const bool has_logits = loss == Loss::categorical_cross_entropy;
    switch (metric) {
        case Metric::none:
            return;
        case Metric::accuracy:
            check_range<T>(Y, 0, 1, "accuracy", "from 0 to 1, as of classes; for other targets there is r2",
                           Throw{});
            for (std::size_t i = 0; i < Y.rows() && Y.cols() > 1; ++i) {
                const T* const row = Y.row(i);
                const T most = *std::max_element(row, row + Y.cols());
                if (std::count(row, row + Y.cols(), most) > 1)
                    throw Error(
                        "accuracy: row " + std::to_string(i) +
                        " (counted from 0) of Y has no largest number, so no one class; for labels of which "
                        "several or none may be right there is label_accuracy");
            }
            return;
        case Metric::label_accuracy:
            if (has_logits)
                throw Error(
                    "label_accuracy compares probabilities with 1/2; outputs that are trained with "
                    "categorical_cross_entropy are logits, for which there is accuracy");
            return void(check_range<T>(Y, 0, 1, "label_accuracy", "from 0 to 1", Throw{}));
        case Metric::r2:
            if (has_logits)
                throw Error(
                    "r2 compares outputs with targets; outputs that are trained with "
                    "categorical_cross_entropy are logits, for which there is accuracy");
            return;
    }
    throw Error("unknown metric");
}

}  // namespace densimd::nn
