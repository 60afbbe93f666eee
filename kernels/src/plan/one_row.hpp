// The choices for one sample: rank-one updates, and passes over W that do two things.
#pragma once

#include <cstddef>

#include "plan/machine.hpp"
#include "plan/types.hpp"

namespace densimd::kernels {
namespace {

constexpr std::size_t max_short_row = 4;  // vectors that stay in registers from row to row

constexpr RankOnePath plan_rank_one(std::size_t out, std::size_t ldw, const Machine& m) {
    if (out == 1 && ldw == 1) return RankOnePath::column;
    return out <= max_short_row * m.lanes() ? RankOnePath::short_rows : RankOnePath::rows;
}

// Eight rows at a time: with 16, which registers would allow, L3 and DRAM were 5 % slower on Zen 5, as there are more
// streams than prefetchers. Four where conflicting strides leave few ways. Four if the rows are written too, which
// comes after the loads of all four: else these would wait for stores a multiple of 4 KiB away (4K aliasing).
constexpr AxpyPlan plan_axpy(std::size_t ldw, bool writes, const Machine& m) {
    if (writes) return AxpyPlan::four_rows_written;
    return m.is_conflicting(ldw) ? AxpyPlan::four_rows_apart : AxpyPlan::eight_rows;
}

constexpr UpdateForwardPath plan_update_forward(std::size_t out, std::size_t ldw, const Machine& m) {
    if (out == 1) return ldw == 1 ? UpdateForwardPath::column : UpdateForwardPath::two_passes;
    return m.is_long(out) ? UpdateForwardPath::axpy : UpdateForwardPath::row;
}

}  // namespace
}  // namespace densimd::kernels
