// The choice for the gradient of a layer's input.
#pragma once

#include <cstddef>

#include "plan/tiles.hpp"

namespace densimd::kernels {
namespace {

constexpr std::size_t staged_gradients = 8192;  // bytes of sums that wait for their derivative, on the stack
constexpr std::size_t max_short_depth = 8;      // of sums with W's transpose in registers
constexpr std::size_t max_exact_depth = 4;      // up to here there is code for each depth

// `writes`: the rows are updated as they are read.
constexpr DotRow plan_dot_row(std::size_t rows, std::size_t depth, std::size_t ld, bool writes, const Machine& m) {
    if (depth <= m.virtual_lanes()) return DotRow::lines;
    return !m.is_long(depth) || (!writes && rows * ld * m.element <= m.l1) ? DotRow::eight : DotRow::four;
}

// Rows of X and dX that lie back to back and leave many lanes idle: of all elements at once, vectors are full.
constexpr bool is_row_by_row(std::size_t in, std::size_t ldx, std::size_t lddx, const Machine& m) {
    const std::size_t used = m.vectors_of(in) * m.lanes();
    return ldx != in || lddx != in || 4 * (used - in) < used;
}

// Tiles of dot products, for the last `rows` rows of a result. Few columns would leave most sums of a wide tile idle, and a
// single row those of a tile of two; deep tiles are square where there are rows for that, to load less.
constexpr DotTile plan_dot_tile(std::size_t rows, std::size_t cols, std::size_t depth, const Machine& m) {
    if (m.lane_sums < 8) return DotTile::two_rows;
    if (cols == 2 && rows > 2) return DotTile::two_columns;
    const bool is_square = m.lane_sums == 16 && (cols <= 4 || depth >= 8 * m.virtual_lanes());
    if (is_square && rows > 2) return DotTile::square;
    return rows == 1 && cols > m.lane_sums / 2 ? DotTile::one_row : DotTile::two_rows;
}

// Panels of four cache lines, so that one stays in L1 for all rows; of about equal width. Of two for more outputs, as there
// is room for on the stack.
constexpr std::size_t widest_transposed(const Machine& m) { return 4 * m.virtual_lanes() / m.lanes(); }
constexpr TransposedPlan plan_transposed(std::size_t batch, std::size_t in, std::size_t out, const Machine& m) {
    const std::size_t widest = widest_transposed(m), vectors = m.vectors_of(in);
    const std::size_t most = out <= max_transposed_outputs / 2 ? widest : widest / 2;
    TransposedPlan plan = {vectors, out > 0 && out <= max_short_depth, plain_tiles(batch, accumulators_for(in, m.virtual_lanes()), m)};
    if (vectors > most) {
        const std::size_t panels = (vectors + most - 1) / most;
        plan.vectors = (vectors + panels - 1) / panels;
    }
    return plan;
}

// dX[rows][in] = dZ[rows][out] W[in][out]^T times a derivative at X, for some rows of a batch.
constexpr BackwardPath plan_backward(std::size_t batch, std::size_t rows, std::size_t in, std::size_t out, std::size_t ldw,
                                     const Machine& m) {
    if (out == 1 && ldw == 1) return BackwardPath::outer;
    if (sums_like_forward(batch, in, out)) return BackwardPath::transposed;
    if (rows != 1) return in == 1 ? BackwardPath::column : BackwardPath::dot;
    const bool is_short = out <= max_short_depth && out > 0 && m.lanes() >= 4;
    return is_short ? BackwardPath::short_dots : BackwardPath::dot_row;
}

}  // namespace
}  // namespace densimd::kernels
