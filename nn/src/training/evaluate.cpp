// Evaluation, and the gradient of the loss.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>

#include <densimd/nn/network.hpp>
#include <densimd/subnormals.hpp>

#include "check.hpp"
#include "data/rows.hpp"
#include "model/forward_backward.hpp"
#include "training/check_batch.hpp"
#include "training/check_data.hpp"
#include "training/data_parallel_pass.hpp"

namespace densimd::nn {

template <class T>
Evaluation BasicNetwork<T>::evaluate(MatrixView<const T> X, MatrixView<const T> Y, Loss loss, Metric metric,
                                     int threads) const {
    check_threads(threads);
    check_data(*kernels_, layers_, X, Y, loss, Throw{});
    check_metric(metric, loss, Y);
    const Rows<T> rows{X, Y, nullptr, X.rows()};
    Workspace<T> workspace = make_workspace(std::min<std::size_t>(X.rows(), 256));
    return DataParallelPass<T>{*kernels_, layers_, workspace, rows, loss, threads}.evaluate(
        parameters_.data(), metric);
}

template <class T>
T BasicNetwork<T>::gradient(MatrixView<const T> X, MatrixView<const T> Y, Loss loss, std::span<T> gradient,
                            Workspace<T>& workspace) const {
    const kernels::FlushSubnormals flush;
    check_data(*kernels_, layers_, X, Y, loss, Throw{});
    check_batch(layers_, X.rows(), workspace, workspace.fits(layers_, layout_), Throw{});
    if (gradient.size() != parameters_.size())
        throw Error("gradient: the buffer has " + std::to_string(gradient.size()) + " elements; expected " +
                    std::to_string(parameters_.size()));
    const Rows<T> rows{X, Y, nullptr, X.rows()};
    const double losses = DataParallelPass<T>{*kernels_, layers_, workspace, rows, loss, 1}.forward(
        parameters_.data(), 0, X.rows(), true);
    if (!std::isfinite(losses)) throw Error("gradient: the loss is " + text(losses));
    std::fill(gradient.begin(), gradient.end(), T(0));
    const ForwardBackward<T> network(*kernels_, layers_, parameters_.data(), workspace);
    network.for_each_gradient(X, [&](const Dense& layer, MatrixView<const T> input, MatrixView<const T> dZ) {
        network.weight_gradient(layer, 0, input, dZ, true, gradient.data());
    });
    const T count = static_cast<T>(X.rows());
    for (T& g : gradient) g /= count;
    return mean_of<T>(losses, X.rows());
}

// Each file instantiates the members that it defines.
#define DENSIMD_INSTANTIATE(T)                                                                            \
    template Evaluation BasicNetwork<T>::evaluate(MatrixView<const T>, MatrixView<const T>, Loss, Metric, \
                                                  int) const;                                             \
    template T BasicNetwork<T>::gradient(MatrixView<const T>, MatrixView<const T>, Loss, std::span<T>,    \
                                         Workspace<T>&) const;
DENSIMD_INSTANTIATE(float)
#if DENSIMD_DOUBLE
DENSIMD_INSTANTIATE(double)
#endif
#undef DENSIMD_INSTANTIATE

}  // namespace densimd::nn
