// What products multiply, where they get their matrix B from, and what becomes of their sums.
#pragma once

#include <cstddef>

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

    Product rows_from(std::size_t row, std::size_t count) const {
        Product part = *this;
        part.rows = count;
        part.A += row * row_stride;
        return part;
    }
    Product columns_from(std::size_t column, std::size_t count) const {
        Product part = *this;
        part.cols = count;
        part.B += column;
        return part;
    }
};

// Out of line, so that its addresses burden no loop; the asm keeps g++ from dropping a call without effect.
template <class T>
[[gnu::noinline]] void prefetch_rows(const T* p, std::size_t ld, std::size_t rows, std::size_t columns) {
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < columns; c += virtual_lanes<T>) __builtin_prefetch(p + r * ld + c, 1, 3);
    asm volatile("");
}

// What becomes of sums, which start from the bias, from C or from 0: C = activation(sums), or C += scale sums, with
// which a gradient never reaches memory.
template <class T>
struct Result {
    T* C;
    std::size_t ld;
    const T* bias = nullptr;                             // null: none
    const ActivationFunctions<T>* activation = nullptr;  // null: the identity
    bool starts_from_C = false;                          // C holds the sums so far
    bool updates = false;
    bool fetches = false;   // the tile of C below is fetched while the sums of one are made
    bool has_room = false;  // rows of C have room for whole vectors, which loads then need not wait for
    T scale = T(0);

    // The same for the results from there on.
    Result at(std::size_t row, std::size_t column) const {
        Result from = *this;
        if (bias) from.bias += column;
        from.C += row * ld + column;
        return from;
    }

    template <std::size_t Rows, std::size_t Columns>
    DENSIMD_INLINE void begin(std::size_t row, std::size_t column) const {
        if (fetches) prefetch_rows(C + (row + Rows) * ld + column, ld, Rows, Columns * vector_size<T>);
    }

    // The first values of a tile's sums. `count`: elements of the last vector of a row.
    template <bool Partial, std::size_t Rows, std::size_t Columns>
    DENSIMD_INLINE void start(Batch<T> (&tile)[Rows][Columns], std::size_t row, std::size_t column,
                              std::size_t count) const {
        if (starts_from_C) {
            DENSIMD_UNROLLED (r, Rows)
                DENSIMD_UNROLLED (c, Columns) tile[r][c] = load_vector<Partial, Columns>(at(r, c, row, column), c, count);
        } else if (bias) {
            DENSIMD_UNROLLED (c, Columns) {
                tile[0][c] = load_vector<Partial, Columns>(bias + column + c * vector_size<T>, c, count);
                DENSIMD_UNROLLED (r, Rows - 1) tile[r + 1][c] = tile[0][c];
            }
        } else {
            DENSIMD_UNROLLED (r, Rows)
                DENSIMD_UNROLLED (c, Columns) tile[r][c] = Batch<T>(T(0));
        }
    }

    template <bool Partial, std::size_t Rows, std::size_t Columns>
    DENSIMD_INLINE void finish(Batch<T> (&tile)[Rows][Columns], std::size_t row, std::size_t column,
                               std::size_t count) const {
        if (updates) {  // all loads of a tile before its stores: masked stores forward to no load
            const Batch<T> factor(scale);
            DENSIMD_UNROLLED (r, Rows)
                DENSIMD_UNROLLED (c, Columns)
                    tile[r][c] = Simd::fma(factor, tile[r][c],
                                           load_vector<Partial, Columns>(at(r, c, row, column), c, count));
        } else if (activation) {
            if constexpr (Rows * Columns == 1)
                tile[0][0] = activation->value(tile[0][0]);
            else
                return activate<Partial>(tile, row, column, count);
        }
        DENSIMD_UNROLLED (r, Rows)
            DENSIMD_UNROLLED (c, Columns)
                if (Partial && c == Columns - 1 && !has_room)
                    store<Partial>(at(r, c, row, column), count, tile[r][c]);
                else
                    tile[r][c].store_unaligned(at(r, c, row, column));
    }

  private:
    T* at(std::size_t r, std::size_t c, std::size_t row, std::size_t column) const {
        return C + (row + r) * ld + column + c * vector_size<T>;
    }
    template <bool Partial, std::size_t Columns>
    DENSIMD_INLINE static Batch<T> load_vector(const T* p, std::size_t c, std::size_t count) {
        return c == Columns - 1 ? load<Partial>(p, count) : load(p);
    }

    template <bool Partial, std::size_t Rows, std::size_t Columns>
    DENSIMD_INLINE void activate(const Batch<T> (&tile)[Rows][Columns], std::size_t row, std::size_t column,
                                 std::size_t count) const {
        alignas(64) T values[Rows * Columns * vector_size<T>];
        DENSIMD_UNROLLED (i, Rows * Columns)
            tile[i / Columns][i % Columns].store_aligned(values + i * vector_size<T>);
        store_activated(values, Rows, Columns, C + row * ld + column, count);
    }
    // Out of line: it is the same for all tiles.
    [[gnu::noinline]] void store_activated(T* values, std::size_t rows, std::size_t columns, T* to,
                                           std::size_t count) const {
        constexpr std::size_t w = vector_size<T>;
        activation->values(rows * columns * w, values, values);
        for (std::size_t r = 0; r < rows; ++r, to += ld, values += columns * w) {
            for (std::size_t c = 0; c + 1 < columns; ++c)
                Batch<T>::load_aligned(values + c * w).store_unaligned(to + c * w);
            const Batch<T> last = Batch<T>::load_aligned(values + (columns - 1) * w);
            store<true>(to + (columns - 1) * w, count, last);
        }
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
