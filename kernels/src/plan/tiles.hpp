// The choice of tiles for an outer product (matmul/tile.hpp). Like all of this folder: thresholds, of which none changes
// a bit. What fixes the bits is in order.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "order.hpp"
#include "plan/machine.hpp"
#include "plan/types.hpp"

namespace densimd::kernels {
namespace {

constexpr std::size_t few_rows = 3;                // so many get low and wide tiles
constexpr std::size_t max_tile_rows = 12;          // of a tile
constexpr std::size_t max_tall_vectors = 4;        // of W's rows at a time, if columns are few
constexpr std::size_t max_panel = 8;               // vectors of a panel
constexpr std::size_t packed_bytes = 64 * 1024;    // of packed operands, on the stack
constexpr std::size_t max_staged_elements = 4096;  // of results that wait for their activation, on the stack

// Tiles above 8 rows are rare, but for the tallest.
constexpr bool is_common_height(std::size_t rows) { return rows <= 8 || rows == max_tile_rows; }

// The sums of a tile of so many rows leave registers for so many columns, in vectors.
constexpr std::size_t columns_beside(const Machine& m, std::size_t rows, std::size_t accumulators) {
    const std::size_t columns = m.accumulators / rows / accumulators;
    return columns == 0 ? 1 : columns > max_panel ? max_panel : columns;
}
// And so many columns for so many rows.
constexpr std::size_t rows_beside(const Machine& m, std::size_t columns, std::size_t accumulators) {
    const std::size_t rows = m.accumulators / (columns * accumulators);
    return rows < max_tile_rows ? rows : max_tile_rows;
}

// Tiles are low and wide when there are few rows, so that these have enough independent sums. When there are
// more, a tile is 6 rows high, or 3 where it would be a single vector wide and need more loads than
// multiply-adds.
constexpr std::size_t panel_for(const Machine& m, std::size_t rows, std::size_t accumulators) {
    const auto of = [&](std::size_t constant) {
        const std::size_t high = m.accumulators / constant > 6 ? 6 : 3;
        return rows <= few_rows ? columns_beside(m, few_rows, constant) : columns_beside(m, high, constant);
    };
    return accumulators == 1 ? of(1) : accumulators == 2 ? of(2) : of(4);  // constants: divisions take long
}

// Columns of the panels of 6 rows and one accumulator.
constexpr std::size_t panel_columns(const Machine& m) { return columns_beside(m, 6, 1) * m.lanes(); }
constexpr bool has_narrow_panels(const Machine& m) { return panel_columns(m) <= m.virtual_lanes(); }

constexpr std::size_t max_packed_depth(const Machine& m) {
    return packed_bytes / m.element / panel_columns(m);
}

// A panel only a cache line wide, of rows a multiple of 4 KiB apart, falls into one set of L1 and few of L2, so
// that every tile fetches it from L3 anew. Copied back to back it stays in L1 or L2 for all tiles but the first.
// Wider panels come in runs of lines and have more to multiply: they gain only where L1 would otherwise hold
// them and lacks the ways, in an update.
constexpr bool is_worth_packing(const ProductShape& s, const Machine& m) {
    return s.rows >= 16 && s.depth >= 16 && s.cols >= panel_columns(m);
}
constexpr bool packs_panels(const ProductShape& s, const Machine& m) {
    return has_narrow_panels(m) && m.is_long(s.ldb) && is_worth_packing(s, m);
}

// The widest panels for which there are tiles: of outputs, and of steps of W with so many rows.
constexpr std::size_t max_output_panel(std::size_t accumulators, const Machine& m) {
    return columns_beside(m, accumulators == 1 ? 2 : accumulators == 2 ? few_rows : 1, accumulators);
}
constexpr std::size_t max_step_panel(std::size_t accumulators, std::size_t rows, const Machine& m) {
    if (accumulators == 1 && rows > few_rows) return columns_beside(m, 6, 1);
    return columns_beside(m, accumulators == 1 ? 2 : 1, accumulators);
}

constexpr TilePlan plain_tiles(std::size_t rows, std::size_t accumulators, const Machine& m) {
    return {.accumulators = static_cast<std::uint8_t>(accumulators),
            .panel = static_cast<std::uint8_t>(panel_for(m, rows, accumulators)),
            .prefetch = Prefetch::none,
            .rows_ahead = 0,
            .next_panel = false,
            .rows_first = false,
            .pack = Pack::none,
            .k_block = 0};
}

// Rows of X that make it worth fetching the next panel of W into L2 during the last tiles of one: a tile whose
// panel came from L3 would wait for it. Earlier than that it would leave L2 again as X passes by. 1024 x 1024
// with 256 rows: 2 % faster on Zen 5, 5 % while other programs share L3.
constexpr bool fetches_next(std::size_t rows, std::size_t panel, const Machine& m) {
    return rows >= 10 * rows_beside(m, panel, 1);
}

// Each row of a panel may lie on another page than the one before, where no hardware prefetcher follows: so tiles
// fetch rows of W into L1 ahead. Tall tiles of wide panels have loads to spare for that, low ones only where W is
// not in L2. From L3, a single tile of all rows is faster than two that pass by a panel one after the other: 4 rows
// x 6 vectors, whose lines come in longer runs, and 8 x 3.
//
// Conflicting strides: few rows can be fetched ahead, which pays where most of a panel is not in L2 yet, for its
// first tile; with two tiles, of about equal height, for both. Tiles of 8 rows and 3 vectors take less of W at a
// time, so they are faster where they save a third of the tiles.
constexpr void choose_prefetch(TilePlan& plan, const ProductShape& s, bool in_l2, const Machine& m) {
    const bool conflicting = m.is_conflicting(s.ldb);
    const auto panel_of = [&](std::size_t rows) {  // constants: divisions take long
        return static_cast<std::uint8_t>(rows == 4   ? columns_beside(m, 4, 1)
                                         : rows == 8 ? columns_beside(m, 8, 1)
                                                     : columns_beside(m, 6, 1));
    };
    if (s.rows <= few_rows) {
        if (in_l2 || conflicting) return;
    } else if (conflicting) {
        plan.panel = panel_of(s.rows == 4 ? 4 : 3 * ((s.rows + 7) / 8) <= 2 * ((s.rows + 5) / 6) ? 8 : 6);
        plan.next_panel = fetches_next(s.rows, plan.panel, m);
        if (plan.next_panel) return;
        plan.prefetch = s.rows <= 2 * rows_beside(m, plan.panel, 1) ? Prefetch::all_tiles : Prefetch::first_tile;
        plan.rows_ahead = 4;
        return;
    } else if (!in_l2) {
        plan.next_panel = fetches_next(s.rows, plan.panel, m) && plan.panel == panel_of(6);
    }
    plan.prefetch = Prefetch::all_tiles;
    plan.rows_ahead = in_l2 ? 4 : 16;
}

// K blocking: partial sums wait in C, which is exact. Blocks are so long that this costs little beside the
// products, and where the next panel is fetched so short that two panels are in L2. Conflicting strides reach few
// sets of L2, so blocks are shorter there, that a panel stays in L2 with room for X (4 KiB apart, 512 rows take all
// of a Xeon's 2 MiB), unless too few rows come back to it. Long rows lie on a page each: blocks of at most 192 of them
// stay within the first level's translations, which narrow panels need every line or two, and few rows beyond L2.
constexpr std::size_t k_block_for(const ProductShape& s, bool packs, bool in_l2, const Machine& m) {
    if (packs) return s.rows <= 2 * few_rows ? 0 : max_packed_depth(m);
    if (!m.is_conflicting(s.ldb) &&
        (has_narrow_panels(m) ? 2 * s.depth * s.ldb * m.element > m.l2 : !in_l2 && s.rows <= 4))
        return 192;
    if (s.rows <= 2 * few_rows) return 0;
    if (m.is_conflicting(s.ldb)) return s.rows < 24 ? 1023 : 384;
    return fetches_next(s.rows, panel_for(m, 6, 1), m) ? 1152 : 3072;
}

// Several accumulators per output. Tiles as wide as the result load each element of X once; but those of two vectors are
// taller, and where W is not in L1 each tile fetches all of it from L2 at some 25 bytes per cycle. (Tiles of twice the height,
// with half of the accumulators at a time, gained 2 to 7 % for some shapes, and cost 40 KB an object.)
constexpr void choose_panel_of_few_outputs(TilePlan& plan, const ProductShape& s, const Machine& m) {
    const std::size_t vectors = m.vectors_of(s.cols), widest = max_output_panel(plan.accumulators, m);
    const bool in_l1 = s.depth * s.ldb * m.element <= m.l1;
    if (plan.accumulators == 4) plan.panel = 1;
    if (plan.accumulators == 2 && s.rows > few_rows && s.rows != 5 && vectors <= widest && vectors > plan.panel &&
        (vectors == 3 || in_l1))
        plan.panel = static_cast<std::uint8_t>(vectors);
}

// One accumulator per output. Tiles of 4 rows load less than those of 6, or as much. They take longer where they leave one
// or two rows, which would wait for their loads of W; then tiles have 3 rows, or 6 if those load no more.
constexpr std::size_t panel_of_forward(const ProductShape& s, bool in_l2, const Machine& m) {
    const bool narrow = has_narrow_panels(m);
    const std::size_t vectors = m.vectors_of(s.cols);
    if (s.rows <= few_rows) return columns_beside(m, few_rows, 1);
    if (s.rows == 4 || (s.rows == 8 && in_l2)) return columns_beside(m, 4, 1);
    if (narrow) return columns_beside(m, s.rows == 5 || s.rows == 6 || s.rows == 9 ? 3 : 4, 1);
    if (s.rows == 7 || s.rows == 8) return columns_beside(m, 8, 1);
    return vectors == 5 ? vectors : columns_beside(m, 6, 1);
}

// X W for some of a layer's `out` columns.
constexpr TilePlan plan_forward_tiles(const ProductShape& s, std::size_t out, const Machine& m) {
    TilePlan plan = plain_tiles(s.rows, accumulators_for(out, m.virtual_lanes()), m);
    if (plan.accumulators > 1) {
        choose_panel_of_few_outputs(plan, s, m);
        return plan;
    }
    const bool in_l2 = s.depth * s.ldb * m.element <= m.l2;
    // Narrow panels with conflicting strides are packed, as are those too large for L1 that many rows pass by.
    const bool packs = packs_panels(s, m) && (m.is_conflicting(s.ldb) || (s.depth > 512 && s.rows >= 96));
    if (packs)
        plan.pack = Pack::panels;
    else
        plan.panel = static_cast<std::uint8_t>(panel_of_forward(s, in_l2, m));
    if (!packs && !has_narrow_panels(m)) choose_prefetch(plan, s, in_l2, m);
    const std::size_t longest = k_block_for(s, packs, in_l2, m);
    if (longest > 0 && s.depth > longest) plan.k_block = longest;
    return plan;
}

}  // namespace
}  // namespace densimd::kernels
