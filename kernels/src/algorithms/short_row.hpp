// One row through a layer of few outputs: all its sums in registers, without the loops over tiles, which
// would take longer than the arithmetic. Bound: one load per vector of W and one per input, or the latency of
// in / Splits multiply-adds.
#pragma once

#include "algorithms/activation.hpp"
#include "algorithms/broadcast_gemm.hpp"

namespace densimd::kernels {
namespace {

// z = x W + b, whose sums are split as those of the tiles. If Partial, the last of the vectors is.
template <bool Partial, class T, std::size_t Vectors, class Source>
DENSIMD_INLINE void logits_of_row(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw,
                                  const Source& source, const T* b, Batch<T> (&z)[Vectors]) {
    constexpr std::size_t splits = splits_for<T>(Vectors * width<T>);
    Batch<T> sum[Vectors][splits];
    decltype(source.template column<Partial>(0, 0)) columns[Vectors];
    const auto for_each_part = [=](const auto& body) DENSIMD_INLINE_LAMBDA {
        for_each_vector_of_row<Vectors, Partial, T>(out, body);
    };
    for_each_part([&](std::size_t v, std::size_t j, std::size_t n, auto partial) DENSIMD_INLINE_LAMBDA {
        columns[v] = source.template column<partial>(j, n);
        sum[v][0] = load<partial>(b + j, n);
        DENSIMD_UNROLLED (s, splits - 1) sum[v][s + 1] = Batch<T>(T(0));
    });
    using Row = LoadedRow<T, Vectors>;
    const auto multiply_add = [&](std::size_t r, std::size_t k) DENSIMD_INLINE_LAMBDA {
        const Batch<T> element(x[k]);
        const auto row = source.row(k);
        Row weights;
        for_each_part([&](std::size_t v, std::size_t j, std::size_t n, auto partial) DENSIMD_INLINE_LAMBDA {
            weights.part[v] = source.template load<partial>(W + k * ldw + j, n, row, columns[v]);
            sum[v][r % splits] = Simd::fma(element, weights.part[v], sum[v][r % splits]);
        });
        return weights;
    };
    const auto keep = [&](std::size_t k, const Row& weights) DENSIMD_INLINE_LAMBDA {
        const auto row = source.row(k);
        for_each_part([&](std::size_t v, std::size_t j, std::size_t n, auto partial) DENSIMD_INLINE_LAMBDA {
            source.template keep<partial>(W + k * ldw + j, n, weights.part[v], row, columns[v]);
        });
    };
    constexpr bool late = Source::writes && Simd::masks_stores;
    for_each_row<late, late ? rows_of_turn<Vectors> : splits>(in, multiply_add, keep);
    DENSIMD_UNROLLED (v, Vectors) z[v] = sum_of(sum[v]);
}

// Two registers for each vector, as up to four lines have two sums, and one for dz if W is written.
template <class Source>
constexpr std::size_t max_vectors_of_short_row = Simd::accumulators / (Source::writes ? 3 : 2);

template <class T>
constexpr T no_bias[Simd::accumulators / 2 * width<T>] = {};

template <std::size_t Vectors, bool Partial, class T, class Source>
void forward_short_row(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw,
                       const Source& source, const T* b, const ActivationFunctions<T>& activation, T* y) {
    constexpr std::size_t last = (Vectors - 1) * width<T>;
    Batch<T> z[Vectors];
    logits_of_row<Partial>(in, out, x, W, ldw, source, b ? b : no_bias<T>, z);
    if constexpr (Vectors == 1)
        if (activation.value) z[0] = activation.value(z[0]);
    DENSIMD_UNROLLED (v, Vectors - 1) z[v].store_unaligned(y + v * width<T>);
    store<Partial>(y + last, out - last, z[Vectors - 1]);
    if constexpr (Vectors > 1)
        if (activation.values) activation.values(out, y, y);
}

template <class T, class Source>
constexpr bool is_short_row(std::size_t out, const Source&) {
    return out > 0 && out <= max_vectors_of_short_row<Source> * width<T>;
}

// For 1 to Vectors * width outputs. b may be null.
template <class T, class Source, std::size_t Vectors = max_vectors_of_short_row<Source>>
void forward_short_row(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw,
                       const Source& source, const T* b, const ActivationFunctions<T>& activation, T* y) {
    if constexpr (Vectors > 1)
        if (out <= (Vectors - 1) * width<T>)
            return forward_short_row<T, Source, Vectors - 1>(in, out, x, W, ldw, source, b, activation, y);
    if (out == Vectors * width<T>)
        forward_short_row<Vectors, false>(in, out, x, W, ldw, source, b, activation, y);
    else
        forward_short_row<Vectors, true>(in, out, x, W, ldw, source, b, activation, y);
}

}  // namespace
}  // namespace densimd::kernels
