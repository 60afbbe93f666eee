// The definitions of the matrix kernels and of a dense layer's.
#pragma once

#include "reference/activations.hpp"

namespace densimd::kernels {
namespace {

template <class T>
void dense_forward(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                   const T* W, std::size_t ldw, const T* b, Activation activation, T* A,
                   std::size_t lda) noexcept {
    for (std::size_t i = 0; i < batch; ++i)
        for (std::size_t j = 0; j < out; ++j) {
            Wide<T> z = b ? wide(b[j]) : 0;
            for (std::size_t k = 0; k < in; ++k) z += wide(X[i * ldx + k]) * W[k * ldw + j];
            A[i * lda + j] = static_cast<T>(value(activation, z, default_parameter<T>(activation)));
        }
}

template <class T>
void dense_forward_columns(std::size_t batch, std::size_t in, std::size_t, std::size_t first,
                           std::size_t count, const T* X, std::size_t ldx, const T* W, std::size_t ldw,
                           const T* b, Activation activation, T* A, std::size_t lda) noexcept {
    if (count == 0) return;
    dense_forward<T>(batch, in, count, X, ldx, W + first, ldw, b ? b + first : nullptr, activation, A + first,
                     lda);
}

template <class T>
void gemm(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx, const T* W,
          std::size_t ldw, T* Z, std::size_t ldz) noexcept {
    dense_forward<T>(batch, in, out, X, ldx, W, ldw, nullptr, Activation::identity, Z, ldz);
}

template <class T>
void gemv(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw, const T* b,
          T* y) noexcept {
    dense_forward<T>(1, in, out, x, in, W, ldw, b, Activation::identity, y, out);
}

template <class T>
void dense_backward_input(std::size_t batch, std::size_t in, std::size_t out, const T* dZ, std::size_t lddz,
                          const T* W, std::size_t ldw, const T* X, std::size_t ldx, Activation activation,
                          T* dX, std::size_t lddx) noexcept {
    for (std::size_t i = 0; i < batch; ++i)
        for (std::size_t k = 0; k < in; ++k) {
            Wide<T> sum = 0;
            for (std::size_t j = 0; j < out; ++j) sum += wide(dZ[i * lddz + j]) * W[k * ldw + j];
            if (activation != Activation::identity)
                sum *= derivative(activation, wide(X[i * ldx + k]), default_parameter<T>(activation));
            dX[i * lddx + k] = static_cast<T>(sum);
        }
}

template <class T>
void dense_backward_input_rows(std::size_t, std::size_t rows, std::size_t in, std::size_t out, const T* dZ,
                               std::size_t lddz, const T* W, std::size_t ldw, const T* X, std::size_t ldx,
                               Activation activation, T* dX, std::size_t lddx) noexcept {
    dense_backward_input<T>(rows, in, out, dZ, lddz, W, ldw, X, ldx, activation, dX, lddx);
}

template <class T>
void gemm_nt(std::size_t batch, std::size_t in, std::size_t out, const T* dZ, std::size_t lddz, const T* W,
             std::size_t ldw, T* dX, std::size_t lddx) noexcept {
    dense_backward_input<T>(batch, in, out, dZ, lddz, W, ldw, nullptr, 0, Activation::identity, dX, lddx);
}

template <class T>
void gemv_t(std::size_t in, std::size_t out, const T* dz, const T* W, std::size_t ldw, T* dx) noexcept {
    gemm_nt<T>(1, in, out, dz, out, W, ldw, dx, in);
}

template <class T>
Wide<T> gradient_element(std::size_t batch, std::size_t k, std::size_t j, const T* X, std::size_t ldx,
                         const T* dZ, std::size_t lddz) {
    Wide<T> sum = 0;
    for (std::size_t i = 0; i < batch; ++i) sum += wide(X[i * ldx + k]) * dZ[i * lddz + j];
    return sum;
}

template <class T>
void gemm_tn(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx, const T* dZ,
             std::size_t lddz, T* dW, std::size_t lddw) noexcept {
    for (std::size_t k = 0; k < in; ++k)
        for (std::size_t j = 0; j < out; ++j)
            dW[k * lddw + j] = static_cast<T>(gradient_element(batch, k, j, X, ldx, dZ, lddz));
}

// W += scale X^T dZ.
template <class T>
void add_scaled(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx, const T* dZ,
                std::size_t lddz, T scale, T* W, std::size_t ldw) {
    for (std::size_t k = 0; k < in; ++k)
        for (std::size_t j = 0; j < out; ++j) {
            T& w = W[k * ldw + j];
            w = static_cast<T>(w + wide(scale) * gradient_element(batch, k, j, X, ldx, dZ, lddz));
        }
}

template <class T>
void dense_update(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                  const T* dZ, std::size_t lddz, T scale, T* W, std::size_t ldw, T* b) noexcept {
    if (batch == 0) return;
    add_scaled(batch, in, out, X, ldx, dZ, lddz, scale, W, ldw);
    const T one = 1;  // the bias is the weight of an input that is always 1
    if (b) add_scaled(batch, 1, out, &one, 0, dZ, lddz, scale, b, out);
}

template <class T>
void ger(std::size_t in, std::size_t out, T alpha, const T* x, const T* dz, T* W, std::size_t ldw) noexcept {
    add_scaled<T>(1, in, out, x, in, dz, out, alpha, W, ldw);
}

template <class T>
void dense_backward_update(std::size_t in, std::size_t out, const T* x, const T* dz, T scale, T* W,
                           std::size_t ldw, T* b, const T* a, Activation activation, T* dx) noexcept {
    dense_backward_input<T>(1, in, out, dz, out, W, ldw, a, in, activation, dx, in);
    dense_update<T>(1, in, out, x, in, dz, out, scale, W, ldw, b);
}

template <class T>
void dense_update_forward(std::size_t in, std::size_t out, const T* x, const T* dz, T scale, T* W,
                          std::size_t ldw, T* b, const T* next_x, Activation activation, T* y) noexcept {
    dense_update<T>(1, in, out, x, in, dz, out, scale, W, ldw, b);
    dense_forward<T>(1, in, out, next_x, in, W, ldw, b, activation, y, out);
}

}  // namespace
}  // namespace densimd::kernels
