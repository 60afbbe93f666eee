// The loops over the vectors of a row, and over rows.
#pragma once

#include <cstddef>
#include <type_traits>

#include "simd/vector.hpp"

namespace densimd::kernels {
namespace {

// y[i] = function(x[i]...). Four vectors at a time, so that the latency of one is hidden behind the others.
// All of them are loaded before any is stored: y may be one of x.
template <class T, class Function, class... Inputs>
void map(std::size_t n, T* y, Function function, const Inputs*... x) {
    constexpr std::size_t w = vector_size<T>;
    std::size_t i = 0;
    for (; i + 4 * w <= n; i += 4 * w) {
        Batch<T> result[4];
        DENSIMD_UNROLLED (u, 4) result[u] = function(load(x + i + u * w)...);
        DENSIMD_UNROLLED (u, 4) result[u].store_unaligned(y + i + u * w);
    }
    for (; i + w <= n; i += w) function(load(x + i)...).store_unaligned(y + i);
    if (i < n) Simd::store_partial(y + i, n - i, function(Simd::load_partial(x + i, n - i)...));
}

struct Full {
    static constexpr bool partial = false;
};
struct Partial {
    static constexpr bool partial = true;
};

// Calls body(i, count, Full or Partial) for the vectors of n elements: the `count` from element i on. Only
// the last vector can be partial.
template <class T, class Body>
void for_each_vector(std::size_t n, Body body) {
    constexpr std::size_t w = vector_size<T>;
    std::size_t i = 0;
    for (; i + w <= n; i += w) body(i, w, Full{});
    if (i < n) body(i, n - i, Partial{});
}

// Calls body(v, j, count, whether it is partial) for the `Vectors` vectors of a row of n elements: vector v
// has the `count` from element j on. Only the last can be partial, and is if Partial; unless the machine is lean, where
// any is if Partial.
template <std::size_t Vectors, bool Partial, class T, class Body>
DENSIMD_INLINE void for_each_vector_of_row(std::size_t n, const Body& body) {
    constexpr std::size_t w = vector_size<T>, last = Vectors - 1;
    constexpr bool any_partial = Partial && machine<T>.is_lean;
    DENSIMD_UNROLLED (v, Vectors)
        if (any_partial)
            body(v, v * w, n < v * w ? 0 : n - v * w < w ? n - v * w : w, std::bool_constant<any_partial>{});
        else if (v == last)
            body(v, last * w, n - last * w, std::integral_constant<bool, Partial>{});
        else
            body(v, v * w, w, std::false_type{});
}

// For rows of n elements: calls body(r, i, count, Full or Partial) for the vectors of each. Not by way of
// for_each_vector: masks are to be made once for all rows.
template <class T, class Body>
DENSIMD_INLINE void for_each_vector_of_rows(std::size_t rows, std::size_t n, const Body& body) {
    const std::size_t left = n % vector_size<T>, whole = n - left;
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t i = 0; i < whole; i += vector_size<T>) body(r, i, vector_size<T>, Full{});
        if (left > 0) body(r, whole, left, Partial{});
    }
}

// Rows of n elements, for each of which there are whole vectors in `from`.
template <class T>
void store_rows(std::size_t rows, std::size_t n, const T* from, std::size_t ld_from, T* to,
                std::size_t ld_to) {
    for_each_vector_of_rows<T>(
        rows, n, [=](std::size_t r, std::size_t i, std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
            store<decltype(kind)::partial>(to + r * ld_to + i, count, load(from + r * ld_from + i));
        });
}

template <class T, std::size_t Vectors>
struct LoadedRow {
    Batch<T> part[Vectors];
};

// Rows that are loaded before those of the turn before are stored: a load waits for a masked store before it
// that reaches into the same line, even where they share no byte. Rows have at least two elements.
template <std::size_t Vectors>
constexpr std::size_t rows_of_turn = Vectors == 1   ? 8
                                     : Vectors == 2 ? 4
                                                    : 2;

// row = load(r, k) and store(k, row) for each of `rows` rows k; r is k % Turn, a constant. If Late, stores
// come a turn late.
template <bool Late, std::size_t Turn, class Load, class Store>
DENSIMD_INLINE void for_each_row(std::size_t rows, const Load& load, const Store& store) {
    std::size_t k = 0;
    if constexpr (Late) {
        if (rows >= Turn) {
            decltype(load(0, 0)) now[Turn], next[Turn];
            DENSIMD_UNROLLED (r, Turn) now[r] = load(r, r);
            for (; k + 2 * Turn <= rows; k += Turn) {
                DENSIMD_UNROLLED (r, Turn) next[r] = load(r, k + Turn + r);
                DENSIMD_UNROLLED (r, Turn) store(k + r, now[r]);
                DENSIMD_UNROLLED (r, Turn) now[r] = next[r];
            }
            DENSIMD_UNROLLED (r, Turn) store(k + r, now[r]);
            k += Turn;
        }
    } else {
        for (; k + Turn <= rows; k += Turn)
            DENSIMD_UNROLLED (r, Turn) store(k + r, load(r, k + r));
    }
    DENSIMD_UNROLLED (r, Turn - 1)
        if (k + r < rows) store(k + r, load(r, k + r));
}

// Calls body(std::integral_constant<std::size_t, n>) for a run-time n within Least .. Most: the way from a count
// to registers, whose number must be a constant.
template <std::size_t Least, std::size_t Most, class Body>
DENSIMD_INLINE decltype(auto) with_constant(std::size_t n, const Body& body) {
    if constexpr (Least < Most)
        if (n < Most) return with_constant<Least, Most - 1>(n, body);
    return body(std::integral_constant<std::size_t, Most>{});
}

}  // namespace
}  // namespace densimd::kernels
