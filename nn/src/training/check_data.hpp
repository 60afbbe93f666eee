// Checks of X and Y for training and evaluation.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <densimd/kernels.hpp>
#include <densimd/nn/network.hpp>
#include <densimd/subnormals.hpp>

#include "check.hpp"
#include "training/check_targets.hpp"

namespace densimd::nn {

/// Whether X and Y are finite, have rows, fit the layers, and suit the loss.
template <class T, class Report>
bool check_data(const kernels::Kernels<T>& k, const std::vector<Dense>& layers, const MatrixView<const T>& X,
                const MatrixView<const T>& Y, Loss loss, const Report& report) {
    const kernels::FlushSubnormals flush;
    if (!check_columns("X", X.cols(), layers.front().inputs, report) ||
        !check_columns("Y", Y.cols(), layers.back().outputs, report) ||
        !check_same_rows(X.rows(), Y.rows(), report))
        return false;
    if (X.rows() == 0) return report([] { return std::string("X and Y have no rows; expected at least 1"); });
    const auto is_finite = [&](MatrixView<const T> M, const char* name) {
        const std::size_t rows_per_call =
            M.stride() == M.cols() ? M.rows() : 1;  // a call costs as much as a few rows
        for (std::size_t i = 0; i < M.rows(); i += rows_per_call)
            if (!k.all_finite(rows_per_call * M.cols(), M.row(i)))
                return report([&] { return not_finite(M, name); });
        return true;
    };
    return is_finite(X, "X") && is_finite(Y, "Y") && check_loss(Y, layers, loss, report);
}

}  // namespace densimd::nn
