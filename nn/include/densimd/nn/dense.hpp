// A dense layer: what it computes forwards and backwards, for those who train it themselves.
#pragma once

#include <densimd/version.hpp>

#include <cstddef>
#include <span>
#include <type_traits>

#include <densimd/kernels.hpp>
#include <densimd/nn/activation.hpp>
#include <densimd/nn/matrix.hpp>

namespace densimd::nn {

/// The shape of one layer of a network, and where its parameters lie in the network's flat buffer. The
/// leading dimension of W, `stride`, pads rows for the sake of alignment.
using Dense = kernels::Layer;

template <class T>
class BasicNetwork;

/// One layer, A = activation(Z) with Z = X W + b, on parameters that somebody else owns: a network
/// (Network::layer) or the caller. T is float or double; DenseView<const T> cannot change the parameters. A
/// step of gradient descent for a layer that is the whole model:
///
///     layer.forward(X, A);                        // A: [batch][outputs]
///     // dA = the gradient of the loss for A, e.g. by kernels::active<float>().mean_squared_error
///     layer.logit_gradient(A, dA, dZ);            // dZ may be dA
///     layer.backward(dZ, dX);                     // for whatever computed X
///     layer.update(X, dZ, -learning_rate / batch);
///
/// Shapes, `batch` being any number of rows, also 0: X and dX are [batch][inputs]; Z, A, dA and dZ are
/// [batch][outputs]; dW is [inputs][outputs] and db is [outputs]. Gradients are sums over the batch if dA is
/// the gradient of a sum of the rows' losses, as kernels compute it.
///
/// Calls throw Error, having written nothing, if a shape does not fit. They check no numbers: a NaN or an
/// infinity goes where the formula takes it. Outputs must not overlap inputs unless it says so. Calls
/// allocate nothing and run on the calling thread. Subnormal numbers are zeros, as in a network
/// (densimd/subnormals.hpp). The bits are those of the network's own passes. A view is as small as a few
/// pointers and may be copied; several threads may call one at once, but for `update`.
template <class T>
class DenseView {
  public:
    using Value = std::remove_const_t<T>;

    /// Of the caller's parameters. Computes with the kernels that are active now: throws IsaError as
    /// kernels::active does. Throws Error if W has no row or column, b has another length than W has columns,
    /// or the activation is unknown.
    DenseView(MatrixView<T> weights, std::span<T> biases, Activation activation);

    /// A view that can change the parameters can read them.
    template <class U>
    requires(std::is_same_v<T, const U>) DenseView(const DenseView<U>& other)
    noexcept
        : weights(other.weights),
          biases(other.biases),
          activation(other.activation),
          kernels_(other.kernels_) {}

    std::size_t inputs() const noexcept { return weights.rows(); }
    std::size_t outputs() const noexcept { return weights.cols(); }

    /// Z = X W + b. A row of Z depends on its row of X alone.
    void logits(const MatrixView<const Value>& X, const MatrixView<Value>& Z) const;

    /// A = activation(X W + b). A row of A depends on its row of X alone.
    void forward(const MatrixView<const Value>& X, const MatrixView<Value>& A) const;

    /// dZ = dA activation'(Z), element by element, where A is what `forward` gave. dZ may be dA, with the
    /// same stride. Throws Error also for gelu, gelu_tanh and silu, whose derivatives are no functions of A.
    /// The losses of logits, binary and categorical cross-entropy, give dZ themselves.
    void logit_gradient(const MatrixView<const Value>& A, const MatrixView<const Value>& dA,
                        const MatrixView<Value>& dZ) const;

    /// dX = dZ W^T.
    void backward(const MatrixView<const Value>& dZ, const MatrixView<Value>& dX) const;

    /// dX = (dZ W^T) before'(X): the dZ of the layer before this one, whose activation is `before` and whose
    /// output is X (its logits for gelu, gelu_tanh and silu). Faster than `backward` and then logit_gradient.
    /// dX may be X, with the same stride. Throws Error also if `before` is unknown.
    void backward(const MatrixView<const Value>& dZ, const MatrixView<const Value>& X, Activation before,
                  const MatrixView<Value>& dX) const;

    /// dW = X^T dZ and db = the sum of dZ's rows.
    void gradient(const MatrixView<const Value>& X, const MatrixView<const Value>& dZ,
                  const MatrixView<Value>& dW, std::span<Value> db) const;

    /// W += scale X^T dZ and b += scale (the sum of dZ's rows), in one pass over W: with scale =
    /// -learning_rate / batch a step of gradient descent along the mean gradient.
    void update(const MatrixView<const Value>& X, const MatrixView<const Value>& dZ, Value scale) const
        requires(!std::is_const_v<T>);

    MatrixView<T> weights;  ///< W[inputs][outputs]
    std::span<T> biases;    ///< b[outputs]
    Activation activation;

  private:
    friend class BasicNetwork<Value>;
    friend class DenseView<const Value>;

    DenseView(MatrixView<T> W, std::span<T> b, Activation function,
              const kernels::Kernels<Value>* kernels) noexcept
        : weights(W), biases(b), activation(function), kernels_(kernels) {}

    void check_parameters() const;  // they are public
    void apply(Activation function, const MatrixView<const Value>& X,
               const MatrixView<Value>& A) const noexcept;

    const kernels::Kernels<Value>* kernels_;
};

extern template class DenseView<float>;
extern template class DenseView<const float>;
#if DENSIMD_DOUBLE
extern template class DenseView<double>;
extern template class DenseView<const double>;
#endif

}  // namespace densimd::nn
