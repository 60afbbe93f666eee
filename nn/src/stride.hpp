// How far apart the rows of a matrix lie in memory that densimd::nn lays out itself.
#pragma once

#include <bit>
#include <cstddef>

#include <densimd/kernels.hpp>

namespace densimd::nn {

/// Rows start on a cache line, or, when they are shorter, cross none. Rows a multiple of 1 KiB apart would
/// compete for few sets of the L1 cache, so such strides get one line more. One column stays contiguous.
template <class T>
constexpr std::size_t stride_for(std::size_t width) {
    constexpr std::size_t line = 64 / sizeof(T), few_sets = 1024 / sizeof(T);
    if (width < line) return std::bit_ceil(width);
    const std::size_t padded = (width + line - 1) / line * line;
    return padded % few_sets == 0 ? padded + line : padded;
}

/// Of weights, whose rows are changed one after the other: two in one cache line would make the CPU wait for
/// the store of one before it loads the other.
template <class T>
constexpr std::size_t weights_stride_for(std::size_t width) {
    return width == 1 ? 1 : stride_for<T>(kernels::whole_lines<T>(width));
}

using kernels::whole_lines;

}  // namespace densimd::nn
