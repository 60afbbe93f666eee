// Sums in the order of order.hpp: along lanes, and of accumulators.
#pragma once

#include <cstddef>

#include "order.hpp"
#include "simd/loops.hpp"

namespace densimd::kernels {
namespace {

template <class T>
constexpr std::size_t virtual_lanes = virtual_lanes_of(sizeof(T));

template <class T>
constexpr std::size_t accumulators_of(std::size_t columns) {
    return accumulators_for(columns, virtual_lanes<T>);
}

template <class T>
constexpr std::size_t vectors_per_line = virtual_lanes<T> / vector_size<T>;

// How many of a row's n elements are in vector v of a line.
template <class T>
constexpr std::size_t count_in_vector(std::size_t n, std::size_t v) {
    const std::size_t before = v * vector_size<T>;
    return n < before ? 0 : n - before < vector_size<T> ? n - before : vector_size<T>;
}

// Upper half to lower half.
template <class B, std::size_t N>
B sum_of(const B (&x)[N]) {
    static_assert(N == 1 || N == 2 || N == 4);
    if constexpr (N == 1) return x[0];
    if constexpr (N == 2) return x[0] + x[1];
    if constexpr (N == 4) return (x[0] + x[2]) + (x[1] + x[3]);
}

// x + 0: a sum is never -0, as whether lanes without a term are there depends on the ISA, and they would make it +0.
template <class X>
DENSIMD_INLINE X without_negative_zero(X x) {
    return x + X(0);
}

template <class T>
struct LaneSum {
    Batch<T> part[vectors_per_line<T>];

    LaneSum() {
        DENSIMD_UNROLLED (v, vectors_per_line<T>) part[v] = Batch<T>(T(0));
    }
    T total() const { return without_negative_zero(Simd::sum(sum_of(part))); }
};

// Calls body(v, i, count, Full or Partial) for the vectors of a row of n elements: the `count` elements from
// element i on go to vector v of a LaneSum. Only the last vector can be partial.
template <class T, class Body>
void for_each_lane_vector(std::size_t n, Body body) {
    constexpr std::size_t w = vector_size<T>, line = virtual_lanes<T>;
    std::size_t i = 0;
    for (; i + line <= n; i += line)
        DENSIMD_UNROLLED (v, vectors_per_line<T>) body(v, i + v * w, w, Full{});
    DENSIMD_UNROLLED (v, vectors_per_line<T>) {
        if (i + v * w >= n) break;
        const std::size_t left = n - (i + v * w);
        body(v, i + v * w, left < w ? left : w, Partial{});
    }
}

// Calls add(i, s) for each of `rows` rows i, s = i % 4 a constant: sums over rows in four parts, as one alone
// would wait for each of its additions.
template <class Add>
DENSIMD_INLINE void for_each_row_of_four_sums(std::size_t rows, const Add& add) {
    std::size_t i = 0;
    for (; i + 4 <= rows; i += 4)
        DENSIMD_UNROLLED (s, 4) add(i + s, s);
    DENSIMD_UNROLLED (s, 3)
        if (i + s < rows) add(i + s, s);
}

}  // namespace
}  // namespace densimd::kernels
