// A hash of bits (FNV-1a), for names and for results that must never change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace densimd::test {

class Hash {
  public:
    void add_bytes(const void* data, std::size_t count) {
        const auto* bytes = static_cast<const unsigned char*>(data);
        for (std::size_t i = 0; i < count; ++i) hash_ = (hash_ ^ bytes[i]) * 0x100000001b3;
    }

    template <class T>
    void add(std::span<const T> values) {
        add_bytes(values.data(), values.size_bytes());
    }

    std::uint64_t value() const { return hash_; }

  private:
    std::uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace densimd::test
