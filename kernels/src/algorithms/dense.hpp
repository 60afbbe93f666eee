// The layer's kernels: each is one of the two gemms with what happens to its results.
#pragma once

#include <densimd/kernels.hpp>

#include "algorithms/broadcast_gemm.hpp"
#include "algorithms/dot_gemm.hpp"
#include "algorithms/elementwise.hpp"

namespace densimd::kernels {
namespace {

// The bias starts the sums; the activation is applied to whole vectors before the only store.
template <class T>
struct ForwardEpilogue {
    const T* bias;  // null: none
    Activation activation;
    T* out;
    std::size_t ld;

    template <bool Partial>
    Batch<T> start(std::size_t column, std::size_t count) const {
        return bias ? load<Partial>(bias + column, count) : Batch<T>(T(0));
    }

    template <bool Partial, std::size_t Rows, std::size_t Columns>
    void finish(const Batch<T> (&sum)[Rows][Columns], std::size_t row, std::size_t column,
                std::size_t count) const {
        if (activation == Activation::identity) return store_tile<Partial>(sum, row, column, count);
        // A copy that is indexed at run time, so that the sums themselves can live in registers.
        Batch<T> activated[Rows * Columns];
        DENSIMD_UNROLLED (i, Rows * Columns) activated[i] = sum[i / Columns][i % Columns];
        for (Batch<T>& a : activated) a = sigmoid(a);
        Batch<T> tile[Rows][Columns];
        DENSIMD_UNROLLED (i, Rows * Columns) tile[i / Columns][i % Columns] = activated[i];
        store_tile<Partial>(tile, row, column, count);
    }

    template <bool Partial, std::size_t Rows, std::size_t Columns>
    void store_tile(const Batch<T> (&tile)[Rows][Columns], std::size_t row, std::size_t column,
                    std::size_t count) const {
        DENSIMD_UNROLLED (r, Rows)
            DENSIMD_UNROLLED (c, Columns) {
                T* p = out + (row + r) * ld + column + c * width<T>;
                if (c == Columns - 1)
                    store<Partial>(p, count, tile[r][c]);
                else
                    tile[r][c].store_unaligned(p);
            }
    }
};

// W += scale * sum: the gradient never reaches memory.
template <class T>
struct UpdateEpilogue {
    T scale;
    T* W;
    std::size_t ld;

    template <bool Partial>
    Batch<T> start(std::size_t, std::size_t) const {
        return Batch<T>(T(0));
    }

    template <bool Partial, std::size_t Rows, std::size_t Columns>
    void finish(const Batch<T> (&sum)[Rows][Columns], std::size_t row, std::size_t column,
                std::size_t count) const {
        const Batch<T> factor(scale);
        DENSIMD_UNROLLED (r, Rows)
            DENSIMD_UNROLLED (c, Columns) {
                T* p = W + (row + r) * ld + column + c * width<T>;
                if (c == Columns - 1)
                    store<Partial>(p, count, Simd::fma(factor, sum[r][c], load<Partial>(p, count)));
                else
                    Simd::fma(factor, sum[r][c], load(p)).store_unaligned(p);
            }
    }
};

// One output: a dot product per row. W is a column whose elements are ldw apart.
template <class T>
void forward_one_output(std::size_t batch, std::size_t in, const T* X, std::size_t ldx, const T* W,
                        std::size_t ldw, const T* b, Activation activation, T* A, std::size_t lda) {
    const T bias = b ? *b : T(0);
    const auto finish = [&](std::size_t row, std::size_t, std::size_t rows, std::size_t, T* sums,
                            std::size_t) {
        for (std::size_t i = 0; i < rows; ++i) sums[i] += bias;
        if (activation == Activation::sigmoid) sigmoid_kernel(rows, sums, sums);
        for (std::size_t i = 0; i < rows; ++i) A[(row + i) * lda] = sums[i];
    };
    if (ldw == 1)
        dot_gemv(batch, in, X, ldx, W, Unit{}, finish);
    else
        dot_gemv(batch, in, X, ldx, W, AnyStep{ldw}, finish);
}

// One row of X and many columns: rows of W, four at a time, are added to the results in L1. The order of each
// sum is that of the tiles, which would jump from row to row of W and so outrun the prefetchers. Bound: one
// load per vector of W, and half as many loads and stores again for the results.
template <class T>
void forward_long_row(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw, const T* b,
                      Activation activation, T* y) {
    if (b)
        map(
            out, y, [](Batch<T> bias) { return bias; }, b);
    else
        map(out, y, [] { return Batch<T>(T(0)); });
    std::size_t k = 0;
    for (; k + 4 <= in; k += 4) {
        const T* w = W + k * ldw;
        const Batch<T> x0(x[k]), x1(x[k + 1]), x2(x[k + 2]), x3(x[k + 3]);
        map(
            out, y,
            [=](Batch<T> sum, Batch<T> w0, Batch<T> w1, Batch<T> w2, Batch<T> w3) {
                return Simd::fma(x3, w3, Simd::fma(x2, w2, Simd::fma(x1, w1, Simd::fma(x0, w0, sum))));
            },
            y, w, w + ldw, w + 2 * ldw, w + 3 * ldw);
    }
    for (; k < in; ++k) {
        const Batch<T> x0(x[k]);
        map(
            out, y, [=](Batch<T> sum, Batch<T> w0) { return Simd::fma(x0, w0, sum); }, y, W + k * ldw);
    }
    if (activation == Activation::sigmoid) sigmoid_kernel(out, y, y);
}

template <class T>
void dense_forward_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                          const T* W, std::size_t ldw, const T* b, Activation activation, T* A,
                          std::size_t lda) noexcept {
    if (out == 1) return forward_one_output(batch, in, X, ldx, W, ldw, b, activation, A, lda);
    const ForwardEpilogue<T> epilogue{b, activation, A, lda};
    constexpr std::size_t long_row = 32 * lanes<T>;
    if (batch == 1 && out >= long_row) return forward_long_row(in, out, X, W, ldw, b, activation, A);
    const Product<T> product{batch, out, in, X, ldx, 1, W, ldw};
    switch (splits_for<T>(out)) {
        case 4:
            return broadcast_gemm<T, 4>(product, epilogue);
        case 2:
            return broadcast_gemm<T, 2>(product, epilogue);
        default:
            return broadcast_gemm<T, 1>(product, epilogue);
    }
}

template <class T>
void gemm_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx, const T* W,
                 std::size_t ldw, T* Z, std::size_t ldz) noexcept {
    dense_forward_kernel<T>(batch, in, out, X, ldx, W, ldw, nullptr, Activation::identity, Z, ldz);
}

template <class T>
void gemv_kernel(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw, const T* b,
                 T* y) noexcept {
    dense_forward_kernel<T>(1, in, out, x, in, W, ldw, b, Activation::identity, y, out);
}

template <class T>
void dense_backward_input_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* dZ,
                                 std::size_t lddz, const T* W, std::size_t ldw, const T* X, std::size_t ldx,
                                 Activation activation, T* dX, std::size_t lddx) noexcept {
    dot_gemm(batch, in, out, dZ, lddz, W, ldw,
             [=](std::size_t row, std::size_t col, std::size_t rows, std::size_t cols, const T* sums,
                 std::size_t ld) {
                 for (std::size_t r = 0; r < rows; ++r) {  // never more than a vector
                     Batch<T> gradient = Simd::load_partial(sums + r * ld, cols);
                     if (activation == Activation::sigmoid)
                         gradient =
                             sigmoid_grad<T>(Simd::load_partial(X + (row + r) * ldx + col, cols), gradient);
                     Simd::store_partial(dX + (row + r) * lddx + col, cols, gradient);
                 }
             });
}

template <class T>
void gemm_nt_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* dZ, std::size_t lddz,
                    const T* W, std::size_t ldw, T* dX, std::size_t lddx) noexcept {
    dense_backward_input_kernel<T>(batch, in, out, dZ, lddz, W, ldw, nullptr, 0, Activation::identity, dX,
                                   lddx);
}

template <class T>
void gemv_t_kernel(std::size_t in, std::size_t out, const T* dz, const T* W, std::size_t ldw,
                   T* dx) noexcept {
    gemm_nt_kernel<T>(1, in, out, dz, out, W, ldw, dx, in);
}

// X^T dZ, each element summed over the batch in order. With one output W is a column: if it is contiguous,
// the roles of X and dZ are exchanged and lanes run along it.
template <class T, class Epilogue>
void transposed_gemm(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                     const T* dZ, std::size_t lddz, std::size_t ldw, const Epilogue& epilogue) {
    if (out == 1 && ldw == 1)
        broadcast_gemm<T, 1>(Product<T>{1, in, batch, dZ, 0, lddz, X, ldx}, epilogue);
    else
        broadcast_gemm<T, 1>(Product<T>{in, out, batch, X, 1, ldx, dZ, lddz}, epilogue);
}

template <class T>
void gemm_tn_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                    const T* dZ, std::size_t lddz, T* dW, std::size_t lddw) noexcept {
    transposed_gemm(batch, in, out, X, ldx, dZ, lddz, lddw,
                    ForwardEpilogue<T>{nullptr, Activation::identity, dW, lddw});
}

// W += scale x dz^T, row after row of W. Bound: one load and one store per vector of W (dz stays in L1).
template <class T>
void update_by_one(std::size_t in, std::size_t out, const T* x, const T* dz, T scale, T* W, std::size_t ldw) {
    const Batch<T> factor(scale), zero(T(0));
    for (std::size_t k = 0; k < in; ++k, W += ldw) {
        const Batch<T> element(x[k]);
        map(
            out, W,
            [=](Batch<T> w, Batch<T> gradient) {
                return Simd::fma(factor, Simd::fma(element, gradient, zero), w);  // as the tiles compute it
            },
            W, dz);
    }
}

// W += scale X^T dZ. Bound: FMA, plus one load and one store of W per tile.
template <class T>
void update_weights(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                    const T* dZ, std::size_t lddz, T scale, T* W, std::size_t ldw) {
    if (batch > 1)
        transposed_gemm(batch, in, out, X, ldx, dZ, lddz, ldw, UpdateEpilogue<T>{scale, W, ldw});
    else if (out == 1 && ldw == 1)
        update_by_one(1, in, dZ, X, scale, W, in);
    else
        update_by_one(in, out, X, dZ, scale, W, ldw);
}

template <class T>
void dense_update_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                         const T* dZ, std::size_t lddz, T learning_rate, T* W, std::size_t ldw,
                         T* b) noexcept {
    if (batch == 0) return;
    const T scale = -learning_rate / static_cast<T>(batch), one(1);
    update_weights(batch, in, out, X, ldx, dZ, lddz, scale, W, ldw);
    // The bias is the weight of an input that is always 1.
    if (b) update_weights(batch, 1, out, &one, 0, dZ, lddz, scale, b, out);
}

template <class T>
void ger_kernel(std::size_t in, std::size_t out, T alpha, const T* x, const T* dz, T* W,
                std::size_t ldw) noexcept {
    update_weights<T>(1, in, out, x, in, dz, out, alpha, W, ldw);
}

}  // namespace
}  // namespace densimd::kernels
