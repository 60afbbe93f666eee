// The choice for the update of a layer, W += scale X^T dZ, and for X^T dZ alone.
#pragma once

#include <cstddef>
#include <cstdint>

#include "plan/tiles.hpp"

namespace densimd::kernels {
namespace {

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

constexpr TilePlan plan_update_tiles(const ProductShape& s, std::size_t ldw, const Machine& m) {
    TilePlan plan = plain_tiles(s.rows, update_accumulators(s), m);
    if (plan.accumulators > 1) return plan;
    const bool conflicting_panels = s.ldb > 0 && s.ldb * m.element % 4096 == 0 && is_worth_packing(s, m);
    if ((packs_panels(s, m) || conflicting_panels) && s.depth <= max_packed_depth(m))
        plan.pack = Pack::panels_and_blocks;
    else  // a short batch: W is gone through as it lies in memory
        plan.rows_first = s.depth <= 8 && m.is_conflicting(ldw);
    return plan;
}

}  // namespace
}  // namespace densimd::kernels
