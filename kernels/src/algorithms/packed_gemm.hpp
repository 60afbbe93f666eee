// The product of broadcast_gemm.hpp from panels of B, and blocks of A, that are copied to the stack first.
#pragma once

#include "algorithms/broadcast_gemm.hpp"

namespace densimd::kernels {
namespace {

// Where a panel is only a line wide and rows are far apart, each step down a panel meets another line at the
// same place of another page: a multiple of 4 KiB apart they all fall into one set of L1, and few of L2, so
// that every tile would fetch them from L3 anew. Copied back to back, a panel stays in L1 or L2 for all tiles
// after the first. Wider panels, whose lines come in runs and whose steps have more to multiply, gain only
// where L1 would otherwise hold them and lacks the ways: in an update.
constexpr std::size_t packed_bytes = 64 * 1024;  // on the stack

template <class T>
constexpr std::size_t max_packed_depth = packed_bytes / sizeof(T) / panel_columns<T>;

template <class T>
bool is_worth_packing(const Product<T>& product) {
    return product.rows >= 16 && product.depth >= 16 && product.cols >= panel_columns<T>;
}

template <class T>
bool packing_pays(const Product<T>& product) {
    return has_narrow_panels<T> && product.ldb * sizeof(T) >= 2048 && is_worth_packing(product);
}

template <class T>
bool packing_pays_in_update(const Product<T>& product) {
    return packing_pays(product) || (product.ldb * sizeof(T) % 4096 == 0 && is_worth_packing(product));
}

// The source of the first tile, which copies the panel as it goes: so the copy waits for nothing but its own
// loads, and those are asked for well ahead, as far as L3 is away.
template <class T>
struct Packing {
    static constexpr std::size_t rows_ahead = 64;

    const T* B;
    std::size_t ldb;
    T* packed;

    DENSIMD_INLINE T* row(std::size_t p) const {
        __builtin_prefetch(B + (p + rows_ahead) * ldb, 0, 2);
        return packed + p * panel_columns<T>;
    }
    template <bool Partial>
    DENSIMD_INLINE std::size_t column(std::size_t j, std::size_t) const {
        return j;
    }
    template <bool Partial>
    DENSIMD_INLINE Batch<T> load(const T* address, std::size_t count, T*, std::size_t) const {
        return kernels::load<Partial>(address, count);
    }
    template <bool Partial>
    DENSIMD_INLINE void keep(const T*, std::size_t, Batch<T> loaded, T* row, std::size_t column) const {
        loaded.store_aligned(row + column);
    }
};

// All whole panels, one after the other in `packed`, which has room for one; what is left over as it is.
template <class T, class Epilogue>
void packed_panels(const Product<T>& product, const Epilogue& epilogue, T* packed) {
    constexpr std::size_t panel = panel_columns<T>, columns = panel / width<T>, height = max_rows<columns, 1>;
    Product<T> first = product, rest = product;
    rest.rows -= height;
    rest.cols = panel;
    rest.A += height * product.row_stride;
    rest.B = packed;
    rest.ldb = panel;
    std::size_t column = 0;
    for (; column + panel <= product.cols; column += panel) {
        first.B = product.B + column;
        broadcast_tiles<T, height, columns, 1, false>(first, width<T>, Packing<T>{first.B, first.ldb, packed},
                                                      epilogue.at(0, column), 0, 0, 1);
        broadcast_gemm<T, 1>(rest, epilogue.at(height, column));
    }
    if (column == product.cols) return;
    first.B = product.B + column;
    first.cols = product.cols - column;
    broadcast_gemm<T, 1>(first, epilogue.at(0, column));
}

template <class T, class Epilogue>
[[gnu::noinline]] void packed_gemm(const Product<T>& product, const Epilogue& epilogue) {
    alignas(64) T packed[packed_bytes / sizeof(T)];
    packed_panels(product, epilogue, packed);
}

// A is a matrix transposed, whose elements for a tile also are on `depth` lines, one below the other. Blocks
// of whole lines of it are copied, too, as large as there is room; all panels of B pass by each of them.
template <class T, class Epilogue>
[[gnu::noinline]] void packed_transposed_gemm(const Product<T>& product, const Epilogue& epilogue) {
    alignas(64) T packed[packed_bytes / sizeof(T)];
    const std::size_t depth = product.depth;
    const std::size_t room = (packed_bytes / sizeof(T) / depth - panel_columns<T>) / lanes<T> * lanes<T>;
    if (room < 3 * lanes<T>) return packed_panels(product, epilogue, packed);
    T* const block = packed + depth * panel_columns<T>;
    Product<T> part = product;
    part.A = block;
    for (std::size_t row = 0; row < product.rows; row += part.rows) {
        const std::size_t left = product.rows - row;
        part.rows = left <= room ? left : left < room + 16 ? room - 16 : room;  // never fewer than 16
        part.depth_stride = part.rows;
        for (std::size_t p = 0; p < depth; ++p) {
            const T* const from = product.A + p * product.depth_stride + row;
            T* const to = block + p * part.rows;
            for_each_vector<T>(part.rows, [&](std::size_t i, std::size_t count, auto kind) {
                constexpr bool partial = decltype(kind)::partial;
                store<partial>(to + i, count, load<partial>(from + i, count));
            });
        }
        packed_panels(part, epilogue.at(row, 0), packed);
    }
}

}  // namespace
}  // namespace densimd::kernels
