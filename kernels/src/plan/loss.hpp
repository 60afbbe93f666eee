// The choice for losses whose terms belong to one output each.
#pragma once

#include <cstddef>

#include "plan/machine.hpp"
#include "plan/types.hpp"

namespace densimd::kernels {
namespace {

constexpr LossPath plan_loss(std::size_t out, bool contiguous, const Machine& m) {
    if (out == 1 && contiguous) return LossPath::column;
    return out > 1 && out <= m.lanes() ? LossPath::short_rows : LossPath::rows;
}

}  // namespace
}  // namespace densimd::kernels
