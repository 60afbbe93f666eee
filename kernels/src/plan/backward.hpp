// The choice for the gradient of a layer's input.
#pragma once

#include <cstddef>

#include "plan/machine.hpp"
#include "plan/types.hpp"

namespace densimd::kernels {
namespace {

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

}  // namespace
}  // namespace densimd::kernels
