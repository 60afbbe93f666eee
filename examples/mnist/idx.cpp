// The strict parser of the IDX format.
#include "mnist/idx.hpp"

#include <densimd/nn.hpp>

namespace mnist {
namespace {

std::string hexadecimal(std::uint8_t byte) {
    constexpr const char* digits = "0123456789abcdef";
    return {'0', 'x', digits[byte >> 4], digits[byte & 15]};
}

const char* type_name(std::uint8_t code) {
    switch (code) {
        case 0x08:
            return "unsigned bytes";
        case 0x09:
            return "signed bytes";
        case 0x0b:
            return "16-bit integers";
        case 0x0c:
            return "32-bit integers";
        case 0x0d:
            return "32-bit floating point";
        case 0x0e:
            return "64-bit floating point";
        default:
            return "unknown";
    }
}

std::string type_text(std::uint8_t code) { return hexadecimal(code) + " (" + type_name(code) + ")"; }

std::size_t big_endian(std::span<const std::uint8_t> four_bytes) {
    std::size_t value = 0;
    for (const std::uint8_t byte : four_bytes) value = value << 8 | byte;
    return value;
}

std::string shape_text(const std::vector<std::size_t>& sizes) {
    std::string text;
    for (const std::size_t size : sizes) text += (text.empty() ? "" : " x ") + std::to_string(size);
    return text;
}

}  // namespace

Idx parse_idx(std::span<const std::uint8_t> bytes, const std::string& name, IdxType type) {
    const auto fail = [&](const std::string& why) { throw densimd::nn::Error(name + ": " + why); };
    const std::string length = std::to_string(bytes.size());
    constexpr std::size_t start = 4;
    const auto expected = static_cast<std::uint8_t>(type);
    if (bytes.size() < start)
        fail("the file has " + length + " bytes; an IDX file starts with " + std::to_string(start) +
             " bytes for its type and dimensions");
    if (bytes[0] != 0 || bytes[1] != 0)
        fail("the first two bytes are " + hexadecimal(bytes[0]) + " " + hexadecimal(bytes[1]) +
             "; expected 0x00 0x00, as in every IDX file");
    if (bytes[2] != expected)
        fail("the element type is " + type_text(bytes[2]) + "; expected " + type_text(expected));

    const std::size_t dimensions = bytes[3];
    if (dimensions == 0) fail("there are 0 dimensions; expected 1 to 255");
    const std::size_t header = start + 4 * dimensions;
    if (bytes.size() < header)
        fail("the file has " + length + " bytes; expected a header of " + std::to_string(header) + " for " +
             std::to_string(dimensions) + (dimensions == 1 ? " dimension" : " dimensions"));

    Idx idx;
    for (std::size_t i = 0; i < dimensions; ++i) {
        idx.sizes.push_back(big_endian(bytes.subspan(start + 4 * i, 4)));
        if (idx.sizes.back() == 0)
            fail("dimension " + std::to_string(i + 1) + " of " + std::to_string(dimensions) +
                 " has the size 0; expected at least 1");
    }
    std::size_t count = 1;
    for (const std::size_t size : idx.sizes) {
        if (size > max_idx_values / count)
            fail("the size " + shape_text(idx.sizes) + " is too large; expected at most " +
                 std::to_string(max_idx_values) + " values");
        count *= size;
    }
    if (type == IdxType::integers) count *= 4;
    const auto values = bytes.subspan(header);
    if (values.size() != count)
        fail("the header is followed by " + std::to_string(values.size()) + " bytes, " +
             (values.size() < count ? "too few" : "too many") + "; expected " + std::to_string(count) +
             " for the size " + shape_text(idx.sizes));
    idx.values.assign(values.begin(), values.end());
    return idx;
}

}  // namespace mnist
