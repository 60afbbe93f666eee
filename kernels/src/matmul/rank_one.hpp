// The update by one sample: W += scale x dz^T.
#pragma once

#include <cstddef>

#include "plan/one_row.hpp"
#include "simd/loops.hpp"

namespace densimd::kernels {
namespace {

// The weights w after an update by one sample: w + (scale x) dz.
template <class T>
DENSIMD_INLINE Batch<T> updated(Batch<T> scaled_x, Batch<T> dz, Batch<T> w) {
    return Simd::fma(scaled_x, dz, w);
}

// Rows of W of at most four vectors: dz stays in registers from row to row.
template <std::size_t Vectors, bool Partial, class T>
void update_short_rows(std::size_t in, std::size_t out, const T* x, const T* dz, T scale, T* W,
                       std::size_t ldw) {
    using Row = LoadedRow<T, Vectors>;
    const auto load_row = [=](const T* from) DENSIMD_INLINE_LAMBDA {
        Row row;
        for_each_vector_of_row<Vectors, Partial, T>(
            out, [&](std::size_t v, std::size_t j, std::size_t n, auto partial)
                     DENSIMD_INLINE_LAMBDA { row.part[v] = load<partial>(from + j, n); });
        return row;
    };
    const Row gradient = load_row(dz);
    const Batch<T> factor(scale);
    constexpr bool late = Partial && Simd::masks_stores;
    // Rows are loaded and stored in their order: two addresses, which the asm keeps from becoming one per row.
    const T* from = W;
    T* to = W;
    for_each_row<late, late ? rows_of_turn<Vectors> : 1>(
        in,
        [&](std::size_t, std::size_t) DENSIMD_INLINE_LAMBDA {
            const Row row = load_row(from);
            from += ldw;
            asm("" : "+r"(from));
            return row;
        },
        [&](std::size_t k, const Row& row) DENSIMD_INLINE_LAMBDA {
            const Batch<T> element = factor * Batch<T>(x[k]);
            for_each_vector_of_row<Vectors, Partial, T>(
                out, [&](std::size_t v, std::size_t j, std::size_t n, auto partial) DENSIMD_INLINE_LAMBDA {
                    store<partial>(to + j, n, updated<T>(element, gradient.part[v], row.part[v]));
                });
            to += ldw;
            asm("" : "+r"(to));
        });
}

template <std::size_t Vectors, class T>
void update_short_rows(std::size_t in, std::size_t out, const T* x, const T* dz, T scale, T* W,
                       std::size_t ldw) {
    if constexpr (Vectors > 1)
        if (out <= (Vectors - 1) * vector_size<T>)
            return update_short_rows<Vectors - 1>(in, out, x, dz, scale, W, ldw);
    if (out == Vectors * vector_size<T>)
        update_short_rows<Vectors, false>(in, out, x, dz, scale, W, ldw);
    else
        update_short_rows<Vectors, true>(in, out, x, dz, scale, W, ldw);
}

template <class T>
void update_column(std::size_t in, const T* x, T dz, T scale, T* W) {
    const Batch<T> factor(scale), gradient(dz);
    map(
        in, W, [=](Batch<T> w, Batch<T> element) { return updated<T>(factor * element, gradient, w); }, W, x);
}

// dz is loaded anew for each row, from L1.
template <class T>
void update_long_rows(std::size_t in, std::size_t out, const T* x, const T* dz, T scale, T* W, std::size_t ldw) {
    const std::size_t whole = out / vector_size<T> * vector_size<T>;
    const auto update_whole = [=](T element, T* w) DENSIMD_INLINE_LAMBDA {
        const Batch<T> factor(element);
        map(
            whole, w, [=](Batch<T> old, Batch<T> gradient) { return updated<T>(factor, gradient, old); }, w,
            dz);
    };
    if (whole == out) {  // a loop of its own: it would look for more after each row
        for (std::size_t k = 0; k < in; ++k) update_whole(scale * x[k], W + k * ldw);
        return;
    }
    const std::size_t left = out - whole;
    const Batch<T> gradient = load<true>(dz + whole, left);
    for (std::size_t k = 0; k < in; ++k) {
        T *const row = W + k * ldw, *const end = row + whole;
        const T element = scale * x[k];
        update_whole(element, row);
        store_before_loads<true>(end, left, updated<T>(Batch<T>(element), gradient, load<true>(end, left)));
    }
}

// W += scale x dz^T, row after row of W. Bound: one load and one store per vector of W (dz stays in L1).
template <class T>
void update_rank_one(std::size_t in, std::size_t out, const T* x, const T* dz, T scale, T* W, std::size_t ldw) {
    if (in == 0 || out == 0) return;
    switch (plan_rank_one(out, ldw, machine<T>)) {
        case RankOnePath::column:
            return update_column(in, x, *dz, scale, W);
        case RankOnePath::short_rows:
            return update_short_rows<max_short_row>(in, out, x, dz, scale, W, ldw);
        case RankOnePath::rows:
            return update_long_rows(in, out, x, dz, scale, W, ldw);
    }
}

}  // namespace
}  // namespace densimd::kernels
