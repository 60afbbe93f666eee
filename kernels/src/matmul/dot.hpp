// C[rows][cols] = A[rows][depth] B[cols][depth]^T: dot products of rows, lanes along the depth. The input
// gradient, and the forward pass of a layer with one output.
#pragma once

#include "matmul/operands.hpp"
#include "plan/backward.hpp"
#include "plan/forward.hpp"

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
    T values[vector_size<T>] = {};
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

// The same where `sums` has room for whole vectors.
template <class Isa, class T, std::size_t N>
concept SumsSome = requires(const Batch<T> (&x)[N], T* sums) {
    Isa::sums(x, sums);
};
template <class T, std::size_t N, class Isa = Simd>
DENSIMD_INLINE void sums_in_vectors(const Batch<T> (&x)[N], T* sums) {
    if constexpr (SumsSome<Isa, T, N>)
        Isa::sums(x, sums);
    else
        sums_of_lanes<T>(x, sums);
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
    if constexpr (Rows * Cols == 1) {
        T sums[vector_size<T>];
        Batch<T>(Simd::sum(sum_of(sum[0][0]))).store_unaligned(sums);  // a masked load would wait for a narrow store
        return finish(row, col, 1, 1, sums, 1);
    }
    constexpr std::size_t used = Rows * Cols, all = Simd::sums_at_once<T>;
    constexpr std::size_t number = SumsSome<Simd, T, used> || used > all ? used : all;  // idle ones are 0
    Batch<T> to_sum[number];
    DENSIMD_UNROLLED (i, number) to_sum[i] = i < used ? sum_of(sum[i / Cols % Rows][i % Cols]) : Batch<T>(T(0));
    T sums[(number + vector_size<T> - 1) / vector_size<T> * vector_size<T>];  // whole vectors
    sums_in_vectors<T>(to_sum, sums);
    finish(row, col, Whole ? Rows : rows, Whole ? Cols : cols, sums, Cols);
}

// Rows `first` .. rows - 1 of C, a block of columns after the other, so that their rows of B stay in L1 while
// those of A pass by.
template <class T, std::size_t Rows, std::size_t Cols, class Step, class Finish>
void dot_tiles(std::size_t first, std::size_t rows, std::size_t cols, std::size_t depth, const T* A,
               std::size_t lda, const T* B, std::size_t ldb, Step step, const Finish& finish) {
    for (std::size_t col = 0; col < cols; col += Cols)
        for (std::size_t row = first; row < rows; row += Rows) {
            const std::size_t rows_left = rows - row < Rows ? rows - row : Rows;
            const std::size_t cols_left = cols - col < Cols ? cols - col : Cols;
            if (rows_left == Rows && cols_left == Cols)
                dot_tile<T, Rows, Cols, true>(depth, A, lda, B, ldb, step, row, col, Rows, Cols, finish);
            else if (Rows == 1 && cols_left == 1)
                dot_tile<T, 1, 1, true>(depth, A, lda, B, ldb, step, row, col, 1, 1, finish);
            else if (Cols > 2 && 2 * cols_left <= Cols)
                dot_tile<T, Rows, (Cols > 2 ? Cols / 2 : Cols), false>(depth, A, lda, B, ldb, step, row, col, rows_left,
                                                                       cols_left, finish);
            else
                dot_tile<T, Rows, Cols, false>(depth, A, lda, B, ldb, step, row, col, rows_left, cols_left, finish);
        }
}

// All rows in tiles of one shape, and the rows that would fill less than half of one in another.
template <class T, class Finish>
[[gnu::noinline]] void dot_gemm(std::size_t rows, std::size_t cols, std::size_t depth, const T* A, std::size_t lda,
                                const T* B, std::size_t ldb, const Finish& finish) {
    constexpr std::size_t sums = Simd::sums_at_once<T>;
    std::size_t done = 0;
    const auto tiles = [&]<std::size_t Rows>() {
        const std::size_t left = rows - done, rest = left % Rows;
        const std::size_t end = 2 * rest > Rows || left < Rows ? rows : rows - rest;
        dot_tiles<T, Rows, sums / Rows>(done, end, cols, depth, A, lda, B, ldb, Unit{}, finish);
        done = end;
    };
    while (done < rows) switch (plan_dot_tile(rows - done, cols, depth, machine<T>)) {
            case DotTile::two_columns:
                if constexpr (sums >= 8) tiles.template operator()<sums / 2>();
                break;
            case DotTile::square:
                if constexpr (sums == 16) tiles.template operator()<4>();
                break;
            case DotTile::two_rows:
                tiles.template operator()<(sums < 2 ? 1 : 2)>();
                break;
            case DotTile::one_row:
                if constexpr (sums >= 8) tiles.template operator()<1>();
                break;
        }
}

// Whether so many results of a column are finished in registers, activation and all: those that a tile of dot products
// leaves in one vector. Stored one by one, they would have to reach L1 before the activation could load them.
template <class T>
constexpr bool fills_no_vector(std::size_t rows) {
    return Simd::sums_at_once<T> == vector_size<T> && rows <= vector_size<T>;
}

// The results of one column, back to back; `value` is null or their activation.
template <class T>
struct Column {
    T bias;
    T* results;
    Batch<T> (*value)(Batch<T>);

    DENSIMD_INLINE Batch<T> finished(Batch<T> sum) const {
        const Batch<T> z = without_negative_zero(sum) + Batch<T>(bias);
        return value ? value(z) : z;
    }

    DENSIMD_INLINE void operator()(std::size_t row, std::size_t, std::size_t rows, std::size_t, const T* sums,
                                   std::size_t) const {
        if constexpr (Simd::sums_at_once<T> == vector_size<T>)
            store<true>(results + row, rows, finished(load(sums)));
        else if (Simd::sums_at_once<T> > vector_size<T> && rows == vector_size<T>)  // a tile can fill a vector, and does
            finished(load(sums)).store_unaligned(results + row);
        else
            for (std::size_t r = 0; r < rows; ++r) results[row + r] = without_negative_zero(sums[r]) + bias;
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
    if (lda == depth && 2 * depth == virtual_lanes<T>)  // two rows are one load
        for (; rows >= at_once; rows -= at_once, results += at_once, A += at_once * depth) {
            Batch<T> products[at_once / 2];
            DENSIMD_UNROLLED (i, at_once / 2) products[i] = load(A + i * virtual_lanes<T>) * factor;
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
[[gnu::noinline]] void dot_columns(std::size_t first, std::size_t rows, std::size_t depth, const T* A, std::size_t lda,
                 const T* b, Step step, const Column<T>& column) {
    if constexpr (Rows > 2)
        if (rows - first <= Rows / 2) return dot_columns<Rows / 2>(first, rows, depth, A, lda, b, step, column);
    std::size_t done = rows;
    if constexpr (Rows > 2) done = (rows - first) % Rows > Rows / 2 ? rows : rows - (rows - first) % Rows;
    dot_tiles<T, Rows, 1>(first, done, 1, depth, A, lda, b, 0, step, column);
    if constexpr (Rows > 2)
        if (done < rows) dot_columns<Rows / 2>(done, rows, depth, A, lda, b, step, column);
}

// The column's results = A b + bias, where the elements of b are `step` apart.
template <class T>
DENSIMD_INLINE void dot_gemv(std::size_t rows, std::size_t depth, const T* A, std::size_t lda, const T* b,
                             std::size_t step, const Column<T>& column, DotColumn plan) {
    constexpr std::size_t sums = Simd::sums_at_once<T>;
    switch (plan) {
        case DotColumn::any_stride:
            return dot_columns<sums>(0, rows, depth, A, lda, b, AnyStep{step}, column);
        case DotColumn::half_vectors:
            if constexpr (TakesTwo<Simd, T>) return dot_half_lines<Simd>(rows, depth, A, lda, b, column);
            [[fallthrough]];
        case DotColumn::tall_tiles:
            return dot_columns<sums>(0, rows, depth, A, lda, b, Unit{}, column);
        case DotColumn::low_tiles:
            return dot_columns<(sums > 2 ? sums / 2 : sums)>(0, rows, depth, A, lda, b, Unit{}, column);
    }
}

}  // namespace
}  // namespace densimd::kernels
