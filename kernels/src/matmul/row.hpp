// One row through a layer, its sums in registers: loops over tiles would take longer than the arithmetic. Bound: one load
// per vector of W and one per input, or the latency of in / Accumulators multiply-adds. With two to four vectors of
// AVX-512, four inputs share a load: 37 ns instead of 42 for 64 x 64 on Zen 5. With more vectors, from L2, that was half
// as fast again.
#pragma once

#include "matmul/operands.hpp"
#include "plan/tiles.hpp"

namespace densimd::kernels {
namespace {

// Whether an element of four that were loaded at once gets into all lanes without another load.
template <class Isa, class T>
concept HasLaneOfQuads = requires(Batch<T> x) {
    Isa::template lane_of_quads<0>(x);
};

// z = x W + b. If Partial, the last of the vectors is.
template <std::size_t Accumulators, bool Partial, class T, std::size_t Vectors, class Source, class Isa = Simd>
DENSIMD_INLINE void logits_of_row(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw,
                                  const Source& source, const T* b, Batch<T> (&z)[Vectors]) {
    Batch<T> sum[Vectors][Accumulators];
    decltype(source.template column<Partial>(0, 0)) columns[Vectors];
    const auto for_each_part = [=](const auto& body) DENSIMD_INLINE_LAMBDA {
        for_each_vector_of_row<Vectors, Partial, T>(out, body);
    };
    for_each_part([&](std::size_t v, std::size_t j, std::size_t n, auto partial) DENSIMD_INLINE_LAMBDA {
        columns[v] = source.template column<partial>(j, n);
        sum[v][0] = load<partial>(b + j, n);
        DENSIMD_UNROLLED (s, Accumulators - 1) sum[v][s + 1] = Batch<T>(T(0));
    });
    using Row = LoadedRow<T, Vectors>;
    const auto multiply_by = [&](Batch<T> element, std::size_t r, std::size_t k) DENSIMD_INLINE_LAMBDA {
        const auto row = source.row(k);
        Row weights;
        for_each_part([&](std::size_t v, std::size_t j, std::size_t n, auto partial) DENSIMD_INLINE_LAMBDA {
            weights.part[v] = source.template load<partial>(W + k * ldw + j, n, row, columns[v]);
            sum[v][r % Accumulators] = Simd::fma(element, weights.part[v], sum[v][r % Accumulators]);
        });
        return weights;
    };
    const auto multiply_add = [&](std::size_t r, std::size_t k)
                                  DENSIMD_INLINE_LAMBDA { return multiply_by(Batch<T>(x[k]), r, k); };
    // Where few vectors leave registers for it. Elsewhere a partial vector must lack an element: see
    // store_in_pieces.
    constexpr bool late = Partial && Vectors <= 4 && Source::writes && Simd::masks_stores;
    constexpr std::size_t turn = late ? rows_of_turn<Vectors> : Accumulators;
    static_assert(turn % Accumulators == 0);
    const auto keep = [&](std::size_t k, const Row& weights) DENSIMD_INLINE_LAMBDA {
        const auto row = source.row(k);
        for_each_part([&](std::size_t v, std::size_t j, std::size_t n, auto partial) DENSIMD_INLINE_LAMBDA {
            source.template write_back<partial, !late>(W + k * ldw + j, n, weights.part[v], row, columns[v]);
        });
    };
    if constexpr (!Source::writes && Accumulators == 2 && HasLaneOfQuads<Isa, T>) {
        std::size_t k = 0;
        for (; k + 4 <= in; k += 4) {
            const Batch<T> quad = Isa::repeated_quad(x + k);
            multiply_by(Isa::template lane_of_quads<0>(quad), 0, k);
            multiply_by(Isa::template lane_of_quads<1>(quad), 1, k + 1);
            multiply_by(Isa::template lane_of_quads<2>(quad), 2, k + 2);
            multiply_by(Isa::template lane_of_quads<3>(quad), 3, k + 3);
        }
        DENSIMD_UNROLLED (e, 3)
            if (k + e < in) multiply_add(e, k + e);
    } else {
        for_each_row<late, turn>(in, multiply_add, keep);
    }
    DENSIMD_UNROLLED (v, Vectors) z[v] = sum_of(sum[v]);
}

// The vectors of a block: a register for each sum, one or two, and one for dz if W is written. There are four sums where
// a cache line holds all columns.
template <class T, std::size_t Accumulators, class Source>
constexpr std::size_t block_vectors() {
    constexpr std::size_t most = Simd::accumulators / ((Accumulators > 1 ? 2 : 1) + (Source::writes ? 1 : 0));
    constexpr std::size_t columns = (Accumulators == 4 ? 1 : 4) * vectors_per_line<T>;
    return Accumulators > 1 && columns < most ? columns : most;
}

// y = activation(z) of one block. Where a vector of several is partial, y gets z instead, in whole vectors if there is an
// activation, whose loads a masked store would not forward to.
template <std::size_t Accumulators, std::size_t Vectors, bool Partial, class T, class Source>
void row_block(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw,
                    const Source& source, const T* b, const ActivationFunctions<T>& activation, T* y) {
    constexpr std::size_t last = (Vectors - 1) * vector_size<T>;
    Batch<T> z[Vectors];
    logits_of_row<Accumulators, Partial>(in, out, x, W, ldw, source, b, z);
    if constexpr (Vectors == 4 && !Partial)
        if (activation.store_four) return activation.store_four(z[0], z[1], z[2], z[3], y);
    if (Vectors == 1 && activation.value) z[0] = activation.value(z[0]);
    DENSIMD_UNROLLED (v, Vectors - 1) z[v].store_unaligned(y + v * vector_size<T>);
    if (Vectors > 1 && Partial && activation.value)
        z[Vectors - 1].store_unaligned(y + last);
    else
        store<Partial>(y + last, out - last, z[Vectors - 1]);
    if (Vectors > 1 && !Partial && activation.values) activation.values(out, y, y);
}

// For 1 to Vectors * width columns.
template <std::size_t Accumulators, std::size_t Vectors, bool Partial, class T, class Source>
DENSIMD_INLINE void row_block_of_width(std::size_t in, std::size_t out, const T* x, const T* W,
                                      std::size_t ldw, const Source& source, const T* b,
                                      const ActivationFunctions<T>& activation, T* y) {
    if constexpr (Vectors > 1)
        if (out <= (Vectors - 1) * vector_size<T>)
            return row_block_of_width<Accumulators, Vectors - 1, Partial>(in, out, x, W, ldw, source, b, activation,
                                                                   y);
    row_block<Accumulators, Vectors, Partial>(in, out, x, W, ldw, source, b, activation, y);
}

// Out of line, so that the memory is on the stack only then.
template <std::size_t Accumulators, class T, class Source>
[[gnu::noinline]] void staged_row_block(std::size_t in, std::size_t out, const T* x, const T* W,
                                              std::size_t ldw, const Source& source, const T* b,
                                              const ActivationFunctions<T>& activation, T* y) {
    constexpr std::size_t widest = block_vectors<T, Accumulators, Source>();
    alignas(64) T z[widest * vector_size<T>];
    row_block_of_width<Accumulators, widest, true>(in, out, x, W, ldw, source, b, activation, z);
    activation.values(out, z, y);
}

// At most one block: in whole vectors, with a tail, or with a tail that an activation has to wait for.
template <std::size_t Accumulators, class T, class Source>
DENSIMD_INLINE void row_block_or_tail(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw,
                                const Source& source, const T* b, const ActivationFunctions<T>& activation,
                                T* y) {
    constexpr std::size_t w = vector_size<T>, widest = block_vectors<T, Accumulators, Source>();
    if (out % w == 0)
        row_block_of_width<Accumulators, widest, false>(in, out, x, W, ldw, source, b, activation, y);
    else if (out > w && activation.values)
        staged_row_block<Accumulators>(in, out, x, W, ldw, source, b, activation, y);
    else
        row_block_of_width<Accumulators, widest, true>(in, out, x, W, ldw, source, b, activation, y);
}

// Several blocks of about the same width. Out of line, as it needs more registers.
template <std::size_t Accumulators, class T, class Source>
[[gnu::noinline]] void row_in_blocks(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw,
                                    const Source& source, const T* b,
                                    const ActivationFunctions<T>& activation, T* y) {
    constexpr std::size_t w = vector_size<T>, widest = block_vectors<T, Accumulators, Source>();
    std::size_t left = (out + w - 1) / w, parts = (left + widest - 1) / widest;
    for (std::size_t first = 0, count; parts > 0; --parts, first += count) {
        const std::size_t vectors = left / parts;
        count = parts == 1 ? out - first : vectors * w;
        left -= vectors;
        row_block_or_tail<Accumulators>(in, count, x, W + first, ldw, source.at_column(first), b + first, activation,
                            y + first);
    }
}

template <std::size_t Accumulators, class T, class Source>
DENSIMD_INLINE void forward_short_row(std::size_t in, std::size_t out, const T* x, const T* W,
                                      std::size_t ldw, const Source& source, const T* b,
                                      const ActivationFunctions<T>& activation, T* y) {
    if (out > block_vectors<T, Accumulators, Source>() * vector_size<T>)
        row_in_blocks<Accumulators>(in, out, x, W, ldw, source, b, activation, y);
    else
        row_block_or_tail<Accumulators>(in, out, x, W, ldw, source, b, activation, y);
}

// For rows that are not long (Machine::is_long). b may be null.
template <class T, class Source>
DENSIMD_INLINE void forward_short_row(std::size_t in, std::size_t out, const T* x, const T* W,
                                      std::size_t ldw, const Source& source, const T* b,
                                      const ActivationFunctions<T>& activation, T* y) {
    if (out == 0) return;
    if (!b) b = no_bias<T>;
    switch (accumulators_of<T>(out)) {
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
