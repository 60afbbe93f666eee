// The definition of every kernel, in plain loops that sum in a wider type.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include <densimd/kernels.hpp>

namespace densimd::kernels {
namespace {

template <class T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;

template <class T>
Wide<T> wide(T x) {
    return x;
}

template <class T>
T activate(Wide<T> z, Activation activation) {
    return static_cast<T>(activation == Activation::sigmoid ? 1 / (1 + std::exp(-z)) : z);
}

template <class T>
void sigmoid(std::size_t n, const T* x, T* y) noexcept {
    for (std::size_t i = 0; i < n; ++i) y[i] = activate<T>(x[i], Activation::sigmoid);
}

template <class T>
void sigmoid_grad(std::size_t n, const T* s, const T* ds, T* dx) noexcept {
    for (std::size_t i = 0; i < n; ++i) dx[i] = static_cast<T>(wide(ds[i]) * s[i] * (1 - wide(s[i])));
}

template <class T>
bool all_finite(std::size_t n, const T* x) noexcept {
    return std::all_of(x, x + n, [](T value) { return std::isfinite(value); });
}

template <class T>
void dense_forward(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                   const T* W, std::size_t ldw, const T* b, Activation activation, T* A,
                   std::size_t lda) noexcept {
    for (std::size_t i = 0; i < batch; ++i)
        for (std::size_t j = 0; j < out; ++j) {
            Wide<T> z = b ? wide(b[j]) : 0;
            for (std::size_t k = 0; k < in; ++k) z += wide(X[i * ldx + k]) * W[k * ldw + j];
            A[i * lda + j] = activate<T>(z, activation);
        }
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
            if (activation == Activation::sigmoid) {
                const Wide<T> s = X[i * ldx + k];
                sum *= s * (1 - s);
            }
            dX[i * lddx + k] = static_cast<T>(sum);
        }
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
                std::size_t lddz, Wide<T> scale, T* W, std::size_t ldw) {
    for (std::size_t k = 0; k < in; ++k)
        for (std::size_t j = 0; j < out; ++j) {
            T& w = W[k * ldw + j];
            w = static_cast<T>(w + scale * gradient_element(batch, k, j, X, ldx, dZ, lddz));
        }
}

template <class T>
void dense_update(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                  const T* dZ, std::size_t lddz, T learning_rate, T* W, std::size_t ldw, T* b) noexcept {
    if (batch == 0) return;
    const Wide<T> scale = -wide(learning_rate) / static_cast<Wide<T>>(batch);
    add_scaled(batch, in, out, X, ldx, dZ, lddz, scale, W, ldw);
    const T one = 1;  // the bias is the weight of an input that is always 1
    if (b) add_scaled(batch, 1, out, &one, 0, dZ, lddz, scale, b, out);
}

template <class T>
void ger(std::size_t in, std::size_t out, T alpha, const T* x, const T* dz, T* W, std::size_t ldw) noexcept {
    add_scaled<T>(1, in, out, x, in, dz, out, alpha, W, ldw);
}

// Wide terms, added up; a loss of T from their mean.
template <class T, class Term>
void mean_of_terms(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                   std::size_t ldy, T* dA, std::size_t ldda, T* loss, Term term) {
    const Wide<T> length = static_cast<Wide<T>>(std::max<std::size_t>(out, 1));
    for (std::size_t i = 0; i < batch; ++i) {
        Wide<T> sum = 0;
        for (std::size_t j = 0; j < out; ++j) {
            const auto [value, gradient] = term(wide(A[i * lda + j]), wide(Y[i * ldy + j]));
            sum += value;
            if (dA) dA[i * ldda + j] = static_cast<T>(gradient / length);
        }
        loss[i] = static_cast<T>(sum / length);
    }
}

template <class T>
struct Term {
    Wide<T> value, gradient;
};

template <class T>
void mean_squared_error(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                        std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept {
    mean_of_terms(batch, out, A, lda, Y, ldy, dA, ldda, loss, [](Wide<T> a, Wide<T> y) {
        return Term<T>{(a - y) * (a - y), 2 * (a - y)};
    });
}

template <class T>
void binary_cross_entropy(std::size_t batch, std::size_t out, const T* Z, std::size_t ldz, const T* Y,
                          std::size_t ldy, T* dZ, std::size_t lddz, T* loss) noexcept {
    mean_of_terms(batch, out, Z, ldz, Y, ldy, dZ, lddz, loss, [](Wide<T> z, Wide<T> y) {
        const Wide<T> positive = z < 0 ? 0 : z;  // not std::max, which would drop a NaN
        return Term<T>{positive - z * y + std::log1p(std::exp(-std::abs(z))), 1 / (1 + std::exp(-z)) - y};
    });
}

template <class T>
void cosine_distance(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                     std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept {
    for (std::size_t i = 0; i < batch; ++i, A += lda, Y += ldy) {
        Wide<T> aa = 0, yy = 0, ay = 0;
        for (std::size_t j = 0; j < out; ++j) {
            aa += wide(A[j]) * A[j];
            yy += wide(Y[j]) * Y[j];
            ay += wide(A[j]) * Y[j];
        }
        using Limits = std::numeric_limits<T>;
        const bool undefined = aa < wide(Limits::min()) || yy < wide(Limits::min());
        const bool overflow = !(aa <= wide(Limits::max()) && yy <= wide(Limits::max()));  // or a NaN
        const Wide<T> a_length = std::sqrt(aa), y_length = std::sqrt(yy);
        const Wide<T> cosine = overflow    ? std::numeric_limits<Wide<T>>::quiet_NaN()
                               : undefined ? 0
                                           : ay / (a_length * y_length);
        loss[i] = static_cast<T>(1 - cosine);
        if (dA == nullptr) continue;
        for (std::size_t j = 0; j < out; ++j) {
            const Wide<T> a = A[j], y = Y[j];
            dA[i * ldda + j] = undefined && !overflow
                                   ? T(0)
                                   : static_cast<T>((cosine * a / a_length - y / y_length) / a_length);
        }
    }
}

template <class T>
constexpr Kernels<T> reference_kernels{
    .sigmoid = sigmoid<T>,
    .sigmoid_grad = sigmoid_grad<T>,
    .all_finite = all_finite<T>,
    .gemv = gemv<T>,
    .gemv_t = gemv_t<T>,
    .ger = ger<T>,
    .gemm = gemm<T>,
    .gemm_nt = gemm_nt<T>,
    .gemm_tn = gemm_tn<T>,
    .dense_forward = dense_forward<T>,
    .dense_backward_input = dense_backward_input<T>,
    .dense_update = dense_update<T>,
    .mean_squared_error = mean_squared_error<T>,
    .binary_cross_entropy = binary_cross_entropy<T>,
    .cosine_distance = cosine_distance<T>,
};

}  // namespace

template <class T>
const Kernels<T>& reference() noexcept {
    return reference_kernels<T>;
}

template const Kernels<float>& reference<float>() noexcept;
template const Kernels<double>& reference<double>() noexcept;

}  // namespace densimd::kernels
