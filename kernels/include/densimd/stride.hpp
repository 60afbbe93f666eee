// How far apart the rows of a matrix should lie, for whoever lays out memory for the kernels.
//
// Kernels take any leading dimension that is at least the row's length; these make them fast. Networks of
// densimd::nn lay out their own memory with them: Layer::stride is weights_stride.
#pragma once

#include <densimd/version.hpp>

#include <bit>
#include <cstddef>

namespace densimd::kernels {

/// The leading dimension for rows of `width` elements that are read or written whole: inputs, activations and
/// their gradients. In elements, as every ld of the kernels.
///
/// - Rows of at least a cache line (64 bytes: 16 floats, 8 doubles) are padded to whole cache lines, so that
///   in a buffer aligned to 64 bytes every row starts on one and no vector crosses two.
/// - Shorter rows are padded to a power of two, so that no row crosses a cache line. One column stays
///   contiguous: the result for 1 is 1.
/// - The result is never a multiple of 1 KiB: such rows would share at most four of the 64 sets of a
///   typical L1 cache, and evict each other (set conflicts). One more cache line spreads them over all sets.
///
/// So width <= result < width + 2 cache lines. width = 0 gives 1.
template <class T>
constexpr std::size_t padded_stride(std::size_t width) noexcept {
    constexpr std::size_t line = 64 / sizeof(T), conflicting = 1024 / sizeof(T);
    if (width < line) return std::bit_ceil(width);
    const std::size_t padded = (width + line - 1) / line * line;
    return padded % conflicting == 0 ? padded + line : padded;
}

/// The leading dimension for weights W[in][width], whose rows are updated one after the other. In elements.
///
/// padded_stride, but rows of more than one element never share a cache line: an update ends a row with a
/// masked store, which does not forward to a load of the next row from the same line, so that the load would
/// have to wait until the store has left the store buffer. Rows of one element stay contiguous: such a column
/// is updated as one vector.
///
/// So the result for 1 is 1; else it is a whole number of cache lines (of which width = 0 needs none: it gives
/// 1 as well), and never a multiple of 1 KiB.
template <class T>
constexpr std::size_t weights_stride(std::size_t width) noexcept {
    constexpr std::size_t line = 64 / sizeof(T);
    return width > 1 && width < line ? line : padded_stride<T>(width);
}

}  // namespace densimd::kernels
