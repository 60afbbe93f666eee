// The choice for the update of a layer, W += scale X^T dZ, and for X^T dZ alone.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "plan/tiles.hpp"

namespace densimd::kernels {
namespace {

constexpr std::size_t max_tall_columns = 64;

// Vectors of W's rows that are summed up at a time: so many that there are sums enough to hide their latency.
constexpr std::size_t tall_vectors(const ProductShape& s, const Machine&) {
    return s.cols > 1 && s.cols <= few_rows ? max_tall_vectors : 2;  // one column has four sums
}

// What paths cost, in half cycles: a multiply-add takes one, and a term of so few sums that they wait for one another
// eight. As measured on a Xeon of 2023, to about a tenth.
constexpr std::size_t latency = 8;

// Each vector of W is loaded, updated and stored for 3. Loads and what surrounds tiles add an eighth; a quarter, where
// tiles are a vector wide and so load an operand for each multiply-add.
constexpr std::size_t tile_cost(const ProductShape& s, const Machine& m) {
    const std::size_t vectors = s.rows * m.vectors_of(s.cols);
    return (vectors < latency ? latency : vectors) * (s.depth + 3) * (s.cols <= m.lanes() ? 10 : 9) / 8 + 100;
}
// Rows of at most a vector, `columns` of them after they are rounded up to a power of two, come out of shuffles, of which
// there is one in a cycle; one more for rows that share a vector. Rows of a block that is not whole are finished one by one.
constexpr std::size_t tall_finish_cost(std::size_t columns, const Machine& m) {
    const std::size_t log2 = static_cast<std::size_t>(std::bit_width(columns)) - 1;
    return 2 * columns * (log2 + 1) + (columns < m.lanes() ? 5 : 3) * m.lanes();
}
constexpr std::size_t tall_cost(const ProductShape& s, const Machine& m) {
    const std::size_t blocks = (s.rows + m.lanes() - 1) / m.lanes();
    const std::size_t passes = tall_vectors(s, m) == 2 ? (blocks + 1) / 2 : (blocks + 3) / 4;  // divisions take long
    const std::size_t rest = s.cols % m.lanes();
    const std::size_t highest = rows_beside(m, 2, 1), waits = latency * passes * ((s.cols + highest - 1) / highest);
    const std::size_t sums = s.cols * blocks < waits ? waits : s.cols * blocks;
    const std::size_t finish = s.cols / m.lanes() * tall_finish_cost(m.lanes(), m) +
                               (rest > 0 ? tall_finish_cost(std::bit_ceil(rest), m) : 0);
    return sums * s.depth * 9 / 8 + blocks * finish + 40 * passes + 6 * (s.rows % m.lanes()) + 80;
}

// Where lanes along the columns idle.
constexpr bool is_tall_update(const ProductShape& s, const Machine& m) {
    if (s.cols > max_tall_columns || s.depth < 4) return false;
    const std::size_t tile = tile_cost(s, m);
    return tile > 200 && tall_cost(s, m) < tile;  // no transposition costs less than 200
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
    plan.fetches =
        plan.path == UpdatePath::tile && (bytes > (std::size_t{8} << 20) || (s.depth >= 32 && bytes > m.l1));
    return plan;
}

constexpr std::size_t update_accumulators(const ProductShape& s) {
    return batch_accumulators(s.cols, s.depth);
}

// One row of W's transpose: panels wide enough to hide the latency of a multiply-add.
constexpr TilePlan plan_column_tiles(const ProductShape& s, const Machine& m) {
    TilePlan plan = plain_tiles(1, update_accumulators(s), m);
    plan.panel = static_cast<std::uint8_t>(columns_beside(m, plan.accumulators == 1 ? 2 : 1, plan.accumulators));
    return plan;
}

// Panels of about equal width: a narrow last one would need a load for each multiply-add. One or two rows leave registers
// for wide ones.
constexpr std::size_t update_panel(const ProductShape& s, std::size_t widest, const Machine& m) {
    if (s.rows < few_rows) widest = columns_beside(m, 2, 1);
    const std::size_t vectors = m.vectors_of(s.cols);
    if (vectors <= widest) return widest;
    const std::size_t panels = (vectors + widest - 1) / widest;
    return (vectors + panels - 1) / panels;
}

// A short batch and a W that is not in L2: each row of W is read and written once, in the order in which it lies in
// memory, which prefetchers follow. All of dZ passes by each time.
constexpr bool goes_through_rows(const ProductShape& s, std::size_t ldw, const Machine& m) {
    return s.depth <= 32 && s.rows * ldw * m.element > m.l2;
}

constexpr TilePlan plan_update_tiles(const ProductShape& s, std::size_t ldw, const Machine& m) {
    TilePlan plan = plain_tiles(s.rows, update_accumulators(s), m);
    if (plan.accumulators > 1) return plan;
    plan.panel = static_cast<std::uint8_t>(update_panel(s, plan.panel, m));
    plan.rows_first = goes_through_rows(s, ldw, m);
    if (plan.rows_first) return plan;
    const bool conflicting_panels = s.ldb > 0 && s.ldb * m.element % 4096 == 0 && is_worth_packing(s, m);
    if ((packs_panels(s, m) || conflicting_panels) && s.depth <= max_packed_depth(m))
        plan.pack = Pack::panels_and_blocks;
    else  // a short batch: W is gone through as it lies in memory
        plan.rows_first = s.depth <= 8 && m.is_conflicting(ldw);
    return plan;
}

}  // namespace
}  // namespace densimd::kernels
