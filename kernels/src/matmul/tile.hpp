// The outer-product microkernel: a tile of C in registers, lanes along the columns; and the table of its sizes.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "matmul/operands.hpp"
#include "matmul/plan.hpp"

namespace densimd::kernels {
namespace {

// How a tile loads a vector of B.
template <class T>
struct LoadB {
    explicit LoadB(const Product<T>&) {}
    DENSIMD_INLINE void row() {}
    DENSIMD_INLINE void vector(const T*, Batch<T>, std::size_t) const {}
};

// And prefetches B some rows ahead, or only what it has just loaded: a distance of 0 costs a slot for loads, of
// which tall tiles have some to spare, and saves a second set of tiles.
template <class T>
struct PrefetchB : LoadB<T> {
    std::size_t ahead;
    explicit PrefetchB(const Product<T>& product) : LoadB<T>(product), ahead(product.ahead) {}
    DENSIMD_INLINE void vector(const T* address, Batch<T>, std::size_t) const { __builtin_prefetch(address + ahead); }
};

// And fetches the next panel of B into L2, a line for each row.
template <class T>
struct PrefetchNextPanel : PrefetchB<T> {
    const T* next;
    std::size_t ldb;
    explicit PrefetchNextPanel(const Product<T>& product)
        : PrefetchB<T>(product), next(product.next), ldb(product.ldb) {}
    DENSIMD_INLINE void row() {
        __builtin_prefetch(next, 0, 2);
        next += ldb;
    }
};

// And copies the panel, as the first tile that passes by: so the copy waits for nothing but its own loads, which
// are asked for well ahead, as far as L3 is away.
template <class T>
struct PackB : LoadB<T> {
    static constexpr std::size_t rows_ahead = 64;
    const T* fetched;
    std::size_t ldb;
    T* packed;
    explicit PackB(const Product<T>& product)
        : LoadB<T>(product),
          fetched(product.B + rows_ahead * product.ldb),
          ldb(product.ldb),
          packed(product.packed - panel_columns(machine<T>)) {}
    DENSIMD_INLINE void row() {
        __builtin_prefetch(fetched, 0, 2);
        fetched += ldb;
        packed += panel_columns(machine<T>);
    }
    DENSIMD_INLINE void vector(const T*, Batch<T> loaded, std::size_t c) const {
        loaded.store_aligned(packed + c * vector_size<T>);
    }
};

// A tile of `Rows` x `Columns` vectors of C lives in registers while p runs through the depth: per p, `Columns` loads
// of B and `Rows` broadcasts of A feed Rows * Columns multiply-adds. The widest tile, 6 x 4 of AVX-512, needs 10
// loads for 24 multiply-adds, so both FMA units stay busy out of L2; AVX2 with half the registers has 6 x 2. Each
// element has `Accumulators` sums: see order.hpp. `count`: elements of a row's last vector, fewer than it has lanes
// only if Partial. Several tiles below one another are one call, which for a small depth takes as long as a tile.
template <class T, std::size_t Rows, std::size_t Columns, std::size_t Accumulators, bool Partial,
          template <class> class Source>
void tiles(const Product<T>& product, const Result<T>& given_result, std::size_t row, std::size_t column,
           std::size_t count, std::size_t number) {
    constexpr std::size_t w = vector_size<T>;
    // Locals: fields read through references could change under the stores.
    const Result<T> result = given_result;
    const std::size_t depth = product.depth, row_stride = product.row_stride;
    const std::size_t depth_stride = product.depth_stride, ldb = product.ldb;
    const T* first_a = product.A + row * row_stride;
    const T* const first_b = product.B + column;

    for (; number > 0; --number, row += Rows, first_a += Rows * row_stride) {
        result.template begin<Rows, Columns>(row, column);
        Batch<T> sum[Accumulators][Rows][Columns];
        result.template start<Partial>(sum[0], row, column, count);
        DENSIMD_UNROLLED (s, Accumulators - 1)
            DENSIMD_UNROLLED (r, Rows)
                DENSIMD_UNROLLED (c, Columns) sum[s + 1][r][c] = Batch<T>(T(0));

        const T *a = first_a, *b = first_b;
        Source<T> source(product);
        const auto multiply_add = [&](std::size_t s) DENSIMD_INLINE_LAMBDA {
            source.row();
            const auto load_b = [&](std::size_t c) DENSIMD_INLINE_LAMBDA {
                const Batch<T> loaded = c == Columns - 1 ? load<Partial>(b + c * w, count) : load(b + c * w);
                source.vector(b + c * w, loaded, c);
                return loaded;
            };
            // The shorter side of the tile stays in registers, the other passes by.
            if constexpr (1 < Rows && Rows < Columns) {
                Batch<T> element[Rows];
                DENSIMD_UNROLLED (r, Rows) element[r] = Batch<T>(a[r * row_stride]);
                DENSIMD_UNROLLED (c, Columns) {
                    const Batch<T> loaded = Simd::in_register(load_b(c));
                    DENSIMD_UNROLLED (r, Rows) sum[s][r][c] = Simd::fma(element[r], loaded, sum[s][r][c]);
                }
            } else {
                Batch<T> row_of_b[Columns];
                DENSIMD_UNROLLED (c, Columns) row_of_b[c] = load_b(c);
                DENSIMD_UNROLLED (r, Rows) {
                    const Batch<T> element(a[r * row_stride]);
                    DENSIMD_UNROLLED (c, Columns) sum[s][r][c] = Simd::fma(element, row_of_b[c], sum[s][r][c]);
                }
            }
            a += depth_stride;
            b += ldb;
        };
        std::size_t p = 0;
        for (; p + Accumulators <= depth; p += Accumulators)
            DENSIMD_UNROLLED (s, Accumulators) multiply_add(s);
        DENSIMD_UNROLLED (s, Accumulators - 1)
            if (p + s < depth) multiply_add(s);

        Batch<T> tile[Rows][Columns];
        DENSIMD_UNROLLED (r, Rows)
            DENSIMD_UNROLLED (c, Columns) {
                Batch<T> parts[Accumulators];
                DENSIMD_UNROLLED (s, Accumulators) parts[s] = sum[s][r][c];
                tile[r][c] = sum_of(parts);
            }
        result.template finish<Partial>(tile, row, column, count);
    }
}

template <class T>
using Tiles = decltype(&tiles<T, 1, 1, 1, false, LoadB>);

// Whether a tile of one vector's width, or two's, has this height: those above 8 rows are rare. Two vectors have all
// of them, for tall.hpp.
constexpr bool has_height(std::size_t rows, std::size_t columns) {
    return rows <= 8 || rows == max_tile_rows || columns == 2;
}

// The tiles of one number of accumulators, by their size.
template <class T, std::size_t Accumulators>
struct TileTable {
    static constexpr std::size_t max_columns =
        columns_beside(machine<T>, Accumulators == 1 ? 2 : Accumulators == 2 ? few_rows : 1, Accumulators);

    template <bool Partial, std::size_t Columns, std::size_t Rows>
    static constexpr Tiles<T> tile() {
        if constexpr (Rows > rows_beside(machine<T>, Columns, Accumulators) || !has_height(Rows, Columns))
            return nullptr;
        else if constexpr (Accumulators == 1 && !has_narrow_panels(machine<T>))
            return tiles<T, Rows, Columns, Accumulators, Partial, PrefetchB>;
        else
            return tiles<T, Rows, Columns, Accumulators, Partial, LoadB>;
    }
    using Column = std::array<Tiles<T>, max_tile_rows>;
    using Table = std::array<Column, max_columns>;
    template <bool Partial, std::size_t Columns, std::size_t... Rows>
    static constexpr Column column(std::index_sequence<Rows...>) {
        return {tile<Partial, Columns, Rows + 1>()...};
    }
    template <bool Partial, std::size_t... Columns>
    static constexpr Table table(std::index_sequence<Columns...>) {
        return {column<Partial, Columns + 1>(std::make_index_sequence<max_tile_rows>())...};
    }
    static constexpr Table whole = table<false>(std::make_index_sequence<max_columns>());
    static constexpr Table partial = table<true>(std::make_index_sequence<max_columns>());
};

template <class T>
constexpr const typename TileTable<T, 1>::Column* whole_tiles(std::size_t accumulators) {
    return accumulators == 1   ? TileTable<T, 1>::whole.data()
           : accumulators == 2 ? TileTable<T, 2>::whole.data()
                               : TileTable<T, 4>::whole.data();
}
template <class T>
constexpr const typename TileTable<T, 1>::Column* partial_tiles(std::size_t accumulators) {
    return accumulators == 1   ? TileTable<T, 1>::partial.data()
           : accumulators == 2 ? TileTable<T, 2>::partial.data()
                               : TileTable<T, 4>::partial.data();
}

}  // namespace
}  // namespace densimd::kernels
