// One row through a layer: its sums in registers, without the loops over tiles, which would take longer than
// the arithmetic. Bound: one load per vector of W and one per input, or the latency of in / Splits
// multiply-adds.
#pragma once

#include "algorithms/activation.hpp"
#include "algorithms/broadcast_gemm.hpp"

namespace densimd::kernels {
namespace {

// z = x W + b. If Partial, the last of the vectors is.
template <std::size_t Splits, bool Partial, class T, std::size_t Vectors, class Source>
DENSIMD_INLINE void logits_of_row(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw,
                                  const Source& source, const T* b, Batch<T> (&z)[Vectors]) {
    Batch<T> sum[Vectors][Splits];
    decltype(source.template column<Partial>(0, 0)) columns[Vectors];
    const auto for_each_part = [=](const auto& body) DENSIMD_INLINE_LAMBDA {
        for_each_vector_of_row<Vectors, Partial, T>(out, body);
    };
    for_each_part([&](std::size_t v, std::size_t j, std::size_t n, auto partial) DENSIMD_INLINE_LAMBDA {
        columns[v] = source.template column<partial>(j, n);
        sum[v][0] = load<partial>(b + j, n);
        DENSIMD_UNROLLED (s, Splits - 1) sum[v][s + 1] = Batch<T>(T(0));
    });
    using Row = LoadedRow<T, Vectors>;
    const auto multiply_add = [&](std::size_t r, std::size_t k) DENSIMD_INLINE_LAMBDA {
        const Batch<T> element(x[k]);
        const auto row = source.row(k);
        Row weights;
        for_each_part([&](std::size_t v, std::size_t j, std::size_t n, auto partial) DENSIMD_INLINE_LAMBDA {
            weights.part[v] = source.template load<partial>(W + k * ldw + j, n, row, columns[v]);
            sum[v][r % Splits] = Simd::fma(element, weights.part[v], sum[v][r % Splits]);
        });
        return weights;
    };
    // Where few vectors leave registers for it.
    constexpr bool late = Partial && Vectors <= 4 && Source::writes && Simd::masks_stores;
    const auto keep = [&](std::size_t k, const Row& weights) DENSIMD_INLINE_LAMBDA {
        const auto row = source.row(k);
        for_each_part([&](std::size_t v, std::size_t j, std::size_t n, auto partial) DENSIMD_INLINE_LAMBDA {
            source.template keep<partial, !late>(W + k * ldw + j, n, weights.part[v], row, columns[v]);
        });
    };
    for_each_row<late, late ? rows_of_turn<Vectors> : Splits>(in, multiply_add, keep);
    DENSIMD_UNROLLED (v, Vectors) z[v] = sum_of(sum[v]);
}

// Columns at once: a register for each sum and one for dz if W is written. There are two sums or four where
// there are few columns.
template <class T, std::size_t Splits, class Source>
constexpr std::size_t vectors_at_once() {
    constexpr std::size_t most = Simd::accumulators / ((Splits > 1 ? 2 : 1) + (Source::writes ? 1 : 0));
    constexpr std::size_t columns = Splits == 4 ? lanes<T> : Splits == 2 ? 4 * lanes<T> : 24 * width<T>;
    return most < columns / width<T> ? most : columns / width<T>;
}

template <class T>
constexpr T no_bias[long_row<T>] = {};

// A single vector takes its activation along, `value` if not null. More wait for theirs in y, which has room
// for whole vectors then: loads would wait for a masked store.
template <std::size_t Splits, std::size_t Vectors, bool Partial, class T, class Source>
void columns_of_row(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw,
                    const Source& source, const T* b, Batch<T> (*value)(Batch<T>), T* y) {
    constexpr std::size_t last = (Vectors - 1) * width<T>;
    Batch<T> z[Vectors];
    logits_of_row<Splits, Partial>(in, out, x, W, ldw, source, b, z);
    DENSIMD_UNROLLED (v, Vectors - 1) z[v].store_unaligned(y + v * width<T>);
    if (Vectors == 1)
        store<Partial>(y, out, value ? value(z[0]) : z[0]);
    else if (value)
        z[Vectors - 1].store_unaligned(y + last);
    else
        store<Partial>(y + last, out - last, z[Vectors - 1]);
}

// In so many vectors, 1 to Vectors.
template <std::size_t Splits, std::size_t Vectors, class T, class Source>
void columns_of_row(std::size_t vectors, std::size_t in, std::size_t out, const T* x, const T* W,
                    std::size_t ldw, const Source& source, const T* b, Batch<T> (*value)(Batch<T>), T* y) {
    if constexpr (Vectors > 1)
        if (vectors < Vectors)
            return columns_of_row<Splits, Vectors - 1>(vectors, in, out, x, W, ldw, source, b, value, y);
    if (out == Vectors * width<T>)
        columns_of_row<Splits, Vectors, false>(in, out, x, W, ldw, source, b, value, y);
    else
        columns_of_row<Splits, Vectors, true>(in, out, x, W, ldw, source, b, value, y);
}

// In parts of about the same width, if there are too many for one.
template <std::size_t Splits, class T, class Source>
DENSIMD_INLINE void columns_in_parts(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw,
                                     const Source& source, const T* b,
                                     const ActivationFunctions<T>& activation, T* z, T* y) {
    constexpr std::size_t w = width<T>, most = vectors_at_once<T, Splits, Source>();
    const auto value = activation.value;
    std::size_t left = (out + w - 1) / w;
    if (left <= most) {
        columns_of_row<Splits, most>(left, in, out, x, W, ldw, source, b, value, z);
    } else {
        std::size_t parts = (left + most - 1) / most;
        for (std::size_t first = 0, count; parts > 0; --parts, first += count) {
            const std::size_t now = left / parts;
            count = parts == 1 ? out - first : now * w;
            left -= now;
            columns_of_row<Splits, most>(now, in, count, x, W + first, ldw, source.at_column(first),
                                         b + first, value, z + first);
        }
    }
    if (value) activation.values(out, z, y);
}

// Out of line, so that the memory is on the stack only then.
template <std::size_t Splits, class T, class Source>
[[gnu::noinline]] void partial_columns_of_row(std::size_t in, std::size_t out, const T* x, const T* W,
                                              std::size_t ldw, const Source& source, const T* b,
                                              const ActivationFunctions<T>& activation, T* y) {
    alignas(64) T z[long_row<T>];
    columns_in_parts<Splits>(in, out, x, W, ldw, source, b, activation, z, y);
}

template <std::size_t Splits, class T, class Source>
void forward_short_row(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw,
                       const Source& source, const T* b, const ActivationFunctions<T>& activation, T* y) {
    if (out <= width<T>)
        columns_of_row<Splits, 1>(1, in, out, x, W, ldw, source, b, activation.value, y);
    else if (activation.value && out % width<T> != 0)
        partial_columns_of_row<Splits>(in, out, x, W, ldw, source, b, activation, y);
    else
        columns_in_parts<Splits>(in, out, x, W, ldw, source, b, activation, y, y);
}

// For fewer than long_row outputs. b may be null.
template <class T, class Source>
void forward_short_row(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw,
                       const Source& source, const T* b, const ActivationFunctions<T>& activation, T* y) {
    if (out == 0) return;
    if (!b) b = no_bias<T>;
    switch (splits_for<T>(out)) {
        case 4:
            return forward_short_row<4>(in, out, x, W, ldw, source, b, activation, y);
        case 2:
            return forward_short_row<2>(in, out, x, W, ldw, source, b, activation, y);
        default:
            return forward_short_row<1>(in, out, x, W, ldw, source, b, activation, y);
    }
}

}  // namespace
}  // namespace densimd::kernels
