// Two passes over W in one, for updates after each sample. Bound: one load and one store per vector of W.
#pragma once

#include <cstddef>

#include "dense/backward.hpp"
#include "dense/forward.hpp"
#include "dense/update.hpp"
#include "plan/one_row.hpp"

namespace densimd::kernels {
namespace {

// W, updated with a sample as a product reads it: each vector may be loaded only once. Here the product is
// that with W before the update, and `scaled_x` has the sample's inputs for its rows, times `scale`.
template <class T>
struct UpdatedAfterProduct {
    static constexpr bool writes = true;

    const T* scaled_x;  // as an array: broadcast from memory, elements leave the shuffles to the sums

    DENSIMD_INLINE UpdatedAfterProduct at(std::size_t r) const { return {scaled_x + r}; }
    DENSIMD_INLINE Batch<T> row(std::size_t k) const { return Batch<T>(scaled_x[k]); }
    template <bool Partial>
    DENSIMD_INLINE Batch<T> load(const T* address, std::size_t count, Batch<T>, Batch<T>) const {
        return kernels::load<Partial>(address, count);
    }
    template <bool Partial>
    DENSIMD_INLINE void write_back(const T* address, std::size_t count, Batch<T> loaded, Batch<T> scaled,
                             Batch<T> gradient) const {
        store<Partial>(const_cast<T*>(address), count, updated<T>(scaled, gradient, loaded));
    }
};

// The product is that with W after the update.
template <class T>
struct UpdatedBeforeProduct {
    static constexpr bool writes = true;

    const T *x, *dz;
    T scale;

    DENSIMD_INLINE UpdatedBeforeProduct at_column(std::size_t j) const { return {x, dz + j, scale}; }
    DENSIMD_INLINE Batch<T> row(std::size_t k) const { return Batch<T>(scale * x[k]); }
    template <bool Partial>
    DENSIMD_INLINE Batch<T> column(std::size_t j, std::size_t count) const {
        return kernels::load<Partial>(dz + j, count);
    }
    template <bool Partial>
    DENSIMD_INLINE Batch<T> load(const T* address, std::size_t count, Batch<T> scaled,
                                 Batch<T> gradient) const {
        return updated<T>(scaled, gradient, kernels::load<Partial>(address, count));
    }
    template <bool Partial, bool LoadsFollow = false>
    DENSIMD_INLINE void write_back(const T* address, std::size_t count, Batch<T> w, Batch<T>, Batch<T>) const {
        T* const to = const_cast<T*>(address);  // W is the caller's to write
        if constexpr (LoadsFollow)
            store_before_loads<Partial>(to, count, w);
        else
            store<Partial>(to, count, w);
    }
};

template <class T>
void dense_backward_update_kernel(std::size_t in, std::size_t out, const T* x, const T* dz, T scale, T* W,
                                  std::size_t ldw, T* b, const T* a, Activation activation, T* dx) noexcept {
    if (plan_backward(1, 1, in, out, ldw, machine<T>) == BackwardPath::outer) {
        backward_outer(1, in, out, dz, out, W, ldw, a, in, activation, dx, in);
        update_rank_one(in, out, x, dz, scale, W, ldw);
    } else {
        alignas(64) T scaled_x[block_of_rows<T>];
        dot_one_row(
            in, out, dz, W, ldw, plan_dot_row(in, out, ldw, true, machine<T>),
            [&](std::size_t k, std::size_t rows) {
                map(
                    rows, scaled_x, [=](Batch<T> element) { return Batch<T>(scale) * element; }, x + k);
                return UpdatedAfterProduct<T>{scaled_x};
            },
            InputGradient<T>{a, in, &functions<T>(activation), dx, in});
    }
    if (b) update_bias(1, out, dz, out, scale, b);
}

// One output, W a contiguous column: each weight is updated as its product is added to the sum.
template <class T>
void update_forward_one_output(std::size_t in, const UpdatedBeforeProduct<T>& source, T* W, const T* next_x,
                               const T* b, const ActivationFunctions<T>& activation, T* y) {
    const Batch<T> factor(source.scale), dz(in > 0 ? *source.dz : T(0));
    LaneSum<T> sum;
    for_each_lane_vector<T>(in, [&](std::size_t v, std::size_t k, std::size_t n,
                                    auto kind) DENSIMD_INLINE_LAMBDA {
        constexpr bool partial = decltype(kind)::partial;
        const Batch<T> w = updated<T>(factor * load<partial>(source.x + k, n), dz, load<partial>(W + k, n));
        store<partial>(W + k, n, w);
        sum.part[v] = Simd::fma(load<partial>(next_x + k, n), w, sum.part[v]);
    });
    finish_one_output(sum.total(), b, activation, y);
}

template <class T>
void dense_update_forward_kernel(std::size_t in, std::size_t out, const T* x, const T* dz, T scale, T* W,
                                 std::size_t ldw, T* b, const T* next_x, Activation activation,
                                 T* y) noexcept {
    if (b) update_bias(1, out, dz, out, scale, b);
    const UpdatedBeforeProduct<T> source{x, dz, scale};
    const ActivationFunctions<T>& act = functions<T>(activation);
    switch (plan_update_forward(out, ldw, machine<T>)) {
        case UpdateForwardPath::column:
            return update_forward_one_output(in, source, W, next_x, b, act, y);
        case UpdateForwardPath::two_passes:
            update_rank_one(in, out, x, dz, scale, W, ldw);
            return dense_forward_kernel(1, in, 1, next_x, in, W, ldw, b, activation, y, 1);
        case UpdateForwardPath::row:
            return forward_short_row(in, out, next_x, W, ldw, source, b, act, y);
        case UpdateForwardPath::axpy:
            return forward_long_row(in, out, next_x, W, ldw, source, b, act, y);
    }
}

}  // namespace
}  // namespace densimd::kernels
