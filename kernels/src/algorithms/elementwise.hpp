// Kernels that work on each element by itself.
#pragma once

#include "algorithms/exponential.hpp"

namespace densimd::kernels {
namespace {

// Bound: about 15 arithmetic instructions and one division per vector; memory does not matter within L2.
template <class T>
void sigmoid_kernel(std::size_t n, const T* x, T* y) noexcept {
    map(
        n, y, [](Batch<T> value) { return sigmoid(value); }, x);
}

// s (1 - s) ds, in this order here and in every fused form.
template <class T>
Batch<T> sigmoid_grad(Batch<T> s, Batch<T> ds) {
    return s * (Batch<T>(T(1)) - s) * ds;
}

// Bound: two loads and one store per vector.
template <class T>
void sigmoid_grad_kernel(std::size_t n, const T* s, const T* ds, T* dx) noexcept {
    map(
        n, dx, [](Batch<T> value, Batch<T> gradient) { return sigmoid_grad<T>(value, gradient); }, s, ds);
}

// 0 * x is 0 for finite x and NaN otherwise, and a NaN stays in its sum. Bound: one load per vector.
template <class T>
bool all_finite_kernel(std::size_t n, const T* x) noexcept {
    constexpr std::size_t w = width<T>;
    const Batch<T> zero(T(0));
    Batch<T> sum[4] = {zero, zero, zero, zero};
    std::size_t i = 0;
    for (; i + 4 * w <= n; i += 4 * w)
        DENSIMD_UNROLLED (u, 4) sum[u] = Simd::fma(load(x + i + u * w), zero, sum[u]);
    for (; i + w <= n; i += w) sum[0] = Simd::fma(load(x + i), zero, sum[0]);
    if (i < n) sum[1] = Simd::fma(Simd::load_partial(x + i, n - i), zero, sum[1]);
    return Simd::sum((sum[0] + sum[1]) + (sum[2] + sum[3])) == T(0);
}

}  // namespace
}  // namespace densimd::kernels
