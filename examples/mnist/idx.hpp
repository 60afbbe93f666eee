// A strict parser of the IDX format: arrays of unsigned bytes, such as MNIST's images and labels, or of
// integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace mnist {

enum class IdxType : std::uint8_t { unsigned_bytes = 0x08, integers = 0x0c };

struct Idx {
    std::vector<std::size_t> sizes;    // of each dimension, the slowest first
    std::vector<std::uint8_t> values;  // row-major; four bytes, the most significant first, for each integer
};

// More than that is refused, so that a damaged header does not fill the memory.
constexpr std::size_t max_idx_values = std::size_t{1} << 30;
constexpr std::size_t max_idx_header = 4 + 4 * 255;

// Two zero bytes, the type's code, the number of dimensions, their sizes as big-endian 32-bit numbers, and
// the values, with nothing after them. `name` stands for the file in errors. Throws nn::Error that names what
// was found and what was expected, a type other than this one included.
Idx parse_idx(std::span<const std::uint8_t> bytes, const std::string& name,
              IdxType type = IdxType::unsigned_bytes);

}  // namespace mnist
