// Dot products of one row with the rows of a matrix, lanes along the depth: the input gradient of one sample.
#pragma once

#include <cstddef>

#include "matmul/dot.hpp"
#include "plan/backward.hpp"

namespace densimd::kernels {
namespace {

// sum[r] += the dot products of `Lines` whole lines of a and of each row of B, from element p on: the lines
// of `a` stay in registers, and B is read in runs that are long enough for the prefetchers.
template <std::size_t Lines, std::size_t Rows, std::size_t Vectors, class T, class Source>
DENSIMD_INLINE void dot_lines(std::size_t p, const T* a, const T* B, std::size_t ldb, const Source& source,
                              Batch<T> (&sum)[Rows][Vectors]) {
    constexpr std::size_t w = vector_size<T>;
    Batch<T> element[Lines * Vectors];
    DENSIMD_UNROLLED (v, Lines * Vectors) element[v] = load(a + p + v * w);
    DENSIMD_UNROLLED (r, Rows) {
        const auto row = source.row(r);
        DENSIMD_UNROLLED (v, Lines * Vectors) {
            const T* const address = B + r * ldb + p + v * w;
            const Batch<T> b = source.template load<false>(address, w, row, element[v]);
            source.template write_back<false>(address, w, b, row, element[v]);
            sum[r][v % Vectors] = Simd::fma(element[v], b, sum[r][v % Vectors]);
        }
    }
}

template <class T, std::size_t Rows>
struct SumsOfRows {
    Batch<T> row[Rows];
};

// The dot products of a with `Rows` rows of B, before the sums along lanes.
template <std::size_t Rows, class T, class Source>
DENSIMD_INLINE SumsOfRows<T, Rows> dot_streams(std::size_t depth, const T* a, const T* B, std::size_t ldb,
                                               const Source& source) {
    constexpr std::size_t vectors = vectors_per_line<T>, line = virtual_lanes<T>, w = vector_size<T>;
    // Lines of `a` in registers: with more streams than prefetchers, writing wants longer runs than reading.
    constexpr std::size_t room = Simd::accumulators / 3 / vectors,
                          most = Source::writes || room < 2 ? room : 2;
    Batch<T> sum[Rows][vectors];
    DENSIMD_UNROLLED (r, Rows)
        DENSIMD_UNROLLED (v, vectors) sum[r][v] = Batch<T>(T(0));
    std::size_t p = 0;
    for (; p + most * line <= depth; p += most * line) dot_lines<most>(p, a, B, ldb, source, sum);
    if constexpr (most > 4)
        if (p + 4 * line <= depth) {
            dot_lines<4>(p, a, B, ldb, source, sum);
            p += 4 * line;
        }
    for (; p + line <= depth; p += line) dot_lines<1>(p, a, B, ldb, source, sum);
    DENSIMD_UNROLLED (v, vectors) {
        const std::size_t at = p + v * w;
        if (at >= depth) break;
        const std::size_t count = depth - at < w ? depth - at : w;
        const Batch<T> element = load<true>(a + at, count);
        DENSIMD_UNROLLED (r, Rows) {
            const auto row = source.row(r);
            const T* const address = B + r * ldb + at;
            const Batch<T> b = source.template load<true>(address, count, row, element);
            source.template write_back<true>(address, count, b, row, element);
            sum[r][v] = Simd::fma(element, b, sum[r][v]);
        }
    }
    SumsOfRows<T, Rows> sums;
    DENSIMD_UNROLLED (r, Rows) sums.row[r] = sum_of(sum[r]);
    return sums;
}

// One row of A: sums[r] = the dot products of a with `Rows` rows of B. Bound: one load per vector of B, and
// the shuffles at the end, which 16 rows share. Of these, eight are read at a time.
template <std::size_t Rows, class T, class Source>
[[gnu::noinline]] void dot_rows(std::size_t depth, const T* a, const T* B, std::size_t ldb,
                                const Source& source, T* sums) {
    constexpr std::size_t streams = Rows < 8 ? Rows : 8;
    Batch<T> to_sum[Rows];
    DENSIMD_UNROLLED (g, Rows / streams) {
        const auto group = dot_streams<streams>(depth, a, B + g * streams * ldb, ldb, source.at(g * streams));
        DENSIMD_UNROLLED (r, streams) to_sum[g * streams + r] = group.row[r];
    }
    sums_of_lanes<T>(to_sum, sums);
}

// The same for rows of at most one line: of so many vectors. Each row is kept after the loads of rows behind
// it: see rows_of_turn.
template <std::size_t Rows, class T, std::size_t Vectors = vectors_per_line<T>, class Source>
DENSIMD_INLINE void dot_short_rows(std::size_t depth, const T* a, const T* B, std::size_t ldb,
                                   const Source& source, T* sums) {
    constexpr std::size_t w = vector_size<T>, behind = Simd::masks_stores ? Rows / 2 : 0;
    if constexpr (Vectors > 1)
        if (depth <= Vectors / 2 * w)
            return dot_short_rows<Rows, T, Vectors / 2>(depth, a, B, ldb, source, sums);
    Batch<T> element[Vectors];
    DENSIMD_UNROLLED (v, Vectors) element[v] = load<true>(a + v * w, count_in_vector<T>(depth, v));
    Batch<T> loaded[Rows][Vectors], product[Rows];
    const auto keep = [&](std::size_t r) DENSIMD_INLINE_LAMBDA {
        const auto row = source.row(r);
        DENSIMD_UNROLLED (v, Vectors)
            source.template write_back<true>(B + r * ldb + v * w, count_in_vector<T>(depth, v), loaded[r][v], row,
                                       element[v]);
    };
    DENSIMD_UNROLLED (r, Rows) {
        Batch<T> part[Vectors];
        DENSIMD_UNROLLED (v, Vectors) {
            loaded[r][v] = source.template load<true>(B + r * ldb + v * w, count_in_vector<T>(depth, v),
                                                      source.row(r), element[v]);
            part[v] = element[v] * loaded[r][v];
        }
        product[r] = sum_of(part);
        if (r >= behind) keep(r - behind);
    }
    DENSIMD_UNROLLED (r, behind) keep(Rows - behind + r);
    sums_of_lanes<T>(product, sums);
}

template <class T>
constexpr std::size_t block_of_rows = 8 * virtual_lanes<T>;

// Keeps the sums of a tile of one row, in whole vectors.
template <class T>
struct KeptSums {
    T* to;
    DENSIMD_INLINE void operator()(std::size_t, std::size_t col, std::size_t, std::size_t, const T* sums,
                                   std::size_t) const {
        constexpr std::size_t w = vector_size<T>, vectors = (Simd::sums_at_once<T> + w - 1) / w;
        DENSIMD_UNROLLED (v, vectors) load(sums + v * w).store_unaligned(to + col + v * w);
    }
};

// All rows of B, a block of rows after the other. source_of(col, count) is the source of a block, whose at(r) is that
// of its rows from r on. finish(col, count, sums) takes the results of a block: more calls would drive what belongs
// to all rows from the registers.
template <class T, class SourceOf, class Finish>
void dot_one_row(std::size_t cols, std::size_t depth, const T* a, const T* B, std::size_t ldb, DotRow plan,
                 const SourceOf& source_of, const Finish& finish) {
    using Source = decltype(source_of(0, 0));
    constexpr std::size_t many = Simd::sums_at_once<T>, few = many < 4 ? many : 4;
    alignas(64) T sums[block_of_rows<T> + virtual_lanes<T>];  // tiles end behind the last row
    for (std::size_t col = 0; col < cols; col += block_of_rows<T>) {
        const std::size_t rows = cols - col < block_of_rows<T> ? cols - col : block_of_rows<T>;
        const T* const block = B + col * ldb;
        const Source source = source_of(col, rows);
        std::size_t r = 0;
        if (plan == DotRow::lines)
            for (; r + many <= rows; r += many)
                dot_short_rows<many>(depth, a, block + r * ldb, ldb, source.at(r), sums + r);
        else if (plan == DotRow::eight)
            for (; r + many <= rows; r += many)
                dot_rows<many>(depth, a, block + r * ldb, ldb, source.at(r), sums + r);
        if constexpr (!Source::writes)
            if (plan != DotRow::four) {
                // What is left, in vectors whose rows behind the last are copies of it.
                if (r < rows)
                    dot_tiles<T, 1, many>(0, 1, rows - r, depth, a, 0, block + r * ldb, ldb, Unit{}, KeptSums<T>{sums + r});
                r = rows;
            }
        for (; r + few <= rows; r += few)
            dot_rows<few>(depth, a, block + r * ldb, ldb, source.at(r), sums + r);
        for (; r < rows; ++r) dot_rows<1>(depth, a, block + r * ldb, ldb, source.at(r), sums + r);
        finish(col, rows, sums);
    }
}

}  // namespace
}  // namespace densimd::kernels
