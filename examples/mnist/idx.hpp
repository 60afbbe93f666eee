// A strict parser of the IDX format: arrays of unsigned bytes, such as MNIST's images and labels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace mnist {

struct Idx {
    std::vector<std::size_t> sizes;    // of each dimension, the slowest first
    std::vector<std::uint8_t> values;  // row-major
};

// More than that is refused, so that a damaged header does not fill the memory.
constexpr std::size_t max_idx_values = std::size_t{1} << 30;
constexpr std::size_t max_idx_header = 4 + 4 * 255;

// Two zero bytes, the type's code, the number of dimensions, their sizes as big-endian 32-bit numbers, and
// the values, with nothing after them. `name` stands for the file in errors. Throws nn::Error that names what
// was found and what was expected.
Idx parse_idx(std::span<const std::uint8_t> bytes, const std::string& name);

}  // namespace mnist
