// The choice: how a product of this shape is computed on this machine. All thresholds stand here, and none of
// them changes a bit: what fixes the bits is in order.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "machine.hpp"
#include "order.hpp"

namespace densimd::kernels {
namespace {

// A product C[rows][cols] = A[rows][depth] B[depth][cols], and the distance in elements between rows of B.
struct ProductShape {
    std::size_t rows, cols, depth, ldb;
};

// ---- tiles of an outer product (tile.hpp) ----

constexpr std::size_t few_rows = 3;                // so many get low and wide tiles
constexpr std::size_t max_tile_rows = 12;          // of a tile
constexpr std::size_t max_panel = 8;               // vectors of a panel
constexpr std::size_t packed_bytes = 64 * 1024;    // of packed operands, on the stack
constexpr std::size_t max_staged_elements = 4096;  // of results that wait for their activation, on the stack

enum class Prefetch : std::uint8_t { none, first_tile, all_tiles };
enum class Pack : std::uint8_t { none, panels, panels_and_blocks };

struct TilePlan {
    std::uint8_t accumulators;  // per output: fixes the bits, and so comes from order.hpp
    std::uint8_t panel;         // columns of B that the rows pass by, in vectors
    Prefetch prefetch;          // of B's rows into L1, for which tiles of a panel
    std::uint8_t rows_ahead;    // of them
    bool next_panel;            // the last tiles of a panel fetch the next one into L2
    bool rows_first;            // all panels of some rows before the next rows
    Pack pack;                  // what is copied back to back first
    std::size_t k_block;        // terms that are added before the sums wait in C; 0: all of them

    bool operator==(const TilePlan&) const = default;
};

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
        if (s.rows == 4) plan.panel = panel_of(4);
        if (s.rows == 7 || s.rows == 8) plan.panel = panel_of(8);
        plan.next_panel = fetches_next(s.rows, plan.panel, m);
    }
    plan.prefetch = Prefetch::all_tiles;
    plan.rows_ahead = 16;
}

// K blocking: partial sums wait in C, which is exact. Blocks are so long that this costs little beside the
// products, and where the next panel is fetched so short that two panels are in L2. Conflicting strides reach few
// sets of L2, so blocks are shorter there, that a panel stays in L2 with room for X (4 KiB apart, 512 rows take all
// of a Xeon's 2 MiB), unless too few rows come back to it.
constexpr std::size_t k_block_for(const ProductShape& s, bool packs, const Machine& m) {
    if (s.rows <= 2 * few_rows) return 0;
    if (packs) return max_packed_depth(m);
    if (m.is_conflicting(s.ldb)) return s.rows < 24 ? 1023 : 384;
    return fetches_next(s.rows, panel_for(m, 6, 1), m) ? 1152 : 3072;
}

// X W for some of a layer's `out` columns.
constexpr TilePlan plan_forward_tiles(const ProductShape& s, std::size_t out, const Machine& m) {
    TilePlan plan = plain_tiles(s.rows, accumulators_for(out, m.virtual_lanes()), m);
    if (plan.accumulators > 1) return plan;
    const bool in_l2 = s.depth * s.ldb * m.element <= m.l2;
    // Narrow panels with conflicting strides are packed, as are those too large for L1.
    const bool packs = packs_panels(s, m) && (m.is_conflicting(s.ldb) || s.depth > 512);
    if (packs)
        plan.pack = Pack::panels;
    else if (!has_narrow_panels(m))
        choose_prefetch(plan, s, in_l2, m);
    const std::size_t longest = k_block_for(s, packs, m);
    if (longest > 0 && s.depth > longest) plan.k_block = longest;
    return plan;
}

// ---- the forward pass of a layer ----

enum class ForwardPath : std::uint8_t {
    dot_row,  // one output of one row: a dot product (dot_row.hpp)
    dot,      // one output: a dot product per row (dot.hpp)
    row,      // one row, its sums in registers (row.hpp)
    axpy,     // one row, its sums in L1 (axpy.hpp)
    narrow,   // 4 rows x 1 vector, activated in registers (narrow.hpp)
    quad,     // few outputs: four inputs of several rows in a vector (quad.hpp)
    tile,     // an outer product (tile.hpp)
};

// How dot products with one column are computed.
enum class DotColumn : std::uint8_t {
    any_stride,    // W's elements are gathered
    half_vectors,  // two short rows fill a vector
    tall_tiles,    // as many rows as are summed along lanes at once
    low_tiles,     // half as many: long rows are more streams than there are prefetchers
};

struct ForwardPlan {
    ForwardPath path;
    bool stages;  // results wait back to back for their activation, or for their stride

    bool operator==(const ForwardPlan&) const = default;
};

constexpr std::size_t rows_of_narrow_tile = 4;

// Few rows and inputs, at most a vector of outputs: what takes time is to begin and end loops, and to store
// results and load them again for their activation. As measured on Zen 5 and on a Xeon of 2023, which does not
// hide the loads of W as well: few rows must not be deep, nor many rows of a tile repeated, and with idle lanes
// `quad` is faster where there is more to multiply.
constexpr bool is_narrow_forward(const ProductShape& s, const Machine& m) {
    const std::size_t w = m.lanes(), repeated = -s.rows % rows_of_narrow_tile;
    if (s.cols < 2 || s.cols > w || s.rows < 2 || s.depth > 8 * (s.rows - 1)) return false;
    if (3 * repeated > s.rows && (s.cols == m.virtual_lanes() || s.depth > 12)) return false;
    if (s.cols == w) return s.depth <= 12 || s.rows * s.depth <= 512;
    if (4 * s.cols > 3 * w) return s.rows * s.depth <= 256;
    return s.rows <= 16 && s.rows * (s.depth + 2) <= 25 * s.cols;
}

constexpr std::size_t max_quad_outputs(const Machine& m) { return m.virtual_lanes() < 12 ? m.virtual_lanes() : 12; }

// Lanes along the outputs would idle, and inputs and rows make up for the copy of W and for the ends of the sums.
// As measured on Zen 5.
constexpr bool is_quad_forward(const ProductShape& s, const Machine& m) {
    const std::size_t used = m.vectors_of(s.cols) * m.lanes(), idle = used - s.cols;
    return m.lanes() >= 4 && s.cols >= 2 && s.cols <= max_quad_outputs(m) && s.rows >= 8 &&
           10 * idle * idle * s.depth >= used * used * (16 + 160 / s.rows);
}

// Short rows: the activation of many elements at once, while they are in L1, works on full vectors and loads its
// constants once. In place where there are some rows, with a copy where many vectors would end early. As measured
// on Zen 5.
constexpr bool stages_activation(const ProductShape& s, std::size_t lda, const Machine& m) {
    if (s.cols > 4 * m.virtual_lanes()) return false;
    const std::size_t rest = s.cols % m.virtual_lanes();
    if (lda == s.cols) return s.rows >= 32 || (rest != 0 && s.rows >= 8);
    return s.rows >= 32 && rest != 0 && 4 * rest <= 3 * m.virtual_lanes();
}

constexpr bool is_deep(std::size_t depth, const Machine& m) {
    return m.lane_sums == 16 && depth >= 8 * m.virtual_lanes();
}

constexpr DotColumn plan_dot_column(const ProductShape& s, const Machine& m) {
    if (s.ldb != 1) return DotColumn::any_stride;
    if (m.loads_halves && s.rows >= 4 && s.depth <= m.virtual_lanes() / 2) return DotColumn::half_vectors;
    return is_deep(s.depth, m) ? DotColumn::low_tiles : DotColumn::tall_tiles;
}

// `activates`: there is an activation; lda: from one row of results to the next.
constexpr ForwardPlan plan_forward(const ProductShape& s, std::size_t lda, bool activates, const Machine& m) {
    ForwardPlan plan = {ForwardPath::tile, false};
    if (s.cols == 1) {
        plan.path = s.rows == 1 && s.ldb == 1 ? ForwardPath::dot_row : ForwardPath::dot;
        plan.stages = s.rows > 1 && lda > 1;
    } else if (s.rows == 1) {
        plan.path = m.is_long(s.cols) ? ForwardPath::axpy : ForwardPath::row;
    } else if (is_narrow_forward(s, m)) {
        plan.path = ForwardPath::narrow;
    } else if (is_quad_forward(s, m)) {
        plan.path = ForwardPath::quad;
    } else {
        plan.stages = activates && s.cols > 0 && stages_activation(s, lda, m);
    }
    return plan;
}

// ---- the input gradient ----

enum class BackwardPath : std::uint8_t {
    outer,       // one output, W contiguous: dZ times W (pointwise/activation.hpp)
    transposed,  // few outputs: W transposed, lanes along the inputs (transposed.hpp)
    dot_row,     // one row: dot products with the rows of W (dot_row.hpp)
    dot,         // dot products (dot.hpp)
};

// How one row's dot products with the rows of W are read. Eight of them at a time, but for long rows that are not
// in L1: with more streams than prefetchers, L3 and DRAM were 5 to 10 % slower on Zen 5.
enum class DotRow : std::uint8_t {
    lines,  // W's rows are a cache line at most
    eight,
    four,
};

// `writes`: the rows are updated as they are read.
constexpr DotRow plan_dot_row(std::size_t rows, std::size_t depth, std::size_t ld, bool writes, const Machine& m) {
    if (depth <= m.virtual_lanes()) return DotRow::lines;
    return !m.is_long(depth) || (!writes && rows * ld * m.element <= m.l1) ? DotRow::eight : DotRow::four;
}

// A line of outputs leaves dot products one multiply-add per several shuffles. The transposition takes as long as
// the dot products of two rows where a vector has 16 lanes, and less than those where it has fewer.
constexpr bool is_transposed_backward(std::size_t batch, std::size_t out, const Machine& m) {
    return batch > 1 && 8 * batch > m.lane_sums && out > 0 && out <= m.virtual_lanes();
}

// Rows of X and dX that lie back to back and leave many lanes idle: of all elements at once, vectors are full.
constexpr bool is_row_by_row(std::size_t in, std::size_t ldx, std::size_t lddx, const Machine& m) {
    const std::size_t used = m.vectors_of(in) * m.lanes();
    return ldx != in || lddx != in || 4 * (used - in) < used;
}

// dX[batch][in] = dZ[batch][out] W[in][out]^T times a derivative at X. Dot products have tiles of 4 x 4 sums if is_deep:
// fewer loads than 2 x 8, and less conflict.
constexpr BackwardPath plan_backward(std::size_t batch, std::size_t out, std::size_t ldw, const Machine& m) {
    if (out == 1 && ldw == 1) return BackwardPath::outer;
    if (is_transposed_backward(batch, out, m)) return BackwardPath::transposed;
    return batch == 1 ? BackwardPath::dot_row : BackwardPath::dot;
}

// ---- the update ----

enum class UpdatePath : std::uint8_t {
    rank_one,  // one row (rank_one.hpp)
    column,    // one output, W contiguous: a tile of its transpose
    tall,      // few outputs: tiles of W's transpose (tall.hpp)
    tile,      // an outer product (tile.hpp)
};

struct UpdatePlan {
    UpdatePath path;
    bool fetches;  // the tile of W below is fetched while the sums of one are made

    bool operator==(const UpdatePlan&) const = default;
};

constexpr std::size_t max_tall_columns = 64;

// At least a quarter of the lanes along the columns would idle, and the depth makes up for the transposition of the
// results, which takes about six operations for each of their vectors.
constexpr bool is_tall_update(const ProductShape& s, const Machine& m) {
    const std::size_t used = m.vectors_of(s.cols) * m.lanes(), idle = used - s.cols;
    return s.rows >= m.lanes() && s.cols <= max_tall_columns && 4 * idle >= used && idle * s.depth > 6 * used;
}

// X^T dZ: rows are those of W, the depth is the batch.
constexpr UpdatePlan plan_gemm_tn(const ProductShape& s, std::size_t ldw, const Machine& m) {
    if (s.cols == 1 && ldw == 1) return {UpdatePath::column, false};
    return {is_tall_update(s, m) ? UpdatePath::tall : UpdatePath::tile, false};
}

constexpr UpdatePlan plan_update(const ProductShape& s, std::size_t ldw, const Machine& m) {
    if (s.depth == 1) return {UpdatePath::rank_one, false};
    UpdatePlan plan = plan_gemm_tn(s, ldw, m);
    // W is beyond L1 and the sums take long enough to wait for L3, or it is in memory.
    const std::size_t bytes = s.rows * ldw * m.element;
    plan.fetches = bytes > (std::size_t{8} << 20) || (s.depth >= 32 && bytes > m.l1);
    return plan;
}

constexpr std::size_t update_accumulators(const ProductShape& s) {
    return s.cols == 1 && s.depth >= rows_for_four_sums ? 4 : 1;
}

// One row of W's transpose: panels wide enough to hide the latency of a multiply-add.
constexpr TilePlan plan_column_tiles(const ProductShape& s, const Machine& m) {
    TilePlan plan = plain_tiles(1, update_accumulators(s), m);
    plan.panel = static_cast<std::uint8_t>(columns_beside(m, plan.accumulators == 1 ? 2 : 1, plan.accumulators));
    return plan;
}

constexpr TilePlan plan_update_tiles(const ProductShape& s, std::size_t ldw, const Machine& m) {
    TilePlan plan = plain_tiles(s.rows, update_accumulators(s), m);
    if (plan.accumulators > 1) return plan;
    const bool conflicting_panels = s.ldb * m.element % 4096 == 0 && is_worth_packing(s, m);
    if ((packs_panels(s, m) || conflicting_panels) && s.depth <= max_packed_depth(m))
        plan.pack = Pack::panels_and_blocks;
    else  // a short batch: W is gone through as it lies in memory
        plan.rows_first = s.depth <= 8 && m.is_conflicting(ldw);
    return plan;
}

}  // namespace
}  // namespace densimd::kernels
