// What all algorithms build on: loads and stores, the element-wise loop, and sums along lanes in one fixed
// order. Included after an ISA's `Simd`; everything is in an anonymous namespace, so each ISA has a copy of
// its own.
#pragma once

#include <cstddef>

#ifdef __clang__
#define DENSIMD_UNROLL _Pragma("unroll")
#else
#define DENSIMD_UNROLL _Pragma("GCC unroll 32")
#endif

namespace densimd::kernels {
namespace {

template <class T>
using Batch = Simd::Batch<T>;

template <class T>
constexpr std::size_t width = Batch<T>::size;

template <class T>
Batch<T> load(const T* p) {
    return Batch<T>::load_unaligned(p);
}

// A vector of `width` elements, or, if Partial, of only the first n with zeros behind them.
template <bool Partial, class T>
Batch<T> load(const T* p, std::size_t n) {
    if constexpr (Partial)
        return Simd::load_partial(p, n);
    else
        return load(p);
}

template <bool Partial, class T>
void store(T* p, std::size_t n, Batch<T> x) {
    if constexpr (Partial)
        Simd::store_partial(p, n, x);
    else
        x.store_unaligned(p);
}

// y[i] = function(x[i]...). Four vectors at a time, so that the latency of one is hidden behind the others.
// All of them are loaded before any is stored: y may be one of x.
template <class T, class Function, class... Inputs>
void map(std::size_t n, T* y, Function function, const Inputs*... x) {
    constexpr std::size_t w = width<T>;
    std::size_t i = 0;
    for (; i + 4 * w <= n; i += 4 * w) {
        Batch<T> result[4];
        DENSIMD_UNROLL
        for (std::size_t u = 0; u < 4; ++u) result[u] = function(load(x + i + u * w)...);
        DENSIMD_UNROLL
        for (std::size_t u = 0; u < 4; ++u) result[u].store_unaligned(y + i + u * w);
    }
    for (; i + w <= n; i += w) function(load(x + i)...).store_unaligned(y + i);
    if (i < n) Simd::store_partial(y + i, n - i, function(Simd::load_partial(x + i, n - i)...));
}

// Sums along lanes use as many virtual lanes as a cache line has elements, in one to four vectors: term i
// goes to lane i mod lanes, and the lanes are added upper half to lower half. So the order is the same on
// every ISA.
template <class T>
constexpr std::size_t lanes = 64 / sizeof(T);

template <class T>
constexpr std::size_t vectors_per_line = lanes<T> / width<T>;

template <class T>
struct LaneSum {
    Batch<T> part[vectors_per_line<T>];

    LaneSum() {
        DENSIMD_UNROLL
        for (Batch<T>& p : part) p = Batch<T>(T(0));
    }

    T total() const {
        Batch<T> sum[vectors_per_line<T>];
        DENSIMD_UNROLL
        for (std::size_t v = 0; v < vectors_per_line<T>; ++v) sum[v] = part[v];
        DENSIMD_UNROLL
        for (std::size_t half = vectors_per_line<T> / 2; half > 0; half /= 2) DENSIMD_UNROLL
        for (std::size_t v = 0; v < half; ++v) sum[v] = sum[v] + sum[v + half];
        return Simd::sum(sum[0]);
    }
};

struct Full {
    static constexpr bool partial = false;
};
struct Partial {
    static constexpr bool partial = true;
};

// Calls body(v, i, count, Full or Partial) for the vectors of a row of n elements: the `count` elements from
// element i on go to vector v of a LaneSum. Only the last vector can be partial.
template <class T, class Body>
void for_each_lane_vector(std::size_t n, Body body) {
    constexpr std::size_t w = width<T>, line = lanes<T>;
    std::size_t i = 0;
    for (; i + line <= n; i += line) DENSIMD_UNROLL
    for (std::size_t v = 0; v < vectors_per_line<T>; ++v) body(v, i + v * w, w, Full{});
    DENSIMD_UNROLL
    for (std::size_t v = 0; v < vectors_per_line<T>; ++v) {
        if (i + v * w >= n) break;
        const std::size_t left = n - (i + v * w);
        body(v, i + v * w, left < w ? left : w, Partial{});
    }
}

}  // namespace
}  // namespace densimd::kernels
