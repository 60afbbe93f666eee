// Which shapes a plan can carry out, with the bits that all plans have. A planner asks for less.
#pragma once

#include <cstddef>

#include "plan/backward.hpp"
#include "plan/forward.hpp"
#include "plan/update.hpp"

namespace densimd::kernels {
namespace {

constexpr bool accepts_forward(ForwardPath path, const ProductShape& s, const Machine& m) {
    switch (path) {
        case ForwardPath::dot_row:
            return s.cols == 1 && s.rows == 1 && s.ldb == 1;
        case ForwardPath::dot:
            return s.cols == 1;
        case ForwardPath::row:
            return s.cols > 1 && s.rows == 1 && !m.is_long(s.cols);
        case ForwardPath::axpy:  // one accumulator
            return s.cols > 1 && s.rows == 1 && accumulators_for(s.cols, m.virtual_lanes()) == 1;
        case ForwardPath::narrow:  // four accumulators
            return s.cols > 1 && s.cols <= m.lanes() && s.rows > 0;
        case ForwardPath::quad:  // with code for these numbers of outputs
            return m.lanes() >= 4 && s.cols > 1 && s.cols <= max_quad_outputs(m) && s.cols % m.lanes() != 0;
        case ForwardPath::tile:
            return s.cols > 1;
    }
    return false;
}

// Of a product with B's rows read as they are, or blocks of a transposed A copied.
constexpr bool accepts_tiles(const TilePlan& plan, const ProductShape& s, std::size_t max_panel_of_result,
                             const Machine& m) {
    if (plan.panel == 0 || plan.panel > max_panel_of_result) return false;
    const std::size_t height = rows_beside(m, plan.panel, 1);
    if (plan.accumulators > 1)
        return plan.prefetch == Prefetch::none && !plan.next_panel && plan.pack == Pack::none && plan.k_block == 0;
    if (plan.pack != Pack::none)
        return s.depth > 0 && s.depth <= max_packed_depth(m) && s.rows >= 16 && plan.k_block == 0 &&
               !plan.next_panel && plan.prefetch == Prefetch::none && !plan.rows_first;
    if (plan.prefetch == Prefetch::first_tile && (plan.rows_first || s.rows <= height)) return false;
    if (plan.next_panel) {
        const std::size_t lines = plan.panel * m.lanes() / m.virtual_lanes();
        return !has_narrow_panels(m) && !plan.rows_first && (plan.panel == 3 || plan.panel == 4 || plan.panel == 6) &&
               s.rows >= lines * height;
    }
    return true;
}

constexpr bool accepts_backward(BackwardPath path, std::size_t batch, std::size_t out, std::size_t ldw,
                                const Machine& m) {
    switch (path) {
        case BackwardPath::outer:
            return out == 1 && ldw == 1;
        case BackwardPath::transposed:
            return out > 0 && out <= m.virtual_lanes();
        case BackwardPath::dot_row:
            return batch == 1;
        case BackwardPath::dot:
            return true;
    }
    return false;
}

constexpr bool accepts_update(UpdatePath path, const ProductShape& s, std::size_t ldw) {
    switch (path) {
        case UpdatePath::rank_one:
            return s.depth == 1;
        case UpdatePath::column:
            return s.cols == 1 && ldw == 1 && s.depth > 1;
        case UpdatePath::tall:
            return s.cols > 0 && s.cols <= max_tall_columns && s.depth > 1;
        case UpdatePath::tile:
            return s.depth > 1;
    }
    return false;
}

}  // namespace
}  // namespace densimd::kernels
