// OpenBLAS. A product with one row or one column is a job for sgemv, which sgemm does not turn it into.
#include "openblas.hpp"

#include <cblas.h>

#include <algorithm>
#include <vector>

namespace densimd::bench {
namespace {

blasint size(std::size_t n) { return static_cast<blasint>(n); }

// A table holds plain functions, which cannot capture it.
Sigmoid activation = nullptr;

void gemv(std::size_t in, std::size_t out, const float* x, const float* W, std::size_t ldw, const float* b,
          float* y) noexcept {
    std::copy_n(b, out, y);
    cblas_sgemv(CblasRowMajor, CblasTrans, size(in), size(out), 1, W, size(ldw), x, 1, 1, y, 1);
}

void gemv_t(std::size_t in, std::size_t out, const float* dz, const float* W, std::size_t ldw,
            float* dx) noexcept {
    cblas_sgemv(CblasRowMajor, CblasNoTrans, size(in), size(out), 1, W, size(ldw), dz, 1, 0, dx, 1);
}

void ger(std::size_t in, std::size_t out, float alpha, const float* x, const float* dz, float* W,
         std::size_t ldw) noexcept {
    cblas_sger(CblasRowMajor, size(in), size(out), alpha, x, 1, dz, 1, W, size(ldw));
}

void dense_forward(std::size_t batch, std::size_t in, std::size_t out, const float* X, std::size_t ldx,
                   const float* W, std::size_t ldw, const float* b, kernels::Activation, float* A,
                   std::size_t lda) noexcept {
    if (batch == 1) {
        gemv(in, out, X, W, ldw, b, A);
    } else if (out == 1) {
        std::fill_n(A, batch, *b);
        cblas_sgemv(CblasRowMajor, CblasNoTrans, size(batch), size(in), 1, X, size(ldx), W, 1, 1, A, 1);
    } else {
        for (std::size_t row = 0; row < batch; ++row) std::copy_n(b, out, A + row * lda);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size(batch), size(out), size(in), 1, X,
                    size(ldx), W, size(ldw), 1, A, size(lda));
    }
    activation(batch * out, A, A);
}

void dense_update(std::size_t batch, std::size_t in, std::size_t out, const float* X, std::size_t ldx,
                  const float* dZ, std::size_t lddz, float scale, float* W, std::size_t ldw,
                  float* b) noexcept {
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, size(in), size(out), size(batch), scale, X,
                size(ldx), dZ, size(lddz), 1, W, size(ldw));
    static thread_local std::vector<float> ones;
    if (ones.size() < batch) ones.assign(batch, 1.f);
    cblas_sgemv(CblasRowMajor, CblasTrans, size(batch), size(out), scale, dZ, size(lddz), ones.data(), 1, 1,
                b, 1);
}

}  // namespace

kernels::Kernels<float> openblas(Sigmoid sigmoid) {
    openblas_set_num_threads(1);
    activation = sigmoid;
    kernels::Kernels<float> k = {};
    k.gemv = gemv;
    k.gemv_t = gemv_t;
    k.ger = ger;
    k.dense_forward = sigmoid == nullptr ? nullptr : dense_forward;
    k.dense_update = dense_update;
    return k;
}

std::string openblas_version() { return openblas_get_config(); }

}  // namespace densimd::bench
