// Eigen, as its documentation advises: maps, noalias(), whole expressions. It chooses between its products of
// matrices and of vectors by itself.
#include <Eigen/Dense>

#include "level.hpp"

namespace densimd::bench::DENSIMD_LEVEL {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Map = Eigen::Map<Matrix>;
using ConstMap = Eigen::Map<const Matrix>;
using Row = Eigen::Map<Eigen::RowVectorXf>;
using ConstRow = Eigen::Map<const Eigen::RowVectorXf>;

Eigen::Index size(std::size_t n) { return static_cast<Eigen::Index>(n); }

}  // namespace

kernels::Kernels<float> eigen() noexcept {
    kernels::Kernels<float> k = {};
    k.sigmoid = [](std::size_t n, const float* x, float* y) noexcept {
        Row(y, size(n)).array() = ConstRow(x, size(n)).array().logistic();
    };
    k.gemv = [](std::size_t in, std::size_t out, const float* x, const float* W, std::size_t, const float* b,
                float* y) noexcept {
        Row result(y, size(out));
        result = ConstRow(b, size(out));
        result.noalias() += ConstRow(x, size(in)) * ConstMap(W, size(in), size(out));
    };
    k.gemv_t = [](std::size_t in, std::size_t out, const float* dz, const float* W, std::size_t,
                  float* dx) noexcept {
        Row(dx, size(in)).transpose().noalias() =
            ConstMap(W, size(in), size(out)) * ConstRow(dz, size(out)).transpose();
    };
    k.ger = [](std::size_t in, std::size_t out, float alpha, const float* x, const float* dz, float* W,
               std::size_t) noexcept {
        Map(W, size(in), size(out)).noalias() +=
            (alpha * ConstRow(x, size(in))).transpose() * ConstRow(dz, size(out));
    };
    k.dense_forward = [](std::size_t batch, std::size_t in, std::size_t out, const float* X, std::size_t,
                         const float* W, std::size_t, const float* b, kernels::Activation, float* A,
                         std::size_t) noexcept {
        const ConstMap weights(W, size(in), size(out));
        Map result(A, size(batch), size(out));
        // Of the ways to write it those that were fastest here: the bias first, then logistic() over
        // everything. For some of the smallest products the lazy one is up to 1.7 times faster; Eigen's own
        // threshold for it is lower.
        if (out > 1 && in * out <= 512 && batch <= 8 && (batch == 1 || out % 16 == 0)) {
            result.rowwise() = ConstRow(b, size(out));
            result += ConstMap(X, size(batch), size(in)).lazyProduct(weights);
        } else if (batch == 1) {
            Row row(A, size(out));
            row = ConstRow(b, size(out));
            row.noalias() += ConstRow(X, size(in)) * weights;
        } else {
            result.rowwise() = ConstRow(b, size(out));
            result.noalias() += ConstMap(X, size(batch), size(in)) * weights;
        }
        result = result.array().logistic();
    };
    k.dense_update = [](std::size_t batch, std::size_t in, std::size_t out, const float* X, std::size_t,
                        const float* dZ, std::size_t, float scale, float* W, std::size_t, float* b) noexcept {
        const ConstMap gradient(dZ, size(batch), size(out));
        Map(W, size(in), size(out)).noalias() +=
            (scale * ConstMap(X, size(batch), size(in)).transpose()) * gradient;
        Row(b, size(out)).noalias() += scale * gradient.colwise().sum();
    };
    return k;
}

}  // namespace densimd::bench::DENSIMD_LEVEL
