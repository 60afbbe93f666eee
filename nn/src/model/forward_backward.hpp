// Some rows on their way through a network: forward, loss, backward, update. Checks nothing, allocates
// nothing.
#pragma once

#include <cstddef>
#include <vector>

#include <densimd/kernels.hpp>
#include <densimd/nn/network.hpp>

#include "data/rows.hpp"
#include "model/dispatch.hpp"
#include "parallel/range.hpp"

namespace densimd::nn {

/// Carries rows through the layers, forwards and backwards, with a network's parameters and a workspace's
/// memory. A `workspace_row` is the first of the workspace's rows that a call uses.
template <class T>
class ForwardBackward {
  public:
    ForwardBackward(const kernels::Kernels<T>& kernels, const std::vector<Dense>& layers, const T* parameters,
                    Workspace<T>& workspace)
        : k_(kernels), layers_(layers), parameters_(parameters), w_(workspace) {}

    /// out = the outputs of all layers for X; hidden layers' outputs go to the workspace. With `logits`, the
    /// last layer's activation is left out.
    void forward(MatrixView<const T> X, std::size_t workspace_row, MatrixView<T> out,
                 bool logits) const noexcept {
        forward_from(0, X, workspace_row, out, logits);
    }

    /// forward in two parts: some columns of the first layer's outputs for the workspace's first rows; then
    /// the other layers for rows from `workspace_row` on.
    void forward_first(MatrixView<const T> X, Range columns, bool logits) const noexcept {
        const Dense& layer = layers_.front();
        const MatrixView<T> output = rows(w_.activations_.front(), 0, X.rows());
        k_.dense_forward_columns(X.rows(), layer.inputs, layer.outputs, columns.first, columns.count(),
                                 X.data(), X.stride(), weights(layer), layer.stride, biases(layer),
                                 activation(0, logits), output.data(), output.stride());
    }
    void forward_rest(std::size_t workspace_row, MatrixView<T> out, bool logits) const noexcept {
        forward_from(1, rows(w_.activations_.front(), workspace_row, out.rows()), workspace_row, out, logits);
    }

    /// A layer's outputs, the last layer's outputs, and a layer's dZ, of `count` rows of the workspace.
    MatrixView<T> activations(std::size_t l, std::size_t workspace_row, std::size_t count) const noexcept {
        return rows(w_.activations_[l], workspace_row, count);
    }
    MatrixView<T> outputs(std::size_t workspace_row, std::size_t count) const noexcept {
        return rows(w_.activations_.back(), workspace_row, count);
    }
    MatrixView<T> gradients(std::size_t l, std::size_t workspace_row, std::size_t count) const noexcept {
        return rows(w_.gradients_[l], workspace_row, count);
    }

    /// Losses of those rows and, if wanted, dZ of the last layer.
    void loss(MatrixView<const T> Y, std::size_t workspace_row, Loss loss, bool gradient) const noexcept {
        if (Y.rows() == 0) return;
        const MatrixView<T> A = outputs(workspace_row, Y.rows());
        const MatrixView<T> dA =
            gradient ? rows(w_.gradients_.back(), workspace_row, Y.rows()) : MatrixView<T>();
        call_loss<T>(k_, loss, A, Y, dA, losses(workspace_row));
        if (gradient && !kernels::takes_logits(loss))
            // One call for all rows: A and dA have the same stride, and the zeros between rows stay zeros.
            times_derivative(k_, layers_.back().activation, (Y.rows() - 1) * A.stride() + Y.cols(), A.data(),
                             dA.data());
    }

    /// dZ of all layers below the last, for `count` rows of a batch of `batch`.
    void backward(std::size_t workspace_row, std::size_t count, std::size_t batch) const noexcept {
        for (std::size_t l = layers_.size() - 1; l > 0; --l) {
            const Dense& layer = layers_[l];
            const MatrixView<T> dZ = rows(w_.gradients_[l], workspace_row, count),
                                dX = rows(w_.gradients_[l - 1], workspace_row, count);
            const MatrixView<T> X = rows(w_.activations_[l - 1], workspace_row, count);
            k_.dense_backward_input_rows(batch, count, layer.inputs, layer.outputs, dZ.data(), dZ.stride(),
                                    weights(layer), layer.stride, X.data(), X.stride(),
                                    layers_[l - 1].activation, dX.data(), dX.stride());
        }
    }

    /// Calls body(layer, its input, its dZ) for every layer, for the workspace's first `X.rows()` rows.
    template <class Body>
    void for_each_gradient(MatrixView<const T> X, const Body& body) const noexcept {
        MatrixView<const T> input = X;
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            body(layers_[l], input, MatrixView<const T>(rows(w_.gradients_[l], 0, X.rows())));
            input = rows(w_.activations_[l], 0, X.rows());
        }
    }

    /// W += scale X^T dZ and b += scale (sum of dZ's rows), for some of the layer's outputs.
    void update_columns(const Dense& layer, Range columns, MatrixView<const T> X, MatrixView<const T> dZ,
                        T scale, T* parameters) const noexcept {
        k_.dense_update(X.rows(), layer.inputs, columns.count(), X.data(), X.stride(),
                        dZ.data() + columns.first, dZ.stride(), scale,
                        parameters + layer.weights + columns.first, layer.stride,
                        parameters + layer.biases + columns.first);
    }

    /// dW = X^T dZ for the rows of W from `row` on, one for each column of X, and with `biases` db = the sum
    /// of dZ's rows, at their places in `gradient`, which is laid out like the parameters.
    void weight_gradient(const Dense& layer, std::size_t row, MatrixView<const T> X, MatrixView<const T> dZ,
                         bool biases, T* gradient) const noexcept {
        k_.gemm_tn(X.rows(), X.cols(), layer.outputs, X.data(), X.stride(), dZ.data(), dZ.stride(),
                   gradient + layer.weights + row * layer.stride, layer.stride);
        const T one = 1;
        if (biases)
            k_.gemm_tn(X.rows(), 1, layer.outputs, &one, 0, dZ.data(), dZ.stride(), gradient + layer.biases,
                       layer.outputs);
    }

    /// Scratch memory for kernels that take whole networks.
    T* scratch() const noexcept { return w_.scratch(layers_, 0); }

    T* losses(std::size_t workspace_row) const noexcept {
        return w_.memory_.data() + w_.losses_ + workspace_row;
    }

    /// The sigmoid that `forward` left out with `logits`.
    void activate_logits(std::size_t workspace_row, std::size_t count) const noexcept {
        const MatrixView<T> Z = outputs(workspace_row, count);
        for (std::size_t i = 0; i < count; ++i) k_.sigmoid(Z.cols(), Z.row(i), Z.row(i));
    }

    /// Rows first .. first + count - 1 of `source`: in place, or where `gather` copies them to from workspace
    /// row 0 on, if needs_gather.
    MatrixView<const T> inputs(const Rows<T>& source, std::size_t first, std::size_t count) const noexcept {
        return located(source, source.X, first, count, batch_inputs(0, count));
    }
    MatrixView<const T> targets(const Rows<T>& source, std::size_t first, std::size_t count) const noexcept {
        return located(source, source.Y, first, count, batch_targets(0, count));
    }

    /// Whether the rows do not lie one after the other, so that matrix kernels need a copy.
    static bool needs_gather(const Rows<T>& source, std::size_t count) noexcept {
        return source.order != nullptr && count > 1;
    }

    /// Copies rows first .. first + count - 1 to the workspace's rows from `workspace_row` on.
    void gather(const Rows<T>& source, std::size_t first, std::size_t workspace_row,
                std::size_t count) const noexcept {
        gather_rows(source, source.X, first, batch_inputs(workspace_row, count));
        gather_rows(source, source.Y, first, batch_targets(workspace_row, count));
    }
    void gather_inputs(const Rows<T>& source, std::size_t first, std::size_t workspace_row,
                       std::size_t count) const noexcept {
        gather_rows(source, source.X, first, batch_inputs(workspace_row, count));
    }
    void gather_targets(const Rows<T>& source, std::size_t first, std::size_t workspace_row,
                        std::size_t count) const noexcept {
        gather_rows(source, source.Y, first, batch_targets(workspace_row, count));
    }
    MatrixView<T> batch_inputs(std::size_t workspace_row, std::size_t count) const noexcept {
        return rows(w_.inputs_, workspace_row, count);
    }

  private:
    using Block = typename Workspace<T>::Block;

    void forward_from(std::size_t first, MatrixView<const T> input, std::size_t workspace_row,
                      MatrixView<T> out, bool logits) const noexcept {
        for (std::size_t l = first; l < layers_.size(); ++l) {
            const Dense& layer = layers_[l];
            const MatrixView<T> output =
                l + 1 == layers_.size() ? out : rows(w_.activations_[l], workspace_row, input.rows());
            k_.dense_forward(input.rows(), layer.inputs, layer.outputs, input.data(), input.stride(),
                             weights(layer), layer.stride, biases(layer), activation(l, logits),
                             output.data(), output.stride());
            input = output;
        }
    }

    static void gather_rows(const Rows<T>& source, MatrixView<const T> from, std::size_t first,
                            MatrixView<T> to) noexcept {
        if (source.order)
            copy_rows(from, source.order + first, to);
        else
            copy_rows(from.middle_rows(first, to.rows()), nullptr, to);
    }

    MatrixView<T> batch_targets(std::size_t workspace_row, std::size_t count) const noexcept {
        return rows(w_.targets_, workspace_row, count);
    }

    Activation activation(std::size_t l, bool logits) const noexcept {
        return logits && l + 1 == layers_.size() ? Activation::identity : layers_[l].activation;
    }

    MatrixView<T> rows(const Block& block, std::size_t workspace_row, std::size_t count) const noexcept {
        T* const first = w_.memory_.data() + block.offset + workspace_row * block.stride;
        return MatrixView<T>::unchecked(first, count, block.width, block.stride);
    }

    static MatrixView<const T> located(const Rows<T>& source, MatrixView<const T> all, std::size_t first,
                                       std::size_t count, MatrixView<const T> gathered) noexcept {
        if (needs_gather(source, count)) return gathered;
        return all.middle_rows(source.order ? source.order[first] : first, count);
    }

    const T* weights(const Dense& layer) const noexcept { return parameters_ + layer.weights; }
    const T* biases(const Dense& layer) const noexcept { return parameters_ + layer.biases; }

    const kernels::Kernels<T>& k_;
    const std::vector<Dense>& layers_;
    const T* parameters_;
    Workspace<T>& w_;
};

}  // namespace densimd::nn
