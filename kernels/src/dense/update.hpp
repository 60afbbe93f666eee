// The update of a layer: W += scale X^T dZ and b += scale (sum of dZ's rows).
#pragma once

#include <densimd/kernels.hpp>

#include <cstddef>

#include "matmul/pack.hpp"
#include "matmul/rank_one.hpp"
#include "matmul/tall.hpp"
#include "plan/update.hpp"

namespace densimd::kernels {
namespace {

// X^T dZ, each element summed over the batch in order; with one output, from rows_for_four_sums rows on, in four
// sums. Bound: FMA, plus one load and one store of C per tile.
template <class T, class Result>
DENSIMD_INLINE void multiply_transposed(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx, const T* dZ,
                         std::size_t lddz, const Result& result, UpdatePlan plan) {
    Product<T> product{in, out, batch, X, 1, ldx, dZ, lddz};
    const ProductShape shape = {in, out, batch, lddz};
    switch (plan.path) {
        case UpdatePath::rank_one:
        case UpdatePath::tile:
            return multiply(product, result, plan_update_tiles(shape, result.ld, machine<T>), {0, in});
        case UpdatePath::tall:
            return multiply_tall(product, result);
        case UpdatePath::column:  // the roles of X and dZ are exchanged: lanes run along W
            product = {1, in, batch, dZ, 0, lddz, X, ldx};
            return multiply(product, result, plan_column_tiles(shape, machine<T>), {0, 1});
    }
}

template <class T>
void gemm_tn_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                    const T* dZ, std::size_t lddz, T* dW, std::size_t lddw) noexcept {
    multiply_transposed(batch, in, out, X, ldx, dZ, lddz, Output<T>{.C = dW, .ld = lddw},
                        plan_gemm_tn({in, out, batch, lddz}, lddw, machine<T>));
}

// One bias, of many rows: without vectors, of which a single lane would be used.
template <class T>
void update_single_bias(std::size_t batch, const T* dz, std::size_t lddz, T scale, T* b) {
    T sum[4] = {};
    for_each_row_of_four_sums(
        batch, [&](std::size_t i, std::size_t s) DENSIMD_INLINE_LAMBDA { sum[s] += dz[i * lddz]; });
    const Batch<T> total(sum_of(sum));
    Simd::store_partial(b, 1, updated<T>(Batch<T>(scale), total, Batch<T>(*b)));
}

// Biases of some vectors at once, as the sums of one would wait for their additions; if Partial, of `count`
// elements of a single one.
template <std::size_t Vectors, bool Partial, class T>
void update_biases(std::size_t batch, std::size_t count, const T* dZ, std::size_t lddz, T scale, T* b) {
    constexpr std::size_t w = vector_size<T>;
    const auto dz = [=](std::size_t i, std::size_t v)
                        DENSIMD_INLINE_LAMBDA { return load<Partial>(dZ + i * lddz + v * w, count); };
    Batch<T> total[Vectors];
    if (batch < rows_for_four_sums) {
        DENSIMD_UNROLLED (v, Vectors) total[v] = dz(0, v);
        for (std::size_t i = 1; i < batch; ++i)
            DENSIMD_UNROLLED (v, Vectors) total[v] = total[v] + dz(i, v);
    } else {
        const Batch<T> zero(T(0));
        Batch<T> sum[Vectors][4];
        DENSIMD_UNROLLED (v, Vectors)
            DENSIMD_UNROLLED (s, 4) sum[v][s] = zero;
        for_each_row_of_four_sums(batch, [&](std::size_t i, std::size_t s) DENSIMD_INLINE_LAMBDA {
            DENSIMD_UNROLLED (v, Vectors) sum[v][s] = sum[v][s] + dz(i, v);
        });
        DENSIMD_UNROLLED (v, Vectors) total[v] = sum_of(sum[v]);
    }
    DENSIMD_UNROLLED (v, Vectors) {
        T* const to = b + v * w;
        store<Partial>(to, count, updated<T>(Batch<T>(scale), total[v], load<Partial>(to, count)));
    }
}

// b += scale (sum of dZ's rows): the bias is the weight of an input that is always 1. From rows_for_four_sums
// rows on in four sums.
template <class T>
void update_bias(std::size_t batch, std::size_t out, const T* dZ, std::size_t lddz, T scale, T* b) {
    if (batch_accumulators(out, batch) > 1) return update_single_bias(batch, dZ, lddz, scale, b);
    constexpr std::size_t w = vector_size<T>, at_once = Simd::accumulators / 6;  // times four sums
    const auto update = [=]<std::size_t Vectors, bool Partial>(std::size_t j) {
        update_biases<Vectors, Partial>(batch, out - j, dZ + j, lddz, scale, b + j);
    };
    std::size_t j = 0;
    for (; j + at_once * w <= out; j += at_once * w) update.template operator()<at_once, false>(j);
    for (; j + w <= out; j += w) update.template operator()<1, false>(j);
    if (j < out) update.template operator()<1, true>(j);
}

template <class T>
void dense_update_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                         const T* dZ, std::size_t lddz, T scale, T* W, std::size_t ldw, T* b) noexcept {
    if (batch == 0) return;
    const UpdatePlan plan = plan_update({in, out, batch, lddz}, ldw, machine<T>);
    const Step<T> step = {W, ldw, scale, plan.fetches};
    if (plan.path == UpdatePath::rank_one)
        update_rank_one(in, out, X, dZ, scale, W, ldw);
    else
        multiply_transposed(batch, in, out, X, ldx, dZ, lddz, step, plan);
    if (b) update_bias(batch, out, dZ, lddz, scale, b);
}

template <class T>
void planned_update_kernel(UpdatePlan plan, const TilePlan& tiles, std::size_t batch, std::size_t in, std::size_t out,
                           const T* X, std::size_t ldx, const T* dZ, std::size_t lddz, T scale, T* W, std::size_t ldw,
                           T* b) noexcept {
    const Step<T> step = {W, ldw, scale, plan.fetches};
    Product<T> product{in, out, batch, X, 1, ldx, dZ, lddz};
    if (plan.path == UpdatePath::rank_one)
        update_rank_one(in, out, X, dZ, scale, W, ldw);
    else if (plan.path == UpdatePath::tile)
        multiply(product, step, tiles, {0, in});
    else
        multiply_transposed(batch, in, out, X, ldx, dZ, lddz, step, plan);
    if (b) update_bias(batch, out, dZ, lddz, scale, b);
}

template <class T>
void ger_kernel(std::size_t in, std::size_t out, T alpha, const T* x, const T* dz, T* W,
                std::size_t ldw) noexcept {
    update_rank_one(in, out, x, dz, alpha, W, ldw);
}

}  // namespace
}  // namespace densimd::kernels
