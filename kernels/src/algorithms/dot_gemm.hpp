// C[rows][cols] = A[rows][depth] B[cols][depth]^T: dot products of rows, lanes along the depth. The input
// gradient, and the forward pass of a layer with one output.
#pragma once

#include "algorithms/vector.hpp"

namespace densimd::kernels {
namespace {

// The elements of a row of B are `step` apart: 1 when Step is Unit, else any number.
struct Unit {
    static constexpr std::size_t step = 1;
};
struct AnyStep {
    std::size_t step;
};

template <bool Partial, class T>
Batch<T> load_with_step(const T* p, std::size_t n, Unit) {
    return load<Partial>(p, n);
}

template <bool Partial, class T>
Batch<T> load_with_step(const T* p, std::size_t n, AnyStep any) {
    T values[width<T>] = {};
    for (std::size_t i = 0; i < n; ++i) values[i] = p[i * any.step];
    return load(values);
}

// sums[i] = the sum of the lanes of x[i]; cheapest for as many as an ISA sums at once.
template <class T, std::size_t N>
DENSIMD_INLINE void sums_of_lanes(const Batch<T> (&x)[N], T* sums) {
    if constexpr (N == Simd::sums_at_once<T>)
        Simd::sums(x, sums);
    else
        DENSIMD_UNROLLED (i, N) sums[i] = Simd::sum(x[i]);
}

// Rows x Cols dot products share their loads and the sums along their lanes, which put the halves of several
// vectors together before they add them: 16 sums of AVX-512 take 8 loads (4 x 4) or 10 (2 x 8) per 16
// multiply-adds, and at the end 15 additions and 30 shuffles. Bound: FMA, and those shuffles when the depth
// is only a few vectors. Only the first `rows` and `cols` are there; others are computed as copies of the
// last and dropped. finish(row, col, rows, cols, sums, ld) takes the results, sums[rows][ld].
template <class T, std::size_t Rows, std::size_t Cols, bool Whole, class Step, class Finish>
void dot_tile(std::size_t depth, const T* A, std::size_t lda, const T* B, std::size_t ldb, Step step,
              std::size_t row, std::size_t col, std::size_t rows, std::size_t cols, const Finish& finish) {
    constexpr std::size_t vectors = vectors_per_line<T>;
    Batch<T> sum[Rows][Cols][vectors];  // each is a LaneSum, which the compiler would not keep in registers
    DENSIMD_UNROLLED (r, Rows)
        DENSIMD_UNROLLED (c, Cols)
            DENSIMD_UNROLLED (v, vectors) sum[r][c][v] = Batch<T>(T(0));
    const T *a = A + row * lda, *b = B + col * ldb;
    const auto row_of = [&](std::size_t r) { return Whole || r < rows ? r : rows - 1; };
    const auto col_of = [&](std::size_t c) { return Whole || c < cols ? c : cols - 1; };
    for_each_lane_vector<T>(
        depth, [&](std::size_t v, std::size_t p, std::size_t n, auto kind) DENSIMD_INLINE_LAMBDA {
            constexpr bool partial = decltype(kind)::partial;
            Batch<T> elements[Rows];
            DENSIMD_UNROLLED (r, Rows)
                elements[r] = Simd::in_register(load<partial>(a + row_of(r) * lda + p, n));
            DENSIMD_UNROLLED (c, Cols) {
                const Batch<T> element =
                    Simd::in_register(load_with_step<partial>(b + col_of(c) * ldb + p * step.step, n, step));
                DENSIMD_UNROLLED (r, Rows) sum[r][c][v] = Simd::fma(elements[r], element, sum[r][c][v]);
            }
        });
    Batch<T> to_sum[Rows * Cols];
    DENSIMD_UNROLLED (i, Rows * Cols) to_sum[i] = sum_of(sum[i / Cols][i % Cols]);
    T sums[(Rows * Cols + width<T> - 1) / width<T> * width<T>];  // whole vectors
    sums_of_lanes<T>(to_sum, sums);
    finish(row, col, Whole ? Rows : rows, Whole ? Cols : cols, sums, Cols);
}

// Rows `first` .. rows - 1 of C, a block of columns after the other, so that their rows of B stay in L1 while
// those of A pass by.
template <class T, std::size_t Rows, std::size_t Cols, class Step, class Finish>
void dot_tiles(std::size_t first, std::size_t rows, std::size_t cols, std::size_t depth, const T* A,
               std::size_t lda, const T* B, std::size_t ldb, Step step, const Finish& finish) {
    for (std::size_t col = 0; col < cols; col += Cols)
        for (std::size_t row = first; row < rows; row += Rows) {
            const std::size_t rows_left = rows - row, cols_left = cols - col;
            if (rows_left >= Rows && cols_left >= Cols)
                dot_tile<T, Rows, Cols, true>(depth, A, lda, B, ldb, step, row, col, Rows, Cols, finish);
            else
                dot_tile<T, Rows, Cols, false>(depth, A, lda, B, ldb, step, row, col,
                                               rows_left < Rows ? rows_left : Rows,
                                               cols_left < Cols ? cols_left : Cols, finish);
        }
}

// sum[r] += the dot products of `Lines` whole lines of a and of each row of B, from element p on: the lines
// of `a` stay in registers, and B is read in runs that are long enough for the prefetchers.
template <std::size_t Lines, std::size_t Rows, std::size_t Vectors, class T, class Source>
DENSIMD_INLINE void dot_lines(std::size_t p, const T* a, const T* B, std::size_t ldb, const Source& source,
                              Batch<T> (&sum)[Rows][Vectors]) {
    constexpr std::size_t w = width<T>;
    Batch<T> element[Lines * Vectors];
    DENSIMD_UNROLLED (v, Lines * Vectors) element[v] = load(a + p + v * w);
    DENSIMD_UNROLLED (r, Rows) {
        const auto row = source.row(r);
        DENSIMD_UNROLLED (v, Lines * Vectors) {
            const T* const address = B + r * ldb + p + v * w;
            const Batch<T> b = source.template load<false>(address, w, row, element[v]);
            source.template keep<false>(address, w, b, row, element[v]);
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
    constexpr std::size_t vectors = vectors_per_line<T>, line = lanes<T>, w = width<T>;
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
            source.template keep<true>(address, count, b, row, element);
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
    constexpr std::size_t w = width<T>, behind = Simd::masks_stores ? Rows / 2 : 0;
    if constexpr (Vectors > 1)
        if (depth <= Vectors / 2 * w)
            return dot_short_rows<Rows, T, Vectors / 2>(depth, a, B, ldb, source, sums);
    Batch<T> element[Vectors];
    DENSIMD_UNROLLED (v, Vectors) element[v] = load<true>(a + v * w, count_in_vector<T>(depth, v));
    Batch<T> loaded[Rows][Vectors], product[Rows];
    const auto keep = [&](std::size_t r) DENSIMD_INLINE_LAMBDA {
        const auto row = source.row(r);
        DENSIMD_UNROLLED (v, Vectors)
            source.template keep<true>(B + r * ldb + v * w, count_in_vector<T>(depth, v), loaded[r][v], row,
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
constexpr std::size_t block_of_rows = 8 * lanes<T>;

// All rows of B, a block of rows after the other. source_of(col, count) is the source of a block, whose
// at(r) is that of its rows from r on. finish(col, count, sums) takes the results of a block: more calls
// would drive what belongs to all rows from the registers. Long rows are taken four at a time, unless all are
// in L1 and only read: with more streams than prefetchers, L3 and DRAM were 5 to 10 % slower on Zen 5.
template <class T, class SourceOf, class Finish>
void dot_one_row(std::size_t cols, std::size_t depth, const T* a, const T* B, std::size_t ldb,
                 const SourceOf& source_of, const Finish& finish) {
    using Source = decltype(source_of(0, 0));
    constexpr std::size_t at_once = Simd::sums_at_once<T>, few = at_once < 4 ? at_once : 4;
    constexpr std::size_t elements_of_l1 = 32768 / sizeof(T);
    const bool many = depth < long_row<T> || (!Source::writes && cols * ldb <= elements_of_l1);
    alignas(64) T sums[block_of_rows<T>];
    for (std::size_t col = 0; col < cols; col += block_of_rows<T>) {
        const std::size_t rows = cols - col < block_of_rows<T> ? cols - col : block_of_rows<T>;
        const T* const block = B + col * ldb;
        const Source source = source_of(col, rows);
        std::size_t r = 0;
        if (depth <= lanes<T>)
            for (; r + at_once <= rows; r += at_once)
                dot_short_rows<at_once>(depth, a, block + r * ldb, ldb, source.at(r), sums + r);
        else if (many)
            for (; r + at_once <= rows; r += at_once)
                dot_rows<at_once>(depth, a, block + r * ldb, ldb, source.at(r), sums + r);
        for (; r + few <= rows; r += few)
            dot_rows<few>(depth, a, block + r * ldb, ldb, source.at(r), sums + r);
        for (; r < rows; ++r) dot_rows<1>(depth, a, block + r * ldb, ldb, source.at(r), sums + r);
        finish(col, rows, sums);
    }
}

// Tiles of 4 x 4 sums where the loads count: they take fewer than 2 x 8, and their rows compete less for
// sets of L1. Where the depth is short, results in longer pieces count more.
template <class T, class Finish>
void dot_tiles_of_any_shape(std::size_t rows, std::size_t cols, std::size_t depth, const T* A,
                            std::size_t lda, const T* B, std::size_t ldb, const Finish& finish) {
    constexpr std::size_t at_once = Simd::sums_at_once<T>;
    std::size_t done = 0;
    if constexpr (at_once == 16)
        if (depth >= 8 * lanes<T>) {
            done = rows % 4 > 2 ? rows : rows - rows % 4;
            dot_tiles<T, 4, 4>(0, done, cols, depth, A, lda, B, ldb, Unit{}, finish);
        }
    dot_tiles<T, 2, at_once / 2>(done, rows, cols, depth, A, lda, B, ldb, Unit{}, finish);
}

template <class T, class Finish>
void dot_gemm(std::size_t rows, std::size_t cols, std::size_t depth, const T* A, std::size_t lda, const T* B,
              std::size_t ldb, const Finish& finish) {
    if (rows == 1)
        dot_one_row(
            cols, depth, A, B, ldb, [](std::size_t, std::size_t) { return AsItIs{}; }, finish);
    else
        dot_tiles_of_any_shape(rows, cols, depth, A, lda, B, ldb, finish);
}

// The results of one column, back to back.
template <class T>
struct Column {
    T bias;
    T* results;

    // As LaneSum::total.
    Batch<T> finished(Batch<T> sum) const { return (sum + Batch<T>(T(0))) + Batch<T>(bias); }

    DENSIMD_INLINE void operator()(std::size_t row, std::size_t, std::size_t rows, std::size_t, const T* sums,
                                   std::size_t) const {
        if (Simd::sums_at_once<T> >= width<T> && rows == width<T>)  // a tile can fill a vector, and does
            finished(load(sums)).store_unaligned(results + row);
        else
            for (std::size_t r = 0; r < rows; ++r) results[row + r] = (sums[r] + T(0)) + bias;
    }
};

// Rows of at most half a line and one column, where two rows fill a vector: half the loads and sums.
template <class Isa, class T>
concept TakesTwo = requires(const T* p, std::size_t n) {
    Isa::load_two(p, p, n);
};

template <class Isa, class T>
[[gnu::noinline]] void dot_half_lines(std::size_t rows, std::size_t depth, const T* A, std::size_t lda,
                                      const T* b, const Column<T>& column) {
    constexpr std::size_t at_once = Isa::template sums_at_once<T>, quarter = at_once / 4;
    const Batch<T> factor = Isa::load_two(b, b, depth);
    T* results = column.results;
    if (lda == depth && 2 * depth == lanes<T>)  // two rows are one load
        for (; rows >= at_once; rows -= at_once, results += at_once, A += at_once * depth) {
            Batch<T> products[at_once / 2];
            DENSIMD_UNROLLED (i, at_once / 2) products[i] = load(A + i * lanes<T>) * factor;
            column.finished(Isa::template sums_of_halves<true>(products)).store_unaligned(results);
        }
    if (rows == 0) return;
    const auto multiply = [&](std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
        const auto row_at = [&](std::size_t r) DENSIMD_INLINE_LAMBDA {
            return A + (decltype(kind)::partial && r >= count ? count - 1 : r) * lda;
        };
        Batch<T> products[at_once / 2];
        DENSIMD_UNROLLED (i, at_once / 2) {
            const std::size_t r = i + i / quarter * quarter;
            products[i] = Isa::load_two(row_at(r), row_at(r + quarter), depth) * factor;
        }
        store<decltype(kind)::partial>(results, count, column.finished(Isa::sums_of_halves(products)));
    };
    for (; rows >= at_once; rows -= at_once, results += at_once, A += at_once * lda)
        multiply(at_once, Full{});
    if (rows > 0) multiply(rows, Partial{});
}

// One column, tiles of as many rows as are summed at once; for fewer rows, of half as many where that will
// do.
template <std::size_t Rows, class T, class Step>
void dot_columns(std::size_t first, std::size_t rows, std::size_t depth, const T* A, std::size_t lda,
                 const T* b, Step step, const Column<T>& column) {
    std::size_t done = rows;
    if constexpr (Rows > 2) done = (rows - first) % Rows > Rows / 2 ? rows : rows - (rows - first) % Rows;
    dot_tiles<T, Rows, 1>(first, done, 1, depth, A, lda, b, 0, step, column);
    if constexpr (Rows > 2)
        if (done < rows) dot_columns<Rows / 2>(done, rows, depth, A, lda, b, step, column);
}

// Long rows are read fewer at a time: as in dot_tiles_of_any_shape.
template <class T, class Step>
[[gnu::noinline]] void dot_columns_of_any_shape(std::size_t rows, std::size_t depth, const T* A,
                                                std::size_t lda, const T* b, Step step,
                                                const Column<T>& column) {
    constexpr std::size_t at_once = Simd::sums_at_once<T>;
    if constexpr (at_once == 16)
        if (depth >= 8 * lanes<T>) return dot_columns<at_once / 2>(0, rows, depth, A, lda, b, step, column);
    dot_columns<at_once>(0, rows, depth, A, lda, b, step, column);
}

// results = A b + bias, where the elements of b are `step` apart.
template <class T>
void dot_gemv(std::size_t rows, std::size_t depth, const T* A, std::size_t lda, const T* b, std::size_t step,
              T bias, T* results) {
    const Column<T> column{bias, results};
    if (step != 1) return dot_columns_of_any_shape(rows, depth, A, lda, b, AnyStep{step}, column);
    if constexpr (TakesTwo<Simd, T>)
        if (rows >= 4 && depth <= lanes<T> / 2) return dot_half_lines<Simd>(rows, depth, A, lda, b, column);
    dot_columns_of_any_shape(rows, depth, A, lda, b, Unit{}, column);
}

}  // namespace
}  // namespace densimd::kernels
