// The outer-product microkernel: a tile of C in registers, lanes along the columns; and the table of its sizes.
#pragma once

#include <cstddef>
#include <utility>

#include "matmul/operands.hpp"
#include "plan/tiles.hpp"

namespace densimd::kernels {
namespace {

// Buffers and plans are sized by the machine, loops by the ISA's operations.
template <class T>
constexpr bool machine_is_simd = machine<T>.element == sizeof(T) && machine<T>.vector == sizeof(Batch<T>) &&
                                 machine<T>.accumulators == Simd::accumulators &&
                                 machine<T>.lane_sums == Simd::sums_at_once<T>;
static_assert(machine_is_simd<float> && machine_is_simd<double>);

// What a tile does with B beside loading it, row by row from `b` on.
template <class T>
struct LoadB {
    LoadB(const Product<T>&, const T*) {}
    template <std::size_t Columns>
    DENSIMD_INLINE void row() {}
    DENSIMD_INLINE void vector(Batch<T>, std::size_t) const {}
};

// Prefetches B some rows ahead; none, if the distance is 0: a predicted branch, which saves a second set of tiles. The
// asm keeps g++ from making several addresses of the one.
template <class T>
struct PrefetchB : LoadB<T> {
    const T* fetched;
    std::size_t ahead, ldb;
    PrefetchB(const Product<T>& product, const T* b)
        : LoadB<T>(product, b), fetched(b + product.ahead), ahead(product.ahead), ldb(product.ldb) {
        asm("" : "+r"(fetched));
    }
    template <std::size_t Columns>
    DENSIMD_INLINE void row() {
        if (ahead != 0) DENSIMD_UNROLLED (c, Columns) __builtin_prefetch(fetched + c * vector_size<T>);
        fetched += ldb;
    }
};

// And fetches the next panel of B into L2, a line for each row.
template <class T>
struct PrefetchNextPanel : PrefetchB<T> {
    const T* next;
    PrefetchNextPanel(const Product<T>& product, const T* b) : PrefetchB<T>(product, b), next(product.next) {}
    template <std::size_t Columns>
    DENSIMD_INLINE void row() {
        PrefetchB<T>::template row<Columns>();
        __builtin_prefetch(next, 0, 2);
        next += this->ldb;
    }
};

// Copies the panel, as the first tile that passes by: so the copy waits for nothing but its own loads, which
// are asked for well ahead, as far as L3 is away.
template <class T>
struct PackB : LoadB<T> {
    static constexpr std::size_t rows_ahead = 64;
    const T* fetched;
    std::size_t ldb;
    T* packed;
    PackB(const Product<T>& product, const T* b)
        : LoadB<T>(product, b),
          fetched(product.B + rows_ahead * product.ldb),
          ldb(product.ldb),
          packed(product.packed - panel_columns(machine<T>)) {}
    template <std::size_t Columns>
    DENSIMD_INLINE void row() {
        __builtin_prefetch(fetched, 0, 2);
        fetched += ldb;
        packed += panel_columns(machine<T>);
    }
    DENSIMD_INLINE void vector(Batch<T> loaded, std::size_t c) const {
        loaded.store_aligned(packed + c * vector_size<T>);
    }
};

// A tile of `Rows` x `Columns` vectors of C lives in registers while p runs through the depth: per p, `Columns` loads
// of B and `Rows` broadcasts of A feed Rows * Columns multiply-adds. The widest tile, 6 x 4 of AVX-512, needs 10
// loads for 24 multiply-adds, so both FMA units stay busy out of L2; AVX2 with half the registers has 6 x 2. Each
// element has `Accumulators` sums: see order.hpp. `count`: elements of a row's last vector, fewer than it has lanes
// only if Partial. Several tiles below one another are one call, which for a small depth takes as long as a tile.
template <class T, std::size_t Rows, std::size_t Columns, std::size_t Accumulators, bool Partial,
          template <class> class Source, class Result>
void tiles(const Product<T>& product, const Result& result, std::size_t row, std::size_t column,
           std::size_t count, std::size_t number) {
    constexpr std::size_t w = vector_size<T>;
    // Locals: fields read through references could change under the stores.
    const std::size_t depth = product.depth, row_stride = Result::has_transposed_A ? 1 : product.row_stride;
    const std::size_t depth_stride = product.depth_stride, ldb = product.ldb;
    const T* first_a = product.A + row * row_stride;
    const T* const first_b = product.B + column;

    for (; number > 0; --number, row += Rows, first_a += Rows * row_stride) {
        auto to = result.template begin<Rows, Columns>(row, column);
        asm("" : "+r"(to.first));  // now: after the loop, whose end may be mispredicted, loads of C would wait for it
        Batch<T> sum[Accumulators][Rows][Columns];
        result.template start<Partial>(sum[0], to, column, count);
        DENSIMD_UNROLLED (s, Accumulators - 1)
            DENSIMD_UNROLLED (r, Rows)
                DENSIMD_UNROLLED (c, Columns) sum[s + 1][r][c] = Batch<T>(T(0));

        const T *a = first_a, *b = first_b;
        Source<T> source(product, b);
        const auto multiply_add = [&](std::size_t s) DENSIMD_INLINE_LAMBDA {
            source.template row<Columns>();
            const auto load_b = [&](std::size_t c) DENSIMD_INLINE_LAMBDA {
                const Batch<T> loaded = c == Columns - 1 ? load<Partial>(b + c * w, count) : load(b + c * w);
                source.vector(loaded, c);
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
        result.template finish<Partial>(tile, to, count);
    }
}

template <class T, class Result>
using Tiles = decltype(&tiles<T, 1, 1, 1, false, LoadB, Result>);

// The tiles of a width: the tallest, and all by their height less 1; null where there is none.
template <class T, class Result>
struct TilesOfWidth {
    std::size_t tallest;
    Tiles<T, Result> of_height[max_tile_rows];
};

// The tiles of one number of accumulators, by their size. Only outputs are products with a large B, which is worth
// prefetching, where panels are wide.
template <class T, class Result, std::size_t Accumulators>
struct TileTable {
    static constexpr std::size_t columns = Result::max_columns(Accumulators);

    template <bool Partial, std::size_t Columns, std::size_t Rows>
    static constexpr Tiles<T, Result> tile() {
        if constexpr (Rows > rows_beside(machine<T>, Columns, Accumulators) || !Result::has_tile(Rows, Columns, Accumulators))
            return nullptr;
        else if constexpr (Result::prefetches && Accumulators == 1 && !has_narrow_panels(machine<T>))
            return tiles<T, Rows, Columns, Accumulators, Partial, PrefetchB, Result>;
        else
            return tiles<T, Rows, Columns, Accumulators, Partial, LoadB, Result>;
    }
    template <bool Partial, std::size_t Columns, std::size_t... Rows>
    static constexpr TilesOfWidth<T, Result> of_width(std::index_sequence<Rows...>) {
        return {rows_beside(machine<T>, Columns, Accumulators), {tile<Partial, Columns, Rows + 1>()...}};
    }
    struct Table {
        TilesOfWidth<T, Result> of[columns];
    };
    template <bool Partial, std::size_t... Columns>
    static constexpr Table table(std::index_sequence<Columns...>) {
        return {of_width<Partial, Columns + 1>(std::make_index_sequence<max_tile_rows>())...};
    }
    static constexpr Table whole = table<false>(std::make_index_sequence<columns>());
    static constexpr Table partial = table<true>(std::make_index_sequence<columns>());
};

template <class T, class Result>
const TilesOfWidth<T, Result>& tiles_of(std::size_t accumulators, std::size_t columns, bool whole_vectors) {
    const auto of = [&]<std::size_t Accumulators>() -> const TilesOfWidth<T, Result>& {
        using Table = TileTable<T, Result, Accumulators>;
        return (whole_vectors ? Table::whole : Table::partial).of[columns - 1];
    };
    if (accumulators == 1) return of.template operator()<1>();
    if constexpr (Result::max_columns(2) > 0)
        if (accumulators == 2) return of.template operator()<2>();
    if (accumulators != 4) __builtin_unreachable();
    return of.template operator()<4>();
}

}  // namespace
}  // namespace densimd::kernels
