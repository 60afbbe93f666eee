// The paths: for each, what it is called and why it is chosen, and which shapes it can carry out with the bits that all
// paths have. A planner asks for less.
#pragma once

#include <cstddef>

#include "plan/backward.hpp"
#include "plan/forward.hpp"
#include "plan/update.hpp"

namespace densimd::kernels {
namespace {

template <class Path>
struct PathRow {
    Path path;
    const char* words;
    bool (*accepts)(const ProductShape& shape, const Machine& m);
};

// The shape is that of X W: rows of the batch, columns of outputs, ldb of W.
constexpr PathRow<ForwardPath> forward_paths[] = {
    {ForwardPath::dot_row, "dot_row, one dot product, as there is one output of one row",
     [](const ProductShape& s, const Machine&) { return s.cols == 1 && s.rows == 1 && s.ldb == 1; }},
    {ForwardPath::dot, "dot, a dot product per row, as there is one output",
     [](const ProductShape& s, const Machine&) { return s.cols == 1; }},
    {ForwardPath::row, "row, sums in registers, as there is one row",
     [](const ProductShape& s, const Machine& m) { return s.cols > 1 && s.rows == 1 && !m.is_long(s.cols); }},
    {ForwardPath::axpy, "axpy, rows of W added to sums in L1, as there is one row of many outputs",
     [](const ProductShape& s, const Machine& m) {
         return s.rows == 1 && s.cols > 1 && accumulators_for(s.cols, m.virtual_lanes()) == 1;
     }},
    {ForwardPath::square, "square, four inputs x four outputs of a row to a vector, as outputs and rows are few",
     can_be_square},
    {ForwardPath::narrow, "narrow, 4 rows x 1 vector activated in registers, as outputs are few and sums short",
     can_be_narrow},
    {ForwardPath::quad, "quad, four inputs of several rows to a vector, as lanes along so few outputs would idle",
     can_be_quad},
    {ForwardPath::tile, "tile, an outer product", [](const ProductShape& s, const Machine&) { return s.cols > 1; }},
};

// The same shape, whose rows are the whole batch: with cols it fixes the order of the sums.
constexpr PathRow<BackwardPath> backward_paths[] = {
    {BackwardPath::outer, "outer, dZ times W, as there is one output",
     [](const ProductShape& s, const Machine&) { return s.cols == 1 && s.ldb == 1; }},
    {BackwardPath::column, "column, a dot product per row, as there is one input",
     [](const ProductShape& s, const Machine&) { return s.depth == 1; }},
    {BackwardPath::transposed,
     "transposed, dZ times W's transpose, as dot products over so few outputs would be mostly sums along lanes",
     [](const ProductShape& s, const Machine&) { return sums_like_forward(s.rows, s.depth, s.cols); }},
    {BackwardPath::short_dots, "short_dots, lanes along the inputs, as there is one row of few outputs",
     [](const ProductShape& s, const Machine& m) { return s.rows == 1 && s.cols > 0 && s.cols <= max_short_depth && m.lanes() >= 4; }},
    {BackwardPath::dot_row, "dot_row, dot products with the rows of W, as there is one row",
     [](const ProductShape& s, const Machine&) { return s.rows == 1; }},
    {BackwardPath::dot, "dot, tiles of dot products, as there are several rows and outputs",
     [](const ProductShape& s, const Machine&) { return !sums_like_forward(s.rows, s.depth, s.cols); }},
};

// The shape is that of X^T dZ, with the distance between rows of W as ldb.
constexpr PathRow<UpdatePath> update_paths[] = {
    {UpdatePath::rank_one, "rank_one, row after row of W, as there is one sample",
     [](const ProductShape& s, const Machine&) { return s.depth == 1; }},
    {UpdatePath::column, "column, lanes along W, as there is one output",
     [](const ProductShape& s, const Machine&) { return s.cols == 1 && s.ldb == 1 && s.depth > 1; }},
    {UpdatePath::tall, "tall, tiles of W's transpose, as lanes along so few outputs would idle",
     [](const ProductShape& s, const Machine&) { return s.cols <= max_tall_columns && s.depth > 1; }},
    {UpdatePath::tile, "tile, an outer product", [](const ProductShape& s, const Machine&) { return s.depth > 1; }},
};

template <class Path, std::size_t N>
constexpr const PathRow<Path>& row_of(const PathRow<Path> (&rows)[N], Path path) {
    static_assert(N > 0);
    return rows[static_cast<std::size_t>(path)];
}

// Each row stands where its enumerator says.
template <class Path, std::size_t N>
constexpr bool in_order(const PathRow<Path> (&rows)[N]) {
    for (std::size_t i = 0; i < N; ++i)
        if (static_cast<std::size_t>(rows[i].path) != i) return false;
    return true;
}
static_assert(in_order(forward_paths) && in_order(backward_paths) && in_order(update_paths));

// Of a product with B's rows read as they are, or blocks of a transposed A copied.
constexpr bool accepts_tiles(const TilePlan& plan, const ProductShape& s, std::size_t max_panel_of_result,
                             const Machine& m) {
    if (plan.panel == 0 || plan.panel > max_panel_of_result) return false;
    const std::size_t height = rows_beside(m, plan.panel, 1);
    if (plan.accumulators > 1)
        return plan.prefetch == Prefetch::none && !plan.next_panel && plan.pack == Pack::none && plan.k_block == 0;
    if (plan.pack != Pack::none) {
        const std::size_t longest = plan.k_block > 0 && plan.k_block < s.depth ? plan.k_block : s.depth;
        return s.depth > 0 && longest <= max_packed_depth(m) && s.rows >= 16 && !plan.next_panel &&
               plan.prefetch == Prefetch::none && !plan.rows_first;
    }
    if (plan.prefetch == Prefetch::first_tile && (plan.rows_first || s.rows <= height)) return false;
    if (plan.next_panel) {
        const std::size_t lines = plan.panel * m.lanes() / m.virtual_lanes();
        return !has_narrow_panels(m) && !plan.rows_first && (plan.panel == 3 || plan.panel == 4 || plan.panel == 6) &&
               s.rows >= lines * height;
    }
    return true;
}

}  // namespace
}  // namespace densimd::kernels
