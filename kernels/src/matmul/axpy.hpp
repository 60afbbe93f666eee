// One row through a layer of many outputs, which do not fit registers.
#pragma once

#include "matmul/operands.hpp"
#include "plan/one_row.hpp"

namespace densimd::kernels {
namespace {

// y += x[k] times row k of W, for `Rows` rows, of which `Vectors` vectors are read before the next row: fewer
// turns from row to row suit the prefetchers.
template <std::size_t Rows, std::size_t Vectors, class T, class Source>
void add_rows(std::size_t out, const T* x, const T* W, std::size_t ldw, const Source& source, std::size_t k,
              T* y) {
    constexpr std::size_t run = Vectors * vector_size<T>;
    Batch<T> element[Rows];
    decltype(source.row(0)) row[Rows];
    DENSIMD_UNROLLED (r, Rows) {
        element[r] = Batch<T>(x[k + r]);
        row[r] = source.row(k + r);
    }
    const T* const w = W + k * ldw;
    // `count` elements from column i on, in so many vectors
    const auto add = [&](std::size_t i, std::size_t count, auto kind, auto vectors) DENSIMD_INLINE_LAMBDA {
        constexpr bool partial = decltype(kind)::partial;
        constexpr std::size_t n = decltype(vectors)::value;
        decltype(source.template column<partial>(i, count)) column[n];
        Batch<T> sum[n], part[Rows][n];
        DENSIMD_UNROLLED (v, n) {
            column[v] = source.template column<partial>(i + v * vector_size<T>, count);
            sum[v] = load<partial>(y + i + v * vector_size<T>, count);
        }
        const auto at = [&](std::size_t r, std::size_t v)
                            DENSIMD_INLINE_LAMBDA { return w + r * ldw + i + v * vector_size<T>; };
        DENSIMD_UNROLLED (r, Rows)
            DENSIMD_UNROLLED (v, n)
                part[r][v] = source.template load<partial>(at(r, v), count, row[r], column[v]);
        DENSIMD_UNROLLED (r, Rows)
            DENSIMD_UNROLLED (v, n) sum[v] = Simd::fma(element[r], part[r][v], sum[v]);
        DENSIMD_UNROLLED (r, Rows)
            DENSIMD_UNROLLED (v, n)
                source.template write_back<partial>(at(r, v), count, part[r][v], row[r], column[v]);
        DENSIMD_UNROLLED (v, n) store<partial>(y + i + v * vector_size<T>, count, sum[v]);
    };
    std::size_t done = 0;
    for (; done + run <= out; done += run)
        add(done, vector_size<T>, Full{}, std::integral_constant<std::size_t, Vectors>{});
    for_each_vector<T>(out - done, [&](std::size_t i, std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
        add(done + i, count, kind, std::integral_constant<std::size_t, 1>{});
    });
}

// A load waits for a store before it if their addresses differ by a multiple of 4 KiB: in the middle between
// two such addresses of W a result is furthest from the loads to come.
template <class T>
T* away_from(const T* W, T* memory) {
    const auto bytes = std::bit_cast<std::uintptr_t>(W) - std::bit_cast<std::uintptr_t>(memory) + 2048;
    return memory + bytes % 4096 / sizeof(T);
}

// y = b, then x times W is added.
template <class T, class Source>
void sum_long_rows(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw,
                   const Source& source, const T* b, T* y, AxpyPlan plan) {
    for_each_vector<T>(out, [&](std::size_t i, std::size_t count, auto kind) {
        constexpr bool partial = decltype(kind)::partial;
        store<partial>(y + i, count, b ? load<partial>(b + i, count) : Batch<T>(T(0)));
    });
    std::size_t k = 0;
    if constexpr (!Source::writes) {
        constexpr auto lines = [](std::size_t n) {  // in vectors, if registers hold so many sums
            return vectors_per_line<T> > 2 ? 1 : n * vectors_per_line<T>;
        };
        if (plan == AxpyPlan::four_rows_apart)
            for (; k + 4 <= in; k += 4) add_rows<4, lines(4)>(out, x, W, ldw, source, k, y);
        else
            for (; k + 8 <= in; k += 8) add_rows<8, lines(2)>(out, x, W, ldw, source, k, y);
    }
    for (; k + 4 <= in; k += 4) add_rows<4, 1>(out, x, W, ldw, source, k, y);
    for (; k < in; ++k) add_rows<1, 1>(out, x, W, ldw, source, k, y);
}

// The same where all rows begin alike: the results wait in memory away from them. Out of line, so that the
// memory is on the stack only then.
template <class T, class Source>
[[gnu::noinline]] void sum_long_rows_apart(std::size_t in, std::size_t out, const T* x, const T* W,
                                           std::size_t ldw, const Source& source, const T* b, T* y) {
    constexpr std::size_t some = 16384 / sizeof(T);
    alignas(64) T memory[some + 4096 / sizeof(T)];
    T* const sums = away_from(W, memory);
    for (std::size_t j = 0; j < out; j += some) {
        const std::size_t count = out - j < some ? out - j : some;
        sum_long_rows(in, count, x, W + j, ldw, source, b ? b + j : nullptr, sums, AxpyPlan::four_rows_apart);
        map(
            count, y + j, [](Batch<T> sum) { return sum; }, sums);
    }
}

// One row of X and many columns: several rows of W at a time are added to the results in L1. The order of each sum is
// that of the tiles, which would jump from row to row of W and so outrun the prefetchers. Bound: one load per vector of
// W, and of the results one load and one store per vector and so many rows.
template <class T, class Source>
void forward_long_row(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw,
                      const Source& source, const T* b, const ActivationFunctions<T>& activation, T* y) {
    const AxpyPlan plan = plan_axpy(ldw, Source::writes, machine<T>);
    if (plan == AxpyPlan::four_rows_apart)
        sum_long_rows_apart(in, out, x, W, ldw, source, b, y);
    else
        sum_long_rows(in, out, x, W, ldw, source, b, y, plan);
    if (activation.values) activation.values(out, y, y);
}

}  // namespace
}  // namespace densimd::kernels
