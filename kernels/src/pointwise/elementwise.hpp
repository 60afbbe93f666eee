// Kernels that work on each element by itself, beside the activations.
#pragma once

#include "pointwise/activation_table.hpp"

namespace densimd::kernels {
namespace {

// 0 * x is 0 for finite x and NaN otherwise, and a NaN stays in its sum. Bound: one load per vector.
template <class T>
bool all_finite_kernel(std::size_t n, const T* x) noexcept {
    constexpr std::size_t w = vector_size<T>;
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
