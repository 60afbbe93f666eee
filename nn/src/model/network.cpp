// Building a network, its parameters, and prediction.
#include <densimd/nn/network.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <densimd/kernels.hpp>
#include <densimd/subnormals.hpp>

#include "check.hpp"
#include "data/random.hpp"
#include "model/layout.hpp"
#include "model/names.hpp"
#include "model/subnormals.hpp"
#include "parallel/range.hpp"
#include "parallel/team.hpp"

namespace densimd::nn {
namespace {

// Rows that a network takes through its layers at a time when the caller brings no workspace: enough to keep
// the kernels busy, few enough for the activations to stay in the cache.
constexpr std::size_t rows_at_a_time = 64;

std::uint64_t next_layout() {
    static std::atomic<std::uint64_t> last = 0;
    return ++last;
}

}  // namespace

template <class T>
BasicNetwork<T>::BasicNetwork(NetworkOptions options)
    : kernels_(&kernels::active<T>()),
      seed_(options.seed),
      layout_(next_layout()),
      layers_(lay_out<T>(options)),
      parameters_(parameters_of<T>(layers_)) {
    for (std::size_t l = 0; l < layers_.size(); ++l) {
        // Streams from the top, so that they are none of those that shuffle epochs.
        Random random(seed_, ~static_cast<std::uint64_t>(l));
        const double limit = std::sqrt(6 / static_cast<double>(layers_[l].inputs + layers_[l].outputs));
        const MatrixView<T> W = layer(l).weights;
        for (std::size_t k = 0; k < W.rows(); ++k)
            for (std::size_t j = 0; j < W.cols(); ++j)
                W(k, j) = static_cast<T>(limit * (2 * random.uniform() - 1));
    }
}

template <class T>
DenseView<T> BasicNetwork<T>::layer(std::size_t index) {
    const DenseView<const T> found = std::as_const(*this).layer(index);
    const Dense& dense = layers_[index];
    return {{parameters_.data() + dense.weights, dense.inputs, dense.outputs, dense.stride},
            {parameters_.data() + dense.biases, dense.outputs},
            found.activation,
            kernels_};
}

template <class T>
DenseView<const T> BasicNetwork<T>::layer(std::size_t index) const {
    if (index >= layers_.size())
        throw Error("network: there is no layer " + std::to_string(index) + "; there are " +
                    std::to_string(layers_.size()));
    const Dense& dense = layers_[index];
    return {{parameters_.data() + dense.weights, dense.inputs, dense.outputs, dense.stride},
            {parameters_.data() + dense.biases, dense.outputs},
            dense.activation,
            kernels_};
}

template <class T>
Workspace<T> BasicNetwork<T>::make_workspace(std::size_t batch) const {
    return Workspace<T>(*kernels_, layers_, layout_, batch);
}

template <class T>
Matrix<T> BasicNetwork<T>::predict(const MatrixView<const T>& X, int threads) const {
    Matrix<T> out(X.rows(), outputs());
    check_threads(threads);
    const std::size_t batch = std::min(X.rows(), rows_at_a_time * static_cast<std::size_t>(threads));
    Workspace<T> workspace = make_workspace(std::max<std::size_t>(batch, 1));
    predict(X, out, workspace, threads);
    return out;
}

template <class T>
void BasicNetwork<T>::predict(const MatrixView<const T>& X, const MatrixView<T>& out, Workspace<T>& workspace,
                              int threads) const {
    check_threads(threads);
    check_columns("predict: X", X.cols(), inputs());
    check_columns("predict: out", out.cols(), outputs());
    if (out.rows() != X.rows())
        throw Error("predict: out has " + std::to_string(out.rows()) + " rows; expected " +
                    std::to_string(X.rows()));
    if (!workspace.fits(layers_, layout_))
        throw Error("predict: the workspace was made for a network of another shape; expected " +
                    shape_of(layers_));
    const double work = static_cast<double>(X.rows()) * static_cast<double>(parameters_.size());
    const auto most = static_cast<int>(std::min<std::size_t>(workspace.batch(), 1 << 16));
    const int team = useful_threads(std::min(threads, most), {work});
    if (team == 1)
        predict_alone(X, out, workspace);
    else
        predict_on_team(X, out, workspace, team);
}

template <class T>
bool BasicNetwork<T>::try_predict(const MatrixView<const T>& X, const MatrixView<T>& out,
                                  Workspace<T>& workspace) const noexcept {
    if (X.cols() != inputs() || out.cols() != outputs() || out.rows() != X.rows() ||
        !workspace.fits(layers_, layout_))
        return false;
    predict_alone(X, out, workspace);
    return true;
}

template <class T>
inline void BasicNetwork<T>::predict_alone(const MatrixView<const T>& X, const MatrixView<T>& out,
                                           Workspace<T>& workspace) const noexcept {
    const auto forward = [&] {
        kernels_->network_forward(X.rows(), layers_.size(), layers_.data(), parameters_.data(), X.data(),
                                  X.stride(), out.data(), out.stride(), workspace.batch(),
                                  workspace.scratch(layers_, 0));
    };
    constexpr std::size_t few_parameters = 1 << 14;
    if (X.rows() == 1 && parameters_.size() <= few_parameters) {
        // The others use what could be an exact subnormal number once more; see kernels.hpp.
        const Activation last = layers_.back().activation;
        const bool is_unread = last == Activation::identity || last == Activation::leaky_relu;
        return compute_flushed(is_unread ? outputs() : 0, out.data(), forward);
    }
    const kernels::FlushSubnormals flush;
    forward();
}

template <class T>
void BasicNetwork<T>::predict_on_team(const MatrixView<const T>& X, const MatrixView<T>& out,
                                      Workspace<T>& workspace, int threads) const noexcept {
    on_team(threads, [&](ThreadContext thread) {
        const Range rows = thread.part_of(X.rows()), workspace_rows = thread.part_of(workspace.batch());
        kernels_->network_forward(rows.count(), layers_.size(), layers_.data(), parameters_.data(),
                                  X.row(rows.first), X.stride(), out.row(rows.first), out.stride(),
                                  workspace_rows.count(), workspace.scratch(layers_, workspace_rows.first));
    });
}

template class BasicNetwork<float>;
#if DENSIMD_DOUBLE
template class BasicNetwork<double>;
#endif

}  // namespace densimd::nn
