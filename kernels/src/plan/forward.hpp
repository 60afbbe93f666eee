// The choice for the forward pass of a layer.
#pragma once

#include <cstddef>

#include "plan/tiles.hpp"

namespace densimd::kernels {
namespace {

constexpr std::size_t rows_of_narrow_tile = 4;

// A vector has the outputs of two inputs at least.
constexpr bool has_squares(const Machine& m) { return m.lanes() >= 8; }
constexpr std::size_t max_quad_outputs(const Machine& m) { return m.virtual_lanes() < 12 ? m.virtual_lanes() : 12; }

constexpr bool can_be_square(const ProductShape& s, const Machine& m) {
    return has_squares(m) && s.cols > 1 && s.cols <= 4 && s.rows > 0 && s.depth > 0;
}
constexpr bool can_be_narrow(const ProductShape& s, const Machine& m) {
    return s.cols > 1 && s.cols <= m.lanes() && s.rows > 0;
}
constexpr bool can_be_quad(const ProductShape& s, const Machine& m) {
    return m.lanes() >= 4 && s.cols > 1 && s.cols <= max_quad_outputs(m) && s.cols % m.lanes() != 0 && s.depth > 0;
}

// Several rows and at most a line of outputs: what takes time is as much to begin and end loops, to store results and
// load them again for their activation, and lanes that idle, as to multiply. Which path does least of it, its costs say.
constexpr ForwardPlan plan_few_outputs(const ProductShape& s, bool activates, const Machine& m) {
    const std::size_t fours = (s.rows + rows_of_narrow_tile - 1) / rows_of_narrow_tile;
    ForwardPlan plan = {ForwardPath::square, false};
    if (can_be_square(s, m) && fours <= 2) return plan;
    std::size_t least = static_cast<std::size_t>(-1);
    const auto consider = [&](ForwardPath path, bool stages, const PathCost& cost, std::size_t tiles) {
        const std::size_t time = cost.of(tiles, s.depth, s.cols);
        if (time >= least) return;
        least = time;
        plan = {path, stages};
    };
    if (can_be_square(s, m)) consider(ForwardPath::square, false, m.costs.square, fours);
    if (can_be_narrow(s, m)) consider(ForwardPath::narrow, false, m.costs.narrow, fours);
    if (can_be_quad(s, m)) consider(ForwardPath::quad, false, m.costs.quad, fours);
    const std::size_t rows = (s.rows + (s.rows + 5) / 6) * m.vectors_of(s.cols);
    consider(ForwardPath::tile, false, m.costs.tile, rows);
    if (activates) consider(ForwardPath::tile, true, m.costs.staged, rows);
    return plan;
}

// The activation of all elements at once works on full vectors. A quarter of the lanes or more would idle, and the rows
// make up for one more pass over the results.
constexpr bool stages_activation(const ProductShape& s, const Machine& m) {
    const std::size_t used = m.vectors_of(s.cols) * m.lanes();
    return s.cols <= 4 * m.virtual_lanes() && s.rows >= 7 && 4 * (used - s.cols) >= used;
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
    if (is_dot_product(s.cols)) {
        plan.path = s.rows == 1 && s.ldb == 1 ? ForwardPath::dot_row : ForwardPath::dot;
        plan.stages = s.rows > 1 && lda > 1;
    } else if (s.rows == 1) {
        plan.path = m.is_long(s.cols) ? ForwardPath::axpy : ForwardPath::row;
    } else if (s.cols <= m.virtual_lanes() && s.cols > 0) {
        return plan_few_outputs(s, activates, m);
    } else {
        plan.stages = activates && s.cols > 0 && stages_activation(s, m);
    }
    return plan;
}

}  // namespace
}  // namespace densimd::kernels
