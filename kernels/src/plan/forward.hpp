// The choice for the forward pass of a layer.
#pragma once

#include <cstddef>

#include "plan/tiles.hpp"

namespace densimd::kernels {
namespace {

constexpr std::size_t rows_of_narrow_tile = 4;

// A vector has the outputs of two inputs at least.
constexpr bool has_squares(const Machine& m) { return m.lanes() >= 8; }
constexpr bool is_square_forward(const ProductShape& s, const Machine& m) {
    return has_squares(m) && s.cols > 1 && s.cols <= 4 && s.rows > 1 && s.rows <= 16 && s.depth > 0;
}

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
    if (is_dot_product(s.cols)) {
        plan.path = s.rows == 1 && s.ldb == 1 ? ForwardPath::dot_row : ForwardPath::dot;
        plan.stages = s.rows > 1 && lda > 1;
    } else if (s.rows == 1) {
        plan.path = m.is_long(s.cols) ? ForwardPath::axpy : ForwardPath::row;
    } else if (is_square_forward(s, m)) {
        plan.path = ForwardPath::square;
    } else if (is_narrow_forward(s, m)) {
        plan.path = ForwardPath::narrow;
    } else if (is_quad_forward(s, m)) {
        plan.path = ForwardPath::quad;
    } else {
        plan.stages = activates && s.cols > 0 && stages_activation(s, lda, m);
    }
    return plan;
}

}  // namespace
}  // namespace densimd::kernels
