// Seeded random numbers, made of integers and exact arithmetic so that they are the same on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace densimd::test {

/// DENSIMD_TEST_SEED, else a fixed number. Printed at the start and again when a test fails.
std::uint64_t global_seed();

/// The name of the running test case.
std::string_view current_test();

/// SplitMix64 (Steele, Lea and Flood, 2014).
class Random {
  public:
    /// Seeded with the global seed and the hash of the running test's name.
    Random();
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t bits() {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    /// 0 .. count - 1.
    std::size_t below(std::size_t count) { return static_cast<std::size_t>(bits() % count); }

    /// In [0, 1), a multiple of the type's epsilon.
    template <class T>
    T unit() {
        constexpr int digits = std::numeric_limits<T>::digits;
        return static_cast<T>(bits() >> (64 - digits)) / static_cast<T>(std::uint64_t{1} << digits);
    }

    template <class T>
    T uniform(T low, T high) {
        return low + (high - low) * unit<T>();
    }

    template <class T>
    std::vector<T> vector(std::size_t count, T low = -1, T high = 1) {
        std::vector<T> values(count);
        for (T& value : values) value = uniform(low, high);
        return values;
    }

  private:
    std::uint64_t state_;
};

}  // namespace densimd::test
