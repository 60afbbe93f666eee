// One row through layers of at most a cache line of outputs. Such layers are bound by latency and by calls, not by
// arithmetic. So their rows stay in registers, without calls, loops over tiles or memory in between, from the products
// to the loss and its gradient. The bits are those of the other kernels.
#pragma once

#include "dense/fused.hpp"
#include "plan/network.hpp"

namespace densimd::kernels {
namespace {

// A row of at most a cache line of elements in registers: several in a few vectors, or a single one in all lanes. What
// follows takes either.
template <class T, std::size_t Vectors>
struct RegisterRow {
    Batch<T> part[Vectors];
};
template <class T>
struct RegisterElement {
    Batch<T> lanes;
};

// Calls body(v, first element, count) for the vectors of a row of n elements.
template <class T, std::size_t Vectors, class Body>
DENSIMD_INLINE void for_each_part(std::size_t n, const Body& body) {
    constexpr std::size_t w = vector_size<T>;
    DENSIMD_UNROLLED (v, Vectors)
        body(v, v * w, machine<T>.is_lean ? count_in_vector<T>(n, v) : v + 1 == Vectors ? n - v * w : w);
}

template <class T, std::size_t Vectors>
DENSIMD_INLINE void load_row(std::size_t n, const T* from, RegisterRow<T, Vectors>& row) {
    for_each_part<T, Vectors>(n, [&](std::size_t v, std::size_t j, std::size_t count)
                                     DENSIMD_INLINE_LAMBDA { row.part[v] = load<true>(from + j, count); });
}
template <class T>
DENSIMD_INLINE void load_row(std::size_t, const T* from, RegisterElement<T>& single) {
    single.lanes = Batch<T>(*from);
}

template <class T, std::size_t Vectors>
DENSIMD_INLINE void store_row(std::size_t n, const RegisterRow<T, Vectors>& row, T* to) {
    for_each_part<T, Vectors>(n, [&](std::size_t v, std::size_t j, std::size_t count)
                                     DENSIMD_INLINE_LAMBDA { store<true>(to + j, count, row.part[v]); });
}
template <class T>
DENSIMD_INLINE void store_row(std::size_t, const RegisterElement<T>& single, T* to) {
    Simd::store_partial(to, 1, single.lanes);
}

// function(vector of row, those of more...)
template <class Function, class T, std::size_t Vectors, class... Rows>
DENSIMD_INLINE void for_each_vector_of(const Function& function, RegisterRow<T, Vectors>& row, Rows&... more) {
    DENSIMD_UNROLLED (v, Vectors) function(row.part[v], more.part[v]...);
}
template <class Function, class T, class... Rows>
DENSIMD_INLINE void for_each_vector_of(const Function& function, RegisterElement<T>& row, Rows&... more) {
    function(row.lanes, more.lanes...);
}

template <class T, class Row>
DENSIMD_INLINE void activate(Activation activation, Row& row) {
    if (const auto value = vector_functions<T>(activation).value)
        for_each_vector_of([value](Batch<T>& z) DENSIMD_INLINE_LAMBDA { z = value(z); }, row);
}

// x W + b of several outputs.
template <class T, std::size_t Vectors, class Source>
DENSIMD_INLINE RegisterRow<T, Vectors> row_of_logits(std::size_t in, std::size_t out, const T* x, const T* W,
                                               std::size_t ldw, const Source& source, const T* b) {
    RegisterRow<T, Vectors> z;
    logits_of_row<4, true>(in, out, x, W, ldw, source, b, z.part);
    return z;
}

// x W + b of one output, W a contiguous column: weights(k, count, kind) is its vector from element k on.
template <class T, class Weights>
DENSIMD_INLINE RegisterElement<T> single_logit(std::size_t in, const T* x, const T* b, const Weights& weights) {
    LaneSum<T> sum;
    for_each_lane_vector<T>(in, [&](std::size_t v, std::size_t k, std::size_t n,
                                    auto kind) DENSIMD_INLINE_LAMBDA {
        sum.part[v] = Simd::fma(load<decltype(kind)::partial>(x + k, n), weights(k, n, kind), sum.part[v]);
    });
    return {Batch<T>(sum.total() + *b)};
}

// The same where x is a row in registers; w becomes W. The lanes behind the end of the row must not count: 0 times an
// infinite input makes a NaN there.
template <class T, std::size_t Vectors>
DENSIMD_INLINE RegisterElement<T> single_logit(std::size_t in, const RegisterRow<T, Vectors>& x, const T* W, const T* b,
                                      RegisterRow<T, Vectors>& w) {
    load_row(in, W, w);
    LaneSum<T> sum;
    for_each_part<T, Vectors>(in, [&](std::size_t v, std::size_t, std::size_t n) DENSIMD_INLINE_LAMBDA {
        sum.part[v] = Simd::fma(first_elements<true>(x.part[v], n), w.part[v], sum.part[v]);
    });
    return {Batch<T>(sum.total() + *b)};
}
template <class T>
DENSIMD_INLINE RegisterElement<T> single_logit(std::size_t in, const RegisterElement<T>& x, const T* W, const T* b,
                                      RegisterElement<T>& w) {
    const Batch<T> zero(T(0));
    load_row(in, W, w);
    return {(Simd::fma(x.lanes, w.lanes, zero) + zero) + Batch<T>(*b)};
}

// Calls take(row of logits) for a narrow layer: a RegisterElement, or a RegisterRow of as few vectors as hold it.
template <class T, std::size_t Vectors = vectors_per_line<T>, class Take>
DENSIMD_INLINE void with_logits(const Layer& layer, const T* parameters, const T* x, const Take& take) {
    const T *W = parameters + layer.weights, *b = parameters + layer.biases;
    if constexpr (Vectors > 1 && !machine<T>.is_lean)
        if (layer.outputs <= (Vectors - 1) * vector_size<T>)
            return with_logits<T, Vectors - 1>(layer, parameters, x, take);
    if constexpr (Vectors == 1 || machine<T>.is_lean)
        if (layer.outputs == 1)
            return take(single_logit(layer.inputs, x, b,
                                     [W](std::size_t k, std::size_t n, auto kind) DENSIMD_INLINE_LAMBDA {
                                         return load<decltype(kind)::partial>(W + k, n);
                                     }));
    take(row_of_logits<T, Vectors>(layer.inputs, layer.outputs, x, W, layer.stride, DirectB{}, b));
}

// The same for the next row, after an update with x.
template <class T, std::size_t Vectors = vectors_per_line<T>, class Take>
DENSIMD_INLINE void with_updated_logits(const Layer& layer, T* parameters, const T* x, const T* dz, T scale,
                                        const T* next_x, const Take& take) {
    T *W = parameters + layer.weights, *b = parameters + layer.biases;
    if constexpr (Vectors > 1 && !machine<T>.is_lean)
        if (layer.outputs <= (Vectors - 1) * vector_size<T>)
            return with_updated_logits<T, Vectors - 1>(layer, parameters, x, dz, scale, next_x, take);
    update_bias(1, layer.outputs, dz, layer.outputs, scale, b);
    if constexpr (Vectors == 1 || machine<T>.is_lean)
        if (layer.outputs == 1) {
            const Batch<T> factor(scale), gradient(*dz);
            return take(single_logit(
                layer.inputs, next_x, b, [=](std::size_t k, std::size_t n, auto kind) DENSIMD_INLINE_LAMBDA {
                    constexpr bool partial = decltype(kind)::partial;
                    const Batch<T> w =
                        updated<T>(factor * load<partial>(x + k, n), gradient, load<partial>(W + k, n));
                    store<partial>(W + k, n, w);
                    return w;
                }));
        }
    take(row_of_logits<T, Vectors>(layer.inputs, layer.outputs, next_x, W, layer.stride,
                                    UpdatedBeforeProduct<T>{x, dz, scale}, b));
}

}  // namespace
}  // namespace densimd::kernels
