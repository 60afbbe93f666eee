// The strides of matrices in memory that densimd::nn lays out itself. Also for the benchmarks' operands.
#pragma once

#include <bit>
#include <cstddef>

#include <densimd/kernels.hpp>

namespace densimd::nn {

/// Rows start on a cache line or, when they are shorter, cross none. A stride of a multiple of 1 KiB would
/// map to few sets of the L1 cache, so it gets one line more. One column stays contiguous.
template <class T>
constexpr std::size_t stride_for(std::size_t width) {
    constexpr std::size_t line = 64 / sizeof(T), conflicting = 1024 / sizeof(T);
    if (width < line) return std::bit_ceil(width);
    const std::size_t padded = (width + line - 1) / line * line;
    return padded % conflicting == 0 ? padded + line : padded;
}

/// The stride of weights. No two rows share a cache line: rows are updated one after the other, and the load
/// of one would wait for the store of the other (store forwarding).
template <class T>
constexpr std::size_t weights_stride_for(std::size_t width) {
    return width == 1 ? 1 : stride_for<T>(kernels::whole_lines<T>(width));
}

using kernels::whole_lines;

}  // namespace densimd::nn
