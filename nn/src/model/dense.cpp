// A dense layer on its own.
#include <densimd/nn/dense.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>

#include <densimd/kernels.hpp>
#include <densimd/nn/error.hpp>
#include <densimd/nn/matrix.hpp>
#include <densimd/subnormals.hpp>

#include "check.hpp"
#include "model/dispatch.hpp"

namespace densimd::nn {
namespace {

template <class T>
void check_shape(const char* what, const MatrixView<T>& found, std::size_t rows, std::size_t cols) {
    if (found.rows() != rows || found.cols() != cols)
        throw Error("dense: " + std::string(what) + " is " + std::to_string(found.rows()) + " x " +
                    std::to_string(found.cols()) + "; expected " + std::to_string(rows) + " x " +
                    std::to_string(cols));
}

void check_activation(const char* what, Activation activation) {
    if (activation < Activation::identity || activation > Activation::silu)
        throw Error("dense: " + std::string(what) + " is unknown");
}

// to = from, with zeros for subnormal numbers, which some derivatives would hand on. Under FlushSubnormals.
template <class T>
void copy_flushed(std::size_t n, const T* from, T* to) noexcept {
    for (std::size_t i = 0; i < n; ++i)
        to[i] = std::abs(from[i]) < std::numeric_limits<T>::min() ? std::copysign(T(0), from[i]) : from[i];
}

}  // namespace

template <class T>
DenseView<T>::DenseView(MatrixView<T> W, std::span<T> b, Activation function)
    : DenseView(W, b, function, &kernels::active<Value>()) {
    check_parameters();
}

template <class T>
void DenseView<T>::check_parameters() const {
    if (inputs() == 0 || outputs() == 0)
        throw Error("dense: W is " + std::to_string(inputs()) + " x " + std::to_string(outputs()) +
                    "; expected at least 1 x 1");
    if (biases.size() != outputs())
        throw Error("dense: b has " + std::to_string(biases.size()) + " elements; expected " +
                    std::to_string(outputs()));
    check_activation("the activation", activation);
}

template <class T>
void DenseView<T>::apply(Activation function, const MatrixView<const Value>& X,
                         const MatrixView<Value>& A) const noexcept {
    const kernels::FlushSubnormals flush;
    kernels_->dense_forward(X.rows(), inputs(), outputs(), X.data(), X.stride(), weights.data(),
                            weights.stride(), biases.data(), function, A.data(), A.stride());
}

template <class T>
void DenseView<T>::logits(const MatrixView<const Value>& X, const MatrixView<Value>& Z) const {
    check_parameters();
    check_shape("X", X, X.rows(), inputs());
    check_shape("Z", Z, X.rows(), outputs());
    apply(Activation::identity, X, Z);
}

template <class T>
void DenseView<T>::forward(const MatrixView<const Value>& X, const MatrixView<Value>& A) const {
    check_parameters();
    check_shape("X", X, X.rows(), inputs());
    check_shape("A", A, X.rows(), outputs());
    apply(activation, X, A);
}

template <class T>
void DenseView<T>::logit_gradient(const MatrixView<const Value>& A, const MatrixView<const Value>& dA,
                                  const MatrixView<Value>& dZ) const {
    check_parameters();
    if (kernels::derivative_needs_logits(activation))
        throw Error(
            "dense: the derivatives of gelu, gelu_tanh and silu need the layer's logits; logit_gradient has "
            "only its outputs, which suffice for the other activations");
    check_shape("A", A, A.rows(), outputs());
    check_shape("dA", dA, A.rows(), outputs());
    check_shape("dZ", dZ, A.rows(), outputs());
    const kernels::FlushSubnormals flush;
    const std::size_t width = outputs();
    const bool contiguous = A.stride() == width && dA.stride() == width && dZ.stride() == width;
    const std::size_t rows_per_call = contiguous ? A.rows() : 1;
    for (std::size_t i = 0; i < A.rows(); i += rows_per_call) {
        copy_flushed(rows_per_call * width, dA.row(i), dZ.row(i));
        times_derivative(*kernels_, activation, rows_per_call * width, A.row(i), dZ.row(i));
    }
}

template <class T>
void DenseView<T>::backward(const MatrixView<const Value>& dZ, const MatrixView<Value>& dX) const {
    backward(dZ, MatrixView<const Value>::unchecked(nullptr, dZ.rows(), inputs(), inputs()),
             Activation::identity, dX);
}

template <class T>
void DenseView<T>::backward(const MatrixView<const Value>& dZ, const MatrixView<const Value>& X,
                            Activation before, const MatrixView<Value>& dX) const {
    check_parameters();
    check_activation("the activation of the layer before", before);
    check_shape("dZ", dZ, dZ.rows(), outputs());
    check_shape("X", X, dZ.rows(), inputs());
    check_shape("dX", dX, dZ.rows(), inputs());
    const kernels::FlushSubnormals flush;
    kernels_->dense_backward_input(dZ.rows(), inputs(), outputs(), dZ.data(), dZ.stride(), weights.data(),
                                   weights.stride(), X.data(), X.stride(), before, dX.data(), dX.stride());
}

template <class T>
void DenseView<T>::gradient(const MatrixView<const Value>& X, const MatrixView<const Value>& dZ,
                            const MatrixView<Value>& dW, std::span<Value> db) const {
    check_parameters();
    check_shape("X", X, X.rows(), inputs());
    check_shape("dZ", dZ, X.rows(), outputs());
    check_shape("dW", dW, inputs(), outputs());
    check_shape("db", MatrixView<Value>::unchecked(db.data(), 1, db.size(), db.size()), 1, outputs());
    const kernels::FlushSubnormals flush;
    kernels_->gemm_tn(X.rows(), inputs(), outputs(), X.data(), X.stride(), dZ.data(), dZ.stride(), dW.data(),
                      dW.stride());
    const Value one = 1;
    kernels_->gemm_tn(X.rows(), 1, outputs(), &one, 0, dZ.data(), dZ.stride(), db.data(), outputs());
}

template <class T>
void DenseView<T>::update(const MatrixView<const Value>& X, const MatrixView<const Value>& dZ,
                          Value scale) const requires(!std::is_const_v<T>) {
    check_parameters();
    check_shape("X", X, X.rows(), inputs());
    check_shape("dZ", dZ, X.rows(), outputs());
    const kernels::FlushSubnormals flush;
    if constexpr (!std::is_const_v<T>)  // clang 14 instantiates members whose requirements are not met
        kernels_->dense_update(X.rows(), inputs(), outputs(), X.data(), X.stride(), dZ.data(), dZ.stride(),
                               scale, weights.data(), weights.stride(), biases.data());
}

template class DenseView<float>;
template class DenseView<const float>;
#if DENSIMD_DOUBLE
template class DenseView<double>;
template class DenseView<const double>;
#endif

}  // namespace densimd::nn
