// What products multiply, where they get their matrix B from, and what becomes of their sums.
#pragma once

#include <cstddef>

#include "plan/tiles.hpp"
#include "pointwise/activation_table.hpp"
#include "simd/reduce.hpp"

namespace densimd::kernels {
namespace {

// C[rows][cols] = A[rows][depth] B[depth][cols]. Element (row, p) of A is A[row * row_stride + p * depth_stride]:
// X as it lies in memory or transposed. Passed by reference: as arguments, all this would travel over the stack at
// each call.
template <class T>
struct Product {
    std::size_t rows, cols, depth;
    const T* A;
    std::size_t row_stride, depth_stride;
    const T* B;
    std::size_t ldb;
    // For the sources of B that use them: how far ahead of a vector to prefetch, in elements; the panel that is
    // needed next; where a panel is copied to.
    std::size_t ahead = 0;
    const T* next = nullptr;
    T* packed = nullptr;
};

// Out of line, so that its addresses burden no loop; the asm keeps g++ from dropping a call without effect.
template <class T>
[[gnu::noinline]] void prefetch_rows(const T* p, std::size_t ld, std::size_t rows, std::size_t columns) {
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < columns; c += virtual_lanes<T>) __builtin_prefetch(p + r * ld + c, 1, 3);
    asm volatile("");
}

// What becomes of a tile's sums. Each has: begin<Rows, Columns>(row, column), which says where the tile is; start, the
// first values of its sums; finish, what is done when they are made. `count`: elements of the last vector of a row. And it
// says which tiles the planner asks for: max_columns(accumulators), in vectors; has_tile(rows, columns, accumulators),
// for each number of rows a height that is not above it; whether B is large enough to be worth prefetching; whether A is
// a matrix transposed, so that a tile's elements of a row lie side by side: their addresses then are constants beside
// that of the first, where strides would take more registers than there are.

// Rows of a tile in memory.
template <class T>
struct Rows {
    T* first;
    std::size_t ld;

    // Calls body(r, where row r begins). The asm keeps compilers from making all addresses of a tile once for its
    // several uses, which would drive sums from the registers.
    template <std::size_t Count, class Body>
    DENSIMD_INLINE void for_each(const Body& body) const {
        const std::size_t stride = ld;  // a local: fields could change under the stores
        T* p = first;
        DENSIMD_UNROLLED (r, Count) {
            asm("" : "+r"(p));
            body(r, p);
            p += stride;
        }
    }
    template <bool Partial, std::size_t Count, std::size_t Columns>
    DENSIMD_INLINE void store(const Batch<T> (&tile)[Count][Columns], std::size_t count) const {
        for_each<Count>([&](std::size_t r, T* p) DENSIMD_INLINE_LAMBDA {
            DENSIMD_UNROLLED (c, Columns - 1) tile[r][c].store_unaligned(p + c * vector_size<T>);
            kernels::store<Partial>(p + (Columns - 1) * vector_size<T>, count, tile[r][Columns - 1]);
        });
    }
};

template <bool Partial, class T, std::size_t Columns>
DENSIMD_INLINE void load_row(Batch<T> (&row)[Columns], const T* p, std::size_t count) {
    DENSIMD_UNROLLED (c, Columns - 1) row[c] = load(p + c * vector_size<T>);
    row[Columns - 1] = load<Partial>(p + (Columns - 1) * vector_size<T>, count);
}

template <class T, std::size_t Count, std::size_t Columns>
DENSIMD_INLINE void set_zero(Batch<T> (&tile)[Count][Columns]) {
    DENSIMD_UNROLLED (r, Count)
        DENSIMD_UNROLLED (c, Columns) tile[r][c] = Batch<T>(T(0));
}

// In place of a bias that is not there: for the panels of tiles, and for rows that are not long (Machine::is_long).
template <class T>
constexpr T no_bias[2048 / sizeof(T)] = {};

// C = activation(sums), which start from the bias, from C or from 0.
template <class T>
struct Output {
    static constexpr bool prefetches = true, has_transposed_A = false;
    static constexpr bool has_tile(std::size_t rows, std::size_t columns, std::size_t accumulators) {
        if (accumulators == 4 && columns > 1 && columns > vectors_per_line<T>) return rows == 1;
        if (columns > columns_beside(machine<T>, few_rows, accumulators)) return rows == 1;  // a column's transpose
        return is_common_height(rows);
    }
    static constexpr std::size_t max_columns(std::size_t accumulators) {
        return max_output_panel(accumulators, machine<T>);
    }

    T* C;
    std::size_t ld;
    const T* bias = nullptr;                             // null: none
    const ActivationFunctions<T>* activation = nullptr;  // null: the identity
    bool starts_from_C = false;                          // C holds the sums so far

    void advance(std::size_t rows, std::size_t columns) {
        C += rows * ld + columns;
        if (bias) bias += columns;
    }

    template <std::size_t, std::size_t>
    DENSIMD_INLINE Rows<T> begin(std::size_t row, std::size_t column) const {
        return {C + row * ld + column, ld};
    }
    template <bool Partial, std::size_t Count, std::size_t Columns>
    DENSIMD_INLINE void start(Batch<T> (&tile)[Count][Columns], const Rows<T>& to, std::size_t column,
                              std::size_t count) const {
        if (starts_from_C) {
            to.template for_each<Count>([&](std::size_t r, const T* p) DENSIMD_INLINE_LAMBDA {
                load_row<Partial>(tile[r], p, count);
            });
        } else {
            load_row<Partial>(tile[0], bias ? bias + column : no_bias<T>, count);
            DENSIMD_UNROLLED (r, Count - 1)
                DENSIMD_UNROLLED (c, Columns) tile[r + 1][c] = tile[0][c];
        }
    }

    template <bool Partial, std::size_t Count, std::size_t Columns>
    DENSIMD_INLINE void finish(Batch<T> (&tile)[Count][Columns], const Rows<T>& to, std::size_t count) const {
        constexpr std::size_t vectors = Count * Columns;
        if (activation) {
            if constexpr (vectors == 1) {
                tile[0][0] = activation->value(tile[0][0]);
            } else {
                alignas(64) T values[vectors * vector_size<T>];
                DENSIMD_UNROLLED (i, vectors)
                    tile[i / Columns][i % Columns].store_aligned(values + i * vector_size<T>);
                activation->values(vectors * vector_size<T>, values, values);
                DENSIMD_UNROLLED (i, vectors)
                    tile[i / Columns][i % Columns] = Batch<T>::load_aligned(values + i * vector_size<T>);
            }
        }
        to.template store<Partial>(tile, count);
    }
};

// W += scale sums: the gradient never reaches memory.
template <class T>
struct Step {
    static constexpr bool prefetches = false, has_transposed_A = true;
    static constexpr bool has_tile(std::size_t rows, std::size_t columns, std::size_t accumulators) {
        if (accumulators == 4) return rows == 1 || (columns == 1 && rows <= few_rows);
        if (columns * vector_size<T> > panel_columns(machine<T>)) return rows <= few_rows;
        return columns == 1 || is_common_height(rows);  // of few outputs and short batches all heights are common
    }
    static constexpr std::size_t max_columns(std::size_t accumulators) {
        return accumulators == 2 ? 0 : max_step_panel(accumulators, 1, machine<T>);
    }

    T* W;
    std::size_t ld;
    T scale;
    bool fetches;  // the tile of W below is fetched while the sums of one are made

    void advance(std::size_t rows, std::size_t columns) { W += rows * ld + columns; }

    template <std::size_t Count, std::size_t Columns>
    DENSIMD_INLINE Rows<T> begin(std::size_t row, std::size_t column) const {
        if (fetches) prefetch_rows(W + (row + Count) * ld + column, ld, Count, Columns * vector_size<T>);
        return {W + row * ld + column, ld};
    }
    template <bool Partial, std::size_t Count, std::size_t Columns>
    DENSIMD_INLINE void start(Batch<T> (&tile)[Count][Columns], const Rows<T>&, std::size_t, std::size_t) const {
        set_zero(tile);
    }
    // All loads of a tile come before its stores: masked stores forward to no load.
    template <bool Partial, std::size_t Count, std::size_t Columns>
    DENSIMD_INLINE void finish(Batch<T> (&tile)[Count][Columns], const Rows<T>& to, std::size_t count) const {
        const Batch<T> factor(scale);
        to.template for_each<Count>([&](std::size_t r, const T* p) DENSIMD_INLINE_LAMBDA {
            Batch<T> old[Columns];
            load_row<Partial>(old, p, count);
            DENSIMD_UNROLLED (c, Columns) tile[r][c] = Simd::fma(factor, tile[r][c], old[c]);
        });
        to.template store<Partial>(tile, count);
    }
};

// The sums themselves, in memory with room for whole vectors: loads wait for masked stores.
template <class T>
struct Sums {
    static constexpr bool prefetches = false, has_transposed_A = true;
    static constexpr bool has_tile(std::size_t rows, std::size_t columns, std::size_t accumulators) {
        if (columns > 2) return rows <= few_rows;
        return accumulators == 4 ? rows == 1 : rows <= rows_beside(machine<T>, 2, 1);
    }
    static constexpr std::size_t max_columns(std::size_t accumulators) {
        return accumulators == 1 ? max_tall_vectors : accumulators == 2 ? 0 : 2;
    }

    T* sums;
    std::size_t ld;

    template <std::size_t, std::size_t>
    DENSIMD_INLINE Rows<T> begin(std::size_t row, std::size_t column) const {
        return {sums + row * ld + column, ld};
    }
    template <bool Partial, std::size_t Count, std::size_t Columns>
    DENSIMD_INLINE void start(Batch<T> (&tile)[Count][Columns], const Rows<T>&, std::size_t, std::size_t) const {
        set_zero(tile);
    }
    template <bool Partial, std::size_t Count, std::size_t Columns>
    DENSIMD_INLINE void finish(Batch<T> (&tile)[Count][Columns], const Rows<T>& to, std::size_t count) const {
        to.template store<false>(tile, count);
    }
};

// Where a product gets its matrix B from: load<Partial>(address, count, row(p), column<Partial>(j, count)) is the
// vector of row p that begins at column j. write_back, with the same and that vector, stores it where it is to go;
// LoadsFollow: without masked stores, which forward to no load. What belongs to a row or to a column is made once
// for all of it. at(r) is the source of the rows of B from row r on; `writes` says whether write_back does.
struct DirectB {
    static constexpr bool writes = false;

    struct Nothing {};
    DENSIMD_INLINE DirectB at(std::size_t) const { return {}; }
    DENSIMD_INLINE DirectB at_column(std::size_t) const { return {}; }
    DENSIMD_INLINE Nothing row(std::size_t) const { return {}; }
    template <bool Partial>
    DENSIMD_INLINE Nothing column(std::size_t, std::size_t) const {
        return {};
    }

    template <bool Partial, class T, class Row, class Column>
    DENSIMD_INLINE Batch<T> load(const T* address, std::size_t count, Row, Column) const {
        return kernels::load<Partial>(address, count);
    }
    template <bool Partial, bool LoadsFollow = false, class T, class Row, class Column>
    DENSIMD_INLINE void write_back(const T*, std::size_t, Batch<T>, Row, Column) const {}
};

}  // namespace
}  // namespace densimd::kernels
