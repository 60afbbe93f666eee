// One pass of some rows through a network: forward, loss, backward, update. Checks nothing, allocates
// nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include <densimd/nn/network.hpp>

#include "parallel.hpp"

namespace densimd::nn {

/// Rows of a data set in the order in which they are used: order[i], or i when `order` is null.
template <class T>
struct Rows {
    MatrixView<const T> X, Y;
    const std::size_t* order = nullptr;
    std::size_t count = 0;
};

/// Copies rows order[0] .. order[count - 1] of `from`, or its first ones if `order` is null. A few bytes take
/// a call of memcpy longer than copies of a fixed size, of which the last overlaps the one before. Long rows
/// in an order are fetched two ahead, as much of them as L1 has room for: no prefetcher knows where they lie.
template <class T>
void copy_rows(MatrixView<const T> from, const std::size_t* order, MatrixView<T> to) noexcept {
    const std::size_t bytes = to.cols() * sizeof(T), count = to.rows();
    const auto row = [&](std::size_t i) {
        return reinterpret_cast<const std::byte*>(from.row(order ? order[i] : i));
    };
    const auto copy = [&](auto copy_row) {
        for (std::size_t i = 0; i < count; ++i) copy_row(i, row(i), reinterpret_cast<std::byte*>(to.row(i)));
    };
    const auto in_pieces = [&]<std::size_t size>() {
        copy([bytes](std::size_t, const std::byte* source, std::byte* target) {
            for (std::size_t i = 0; i + size < bytes; i += size) std::memcpy(target + i, source + i, size);
            std::memcpy(target + bytes - size, source + bytes - size, size);
        });
    };
    if (bytes >= 1024 && order)
        copy([&](std::size_t i, const std::byte* source, std::byte* target) {
            if (i + 2 < count)
                for (std::size_t at = 0; at < std::min<std::size_t>(bytes, 8192); at += 64)
                    __builtin_prefetch(row(i + 2) + at);
            std::memcpy(target, source, bytes);
        });
    else if (bytes >= 128)
        copy([bytes](std::size_t, const std::byte* source, std::byte* target) {
            std::memcpy(target, source, bytes);
        });
    else if (bytes >= 16)
        in_pieces.template operator()<16>();
    else if (bytes >= 8)
        in_pieces.template operator()<8>();
    else
        in_pieces.template operator()<4>();
}

/// ds[n] times the derivative of an activation with the output a[n].
template <class T>
void times_derivative(const kernels::Kernels<T>& k, Activation activation, std::size_t n, const T* a,
                      T* ds) noexcept {
    switch (activation) {
        case Activation::sigmoid:
            return k.sigmoid_grad(n, a, ds, ds);
        case Activation::tanh:
            return k.tanh_grad(n, a, ds, ds);
        case Activation::softplus:
            return k.softplus_grad(n, a, ds, ds);
        case Activation::relu:
            return k.relu_grad(n, a, ds, ds);
        case Activation::leaky_relu:
            return k.leaky_relu_grad(n, kernels::leaky_relu_slope<T>, a, ds, ds);
        case Activation::elu:
            return k.elu_grad(n, kernels::elu_alpha<T>, a, ds, ds);
        case Activation::identity:
        // No network has these: see its constructor.
        case Activation::gelu:
        case Activation::gelu_tanh:
        case Activation::silu:
            return;
    }
}

/// Losses of the rows of A, and their gradient unless dA is empty.
template <class T>
void call_loss(const kernels::Kernels<T>& k, Loss loss, MatrixView<const T> A, MatrixView<const T> Y,
               MatrixView<T> dA, T* losses) noexcept {
    const auto call = [&](auto kernel, auto... delta) {
        kernel(Y.rows(), Y.cols(), delta..., A.data(), A.stride(), Y.data(), Y.stride(), dA.data(),
               dA.stride(), losses);
    };
    switch (loss) {
        case Loss::mean_squared_error:
            return call(k.mean_squared_error);
        case Loss::mean_absolute_error:
            return call(k.mean_absolute_error);
        case Loss::huber:
            return call(k.huber, kernels::huber_delta<T>);
        case Loss::binary_cross_entropy:
            return call(k.binary_cross_entropy);
        case Loss::categorical_cross_entropy:
            return call(k.categorical_cross_entropy);
        case Loss::cosine_distance:
            return call(k.cosine_distance);
    }
}

template <class T>
class Pass {
  public:
    Pass(const kernels::Kernels<T>& kernels, const std::vector<Dense>& layers, const T* parameters,
         Workspace<T>& workspace)
        : k_(kernels), layers_(layers), parameters_(parameters), w_(workspace) {}

    /// X through all layers into `out`, by way of the workspace's rows from `slot` on. With `logits`, the
    /// last layer's activation is left out.
    void forward(MatrixView<const T> X, std::size_t slot, MatrixView<T> out, bool logits) const noexcept {
        forward_from(0, X, slot, out, logits);
    }

    /// The same in two parts: columns of the first layer's outputs for the workspace's first rows; and rows
    /// from `slot` on, whose outputs of the first layer are there, through the other layers.
    void forward_first(MatrixView<const T> X, Range columns, bool logits) const noexcept {
        const Dense& layer = layers_.front();
        const MatrixView<T> output = rows(w_.activations_.front(), 0, X.rows());
        k_.dense_forward_columns(X.rows(), layer.inputs, layer.outputs, columns.first, columns.count(),
                                 X.data(), X.stride(), weights(layer), layer.stride, biases(layer),
                                 activation(0, logits), output.data(), output.stride());
    }
    void forward_rest(std::size_t slot, MatrixView<T> out, bool logits) const noexcept {
        forward_from(1, rows(w_.activations_.front(), slot, out.rows()), slot, out, logits);
    }

    /// The last layer's outputs of the workspace's rows `slot` .. slot + count - 1.
    MatrixView<T> outputs(std::size_t slot, std::size_t count) const noexcept {
        return rows(w_.activations_.back(), slot, count);
    }

    /// dZ of a layer for the workspace's rows `slot` .. slot + count - 1.
    MatrixView<T> gradients(std::size_t l, std::size_t slot, std::size_t count) const noexcept {
        return rows(w_.gradients_[l], slot, count);
    }

    /// Losses of those rows and, if wanted, dZ of the last layer.
    void loss(MatrixView<const T> Y, std::size_t slot, Loss loss, bool gradient) const noexcept {
        if (Y.rows() == 0) return;
        const MatrixView<T> A = outputs(slot, Y.rows());
        const MatrixView<T> dA = gradient ? rows(w_.gradients_.back(), slot, Y.rows()) : MatrixView<T>();
        call_loss<T>(k_, loss, A, Y, dA, losses(slot));
        if (gradient && !kernels::takes_logits(loss))
            // A and dA lie alike. The padding between rows, zeros, stays zeros.
            times_derivative(k_, layers_.back().activation, (Y.rows() - 1) * A.stride() + Y.cols(), A.data(),
                             dA.data());
    }

    /// dZ of all layers below the last.
    void backward(std::size_t slot, std::size_t count) const noexcept {
        for (std::size_t l = layers_.size() - 1; l > 0; --l) {
            const Dense& layer = layers_[l];
            const MatrixView<T> dZ = rows(w_.gradients_[l], slot, count),
                                dX = rows(w_.gradients_[l - 1], slot, count);
            const MatrixView<T> X = rows(w_.activations_[l - 1], slot, count);
            k_.dense_backward_input(count, layer.inputs, layer.outputs, dZ.data(), dZ.stride(),
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

    /// The sum over the batch of dW, for the rows of W from `row` on that belong to the columns of X, and of
    /// db if wanted, at their places in `gradient`, which is laid out like the parameters.
    void weight_gradient(const Dense& layer, std::size_t row, MatrixView<const T> X, MatrixView<const T> dZ,
                         bool biases, T* gradient) const noexcept {
        k_.gemm_tn(X.rows(), X.cols(), layer.outputs, X.data(), X.stride(), dZ.data(), dZ.stride(),
                   gradient + layer.weights + row * layer.stride, layer.stride);
        const T one = 1;
        if (biases)
            k_.gemm_tn(X.rows(), 1, layer.outputs, &one, 0, dZ.data(), dZ.stride(), gradient + layer.biases,
                       layer.outputs);
    }

    /// For kernels that take whole networks.
    T* scratch() const noexcept { return w_.scratch(layers_, 0); }

    T* losses(std::size_t slot) const noexcept { return w_.memory_.data() + w_.losses_ + slot; }

    /// The sigmoid that `forward` left out with `logits`.
    void activate_logits(std::size_t slot, std::size_t count) const noexcept {
        const MatrixView<T> Z = outputs(slot, count);
        for (std::size_t i = 0; i < count; ++i) k_.sigmoid(Z.cols(), Z.row(i), Z.row(i));
    }

    /// Rows first .. first + count - 1 of `source`: in place where they lie next to each other, else where
    /// `gather` copies them to from slot 0 on.
    MatrixView<const T> inputs(const Rows<T>& source, std::size_t first, std::size_t count) const noexcept {
        return located(source, source.X, first, count, gathered_inputs(0, count));
    }
    MatrixView<const T> targets(const Rows<T>& source, std::size_t first, std::size_t count) const noexcept {
        return located(source, source.Y, first, count, gathered_targets(0, count));
    }

    /// Whether `inputs` and `targets` say that such rows are where `gather` copies them to.
    static bool scattered(const Rows<T>& source, std::size_t count) noexcept {
        return source.order != nullptr && count > 1;
    }

    /// What the kernel for tiny networks is given to step with rows of `source` from `first` on, `batch` at a
    /// time; losses and, if wanted, outputs go to the workspace's rows from slot 0 on.
    kernels::TinyTraining<T> tiny_training(const Rows<T>& source, std::size_t first, std::size_t batch,
                                           bool wants_outputs, Loss loss, T scale,
                                           T* parameters) const noexcept {
        const MatrixView<T> A = rows(w_.activations_[0], 0, batch);
        const std::size_t row = source.order ? 0 : first;
        return {.layers = layers_.data(),
                .depth = layers_.size(),
                .parameters = parameters,
                .loss = loss,
                .scale = scale,
                .X = source.X.row(row),
                .ldx = source.X.stride(),
                .Y = source.Y.row(row),
                .ldy = source.Y.stride(),
                .order = source.order ? source.order + first : nullptr,
                .outputs = wants_outputs ? outputs(0, batch).data() : nullptr,
                .losses = losses(0),
                .A = A.data(),
                .lda = A.stride(),
                .dz = gradients(layers_.size() - 1, 0, batch).data()};
    }

    /// Copies rows first .. first + count - 1 to the workspace's rows from `slot` on.
    void gather(const Rows<T>& source, std::size_t first, std::size_t slot,
                std::size_t count) const noexcept {
        gather_rows(source, source.X, first, gathered_inputs(slot, count));
        gather_rows(source, source.Y, first, gathered_targets(slot, count));
    }
    void gather_inputs(const Rows<T>& source, std::size_t first, std::size_t slot,
                       std::size_t count) const noexcept {
        gather_rows(source, source.X, first, gathered_inputs(slot, count));
    }
    void gather_targets(const Rows<T>& source, std::size_t first, std::size_t slot,
                        std::size_t count) const noexcept {
        gather_rows(source, source.Y, first, gathered_targets(slot, count));
    }
    MatrixView<T> gathered_inputs(std::size_t slot, std::size_t count) const noexcept {
        return rows(w_.inputs_, slot, count);
    }

  private:
    using Block = typename Workspace<T>::Block;

    void forward_from(std::size_t first, MatrixView<const T> input, std::size_t slot, MatrixView<T> out,
                      bool logits) const noexcept {
        for (std::size_t l = first; l < layers_.size(); ++l) {
            const Dense& layer = layers_[l];
            const MatrixView<T> output =
                l + 1 == layers_.size() ? out : rows(w_.activations_[l], slot, input.rows());
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

    MatrixView<T> gathered_targets(std::size_t slot, std::size_t count) const noexcept {
        return rows(w_.targets_, slot, count);
    }

    Activation activation(std::size_t l, bool logits) const noexcept {
        return logits && l + 1 == layers_.size() ? Activation::identity : layers_[l].activation;
    }

    MatrixView<T> rows(const Block& block, std::size_t slot, std::size_t count) const noexcept {
        T* const first = w_.memory_.data() + block.offset + slot * block.stride;
        return MatrixView<T>::unchecked(first, count, block.width, block.stride);
    }

    static MatrixView<const T> located(const Rows<T>& source, MatrixView<const T> all, std::size_t first,
                                       std::size_t count, MatrixView<const T> gathered) noexcept {
        if (scattered(source, count)) return gathered;
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
