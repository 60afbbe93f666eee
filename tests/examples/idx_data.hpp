// IDX files for the tests: their bytes, plain and compressed.
#pragma once

#include <doctest/doctest.h>
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/random.hpp"
#include "support/temporary_folder.hpp"

namespace densimd::test {

using Bytes = std::vector<std::uint8_t>;

/// The two zero bytes, the type, the number of dimensions and their sizes.
inline Bytes idx_header(const std::vector<std::uint32_t>& sizes, std::uint8_t type = 0x08) {
    Bytes bytes = {0, 0, type, static_cast<std::uint8_t>(sizes.size())};
    for (const std::uint32_t size : sizes)
        for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<std::uint8_t>(size >> shift));
    return bytes;
}

inline Bytes operator+(Bytes first, const Bytes& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

inline Bytes random_bytes(Random& random, std::size_t count) {
    Bytes bytes(count);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.below(256));
    return bytes;
}

inline void write_plain(const std::filesystem::path& path, const Bytes& bytes) {
    std::ofstream file(path, std::ios::binary);
    for (const std::uint8_t byte : bytes) file.put(static_cast<char>(byte));
    file.close();
    REQUIRE(file);
}

inline void write_compressed(const std::filesystem::path& path, const Bytes& bytes) {
    const gzFile file = gzopen(path.c_str(), "wb");
    REQUIRE(file != nullptr);
    const int written = gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    CHECK(written == static_cast<int>(bytes.size()));
    REQUIRE(gzclose(file) == Z_OK);
}

inline Bytes bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace densimd::test
