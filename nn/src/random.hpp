// Random numbers that are the same with every standard library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace densimd::nn {

/// SplitMix64 (Steele, Lea and Flood, 2014): one stream for each (seed, stream).
class Random {
  public:
    Random(std::uint64_t seed, std::uint64_t stream) : state_(mix(seed) + mix(~stream)) {}

    std::uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15u); }

    /// In [0, 1), a multiple of 2^-53.
    double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

    /// In [0, count), unbiased: the high half of a product, rejecting the few low halves that come up too
    /// often (Lemire, 2019).
    std::size_t below(std::size_t count) {
        __extension__ using Product = unsigned __int128;
        Product product = static_cast<Product>(next()) * count;
        if (static_cast<std::uint64_t>(product) < count) {
            const std::uint64_t reject_below = (0 - static_cast<std::uint64_t>(count)) % count;
            while (static_cast<std::uint64_t>(product) < reject_below)
                product = static_cast<Product>(next()) * count;
        }
        return static_cast<std::size_t>(product >> 64);
    }

  private:
    static std::uint64_t mix(std::uint64_t z) {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }

    std::uint64_t state_;
};

/// Fisher and Yates' shuffle.
inline void shuffle(std::vector<std::size_t>& order, std::uint64_t seed, std::uint64_t stream) {
    Random random(seed, stream);
    for (std::size_t left = order.size(); left > 1; --left)
        std::swap(order[left - 1], order[random.below(left)]);
}

}  // namespace densimd::nn
