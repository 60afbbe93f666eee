// One row through a layer of many outputs, which do not fit registers.
#pragma once

#include "algorithms/activation.hpp"
#include "algorithms/vector.hpp"

namespace densimd::kernels {
namespace {

// y += x[k] times row k of W, for `Rows` rows. A load waits for a store before it if their addresses differ
// by a multiple of 4 KiB; so the columns are gone through in that direction in which the loads of the
// first of the rows leave such addresses behind.
template <std::size_t Rows, class T, class Source>
void add_rows(std::size_t out, const T* x, const T* W, std::size_t ldw, const Source& source, std::size_t k,
              T* y) {
    Batch<T> element[Rows];
    decltype(source.row(0)) row[Rows];
    DENSIMD_UNROLLED (r, Rows) {
        element[r] = Batch<T>(x[k + r]);
        row[r] = source.row(k + r);
    }
    const T* const w = W + k * ldw;
    const auto add = [&](std::size_t i, std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
        constexpr bool partial = decltype(kind)::partial;
        const auto column = source.template column<partial>(i, count);
        Batch<T> sum = load<partial>(y + i, count), part[Rows];
        DENSIMD_UNROLLED (r, Rows)
            part[r] = source.template load<partial>(w + r * ldw + i, count, row[r], column);
        DENSIMD_UNROLLED (r, Rows) sum = Simd::fma(element[r], part[r], sum);
        DENSIMD_UNROLLED (r, Rows)
            source.template keep<partial>(w + r * ldw + i, count, part[r], row[r], column);
        store<partial>(y + i, count, sum);
    };
    const std::size_t ahead = (std::bit_cast<std::uintptr_t>(y) - std::bit_cast<std::uintptr_t>(w)) % 4096;
    if (ahead < 1024)
        for_each_vector_backward<T>(out, add);
    else
        for_each_vector<T>(out, add);
}

// One row of X and long_row columns or more: several rows of W at a time are added to the results in L1. The
// order of each sum is that of the tiles, which would jump from row to row of W and so outrun the
// prefetchers. Bound: one load per vector of W, and of the results one load and one store per vector and so
// many rows. As many rows as registers hold inputs for, or six if they compete for the lines of a set;
// four if they are written too, which comes after the loads of all four: else these would wait for stores a
// multiple of 4 KiB away.
template <class T, class Source>
void forward_long_row(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw,
                      const Source& source, const T* b, const ActivationFunctions<T>& activation, T* y) {
    for_each_vector<T>(out, [&](std::size_t i, std::size_t count, auto kind) {
        constexpr bool partial = decltype(kind)::partial;
        store<partial>(y + i, count, b ? load<partial>(b + i, count) : Batch<T>(T(0)));
    });
    std::size_t k = 0;
    if constexpr (!Source::writes) {
        constexpr std::size_t many = Simd::accumulators > 16 ? 16 : 8;
        if (has_few_sets<T>(ldw))
            for (; k + 6 <= in; k += 6) add_rows<6>(out, x, W, ldw, source, k, y);
        else
            for (; k + many <= in; k += many) add_rows<many>(out, x, W, ldw, source, k, y);
    }
    for (; k + 4 <= in; k += 4) add_rows<4>(out, x, W, ldw, source, k, y);
    for (; k < in; ++k) add_rows<1>(out, x, W, ldw, source, k, y);
    if (activation.values) activation.values(out, y, y);
}

}  // namespace
}  // namespace densimd::kernels
