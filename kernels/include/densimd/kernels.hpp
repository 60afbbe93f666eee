// The kernels: pure functions on the caller's memory, gathered in one table per instruction set.
//
//     const auto& k = densimd::kernels::active<float>();   // once; may throw IsaError
//     k.dense_forward(batch, in, out, X, in, W, out, b, densimd::kernels::Activation::sigmoid, A, out);
//
// Every kernel is noexcept, allocates nothing, starts no thread and touches no byte outside its arguments. T
// is float or double. Names and shapes, all row-major:
//
// clang-format off
//     in, out    layer widths             X[batch][in]   inputs        W[in][out]  weights      b[out]  biases
//     batch      rows of X                Z = X W + b    logits        A = act(Z)  activations
//     ld*        leading dimension: the distance between two rows, in elements; at least the row's length
//     dZ, dX     gradients of the loss with respect to Z and X
// clang-format on
//
// Unless a kernel says otherwise: any size may be 0 (an empty sum is 0, an empty output is left alone);
// pointers need only the alignment of T and may be null when nothing is read or written through them; outputs
// must not overlap inputs. Preconditions are not checked.
//
// Accuracy of sums: |error| <= n * eps * sum |terms|, n the number of terms. The order in which an output is
// summed depends on (in, out) alone, not on the batch nor, among ISAs with FMA, on the ISA: their results are
// equal bit for bit. A NaN comes out as a NaN; its sign and payload are not specified.
#pragma once

#include <cstddef>

#include <densimd/isa.hpp>

namespace densimd::kernels {

/// identity: z. sigmoid: 1 / (1 + exp(-z)).
enum class Activation { identity, sigmoid };

template <class T>
struct Kernels {
    // ---- element-wise: n elements ----

    /// y[i] = 1 / (1 + exp(-x[i])). y may be x. float: at most 3 ULP, double: at most 4 ULP, denormal results
    /// included. -inf gives 0, +inf 1.
    void (*sigmoid)(std::size_t n, const T* x, T* y) noexcept;

    /// dx[i] = ds[i] * s[i] * (1 - s[i]), where s = sigmoid(x). dx may be s or ds.
    void (*sigmoid_grad)(std::size_t n, const T* s, const T* ds, T* dx) noexcept;

    /// Whether no x[i] is infinite or NaN; true for n = 0.
    bool (*all_finite)(std::size_t n, const T* x) noexcept;

    // ---- matrix-vector ----

    /// y[out] = x[in] W + b. b may be null: no bias.
    void (*gemv)(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw, const T* b,
                 T* y) noexcept;

    /// dx[in] = W dz[out].
    void (*gemv_t)(std::size_t in, std::size_t out, const T* dz, const T* W, std::size_t ldw, T* dx) noexcept;

    /// W += alpha x[in] dz[out]^T.
    void (*ger)(std::size_t in, std::size_t out, T alpha, const T* x, const T* dz, T* W,
                std::size_t ldw) noexcept;

    // ---- matrix-matrix, in the three forms of a dense layer ----

    /// Z[batch][out] = X[batch][in] W[in][out].
    void (*gemm)(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx, const T* W,
                 std::size_t ldw, T* Z, std::size_t ldz) noexcept;

    /// dX[batch][in] = dZ[batch][out] W[in][out]^T.
    void (*gemm_nt)(std::size_t batch, std::size_t in, std::size_t out, const T* dZ, std::size_t lddz,
                    const T* W, std::size_t ldw, T* dX, std::size_t lddx) noexcept;

    /// dW[in][out] = X[batch][in]^T dZ[batch][out], a sum (not a mean) over the batch. ldx and lddz may be 0:
    /// the same row for the whole batch.
    void (*gemm_tn)(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                    const T* dZ, std::size_t lddz, T* dW, std::size_t lddw) noexcept;

    // ---- a dense layer ----

    /// A[batch][out] = activation(X W + b). b may be null: no bias. A row of A depends on its row of X alone.
    void (*dense_forward)(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                          const T* W, std::size_t ldw, const T* b, Activation activation, T* A,
                          std::size_t lda) noexcept;

    /// dX[batch][in] = (dZ W^T) * activation'(X), where X[batch][in] is the *output* of the layer before and
    /// `activation` is the activation of the layer before: dX is that layer's dZ. X is not read, and may be
    /// null, when `activation` is identity. dX may be X (same ld).
    void (*dense_backward_input)(std::size_t batch, std::size_t in, std::size_t out, const T* dZ,
                                 std::size_t lddz, const T* W, std::size_t ldw, const T* X, std::size_t ldx,
                                 Activation activation, T* dX, std::size_t lddx) noexcept;

    /// One step of gradient descent with the mean gradient of the batch:
    /// W -= (learning_rate / batch) X^T dZ,  b -= (learning_rate / batch) (sum of dZ's rows). b may be null.
    /// A range of W's rows may be updated by itself: pass X + k, W + k * ldw and the number of rows as `in`.
    void (*dense_update)(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                         const T* dZ, std::size_t lddz, T learning_rate, T* W, std::size_t ldw,
                         T* b) noexcept;

    // ---- losses: value per row and gradient in one pass ----
    //
    // loss[batch] receives the loss of each row; the gradient is that of its own row's loss, not divided by
    // the batch. The gradient may be null (value only) or the predictions themselves (same ld).

    /// loss = mean over out of (A - Y)^2,  dA = 2 (A - Y) / out.  out = 0 gives loss 0.
    void (*mean_squared_error)(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                               std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept;

    /// Binary cross-entropy of sigmoid(Z) against Y in [0, 1], from the logits and so finite for every finite
    /// Z: loss = mean over out of max(Z, 0) - Z Y + log(1 + exp(-|Z|)),  dZ = (sigmoid(Z) - Y) / out.
    void (*binary_cross_entropy)(std::size_t batch, std::size_t out, const T* Z, std::size_t ldz, const T* Y,
                                 std::size_t ldy, T* dZ, std::size_t lddz, T* loss) noexcept;

    /// loss = 1 - c with c = (A.Y) / (|A| |Y|),  dA = (c A / |A| - Y / |Y|) / |A|. If A or Y is a zero vector
    /// the angle is undefined: loss = 1 and dA = 0. A vector whose squared length is
    /// less than T's smallest normal number counts as a zero vector; one whose squared length overflows gives
    /// NaN.
    void (*cosine_distance)(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                            std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept;
};

/// The kernels of the active ISA (see active_isa; throws what it throws). The reference stays valid for ever.
template <class T>
const Kernels<T>& active();

/// The kernels of one ISA. Throws IsaError if it is not available here.
template <class T>
const Kernels<T>& table(Isa isa);

/// The definition of every kernel: plain loops that sum in a wider type (double for float, long double for
/// double). Slow; what all other tables are tested against.
template <class T>
const Kernels<T>& reference() noexcept;

extern template const Kernels<float>& active<float>();
extern template const Kernels<double>& active<double>();
extern template const Kernels<float>& table<float>(Isa);
extern template const Kernels<double>& table<double>(Isa);
extern template const Kernels<float>& reference<float>() noexcept;
extern template const Kernels<double>& reference<double>() noexcept;

}  // namespace densimd::kernels
