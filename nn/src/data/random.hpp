// Random numbers that are the same with every standard library.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace densimd::nn {

/// SplitMix64 (Steele, Lea and Flood, 2014): one stream for each (seed, stream).
class Random {
  public:
    Random(std::uint64_t seed, std::uint64_t stream) : state_(mix(seed) + mix(~stream)) {}

    std::uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15u); }

    /// In [0, 1), a multiple of 2^-53.
    double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

  private:
    static std::uint64_t mix(std::uint64_t z) {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }

    std::uint64_t state_;
};

/// order[0] .. order[size - 1] = value(0) .. value(size - 1), each order of them as likely as any other:
/// Fisher and Yates' shuffle from the inside out. Of one random number several places are drawn: a product's
/// high half is one, and its low half goes on; numbers of which some would come up too often are rejected
/// (Brackett-Rozinsky and Lemire, 2024, arXiv 2408.06213). Not inlined: alone it has the registers that it
/// needs.
template <class Value>
[[gnu::noinline]] void shuffle(std::span<std::size_t> order, std::uint64_t seed, std::uint64_t stream,
                               const Value& value) {
    __extension__ using Product = unsigned __int128;
    Random stream_of_numbers(seed, stream);
    std::size_t next = 0;
    // Places are drawn `Count` at a time, for elements before `limit`, whose power is to fit 64 bits.
    const auto insert = [&]<std::size_t Count>(std::size_t limit) {
        std::uint64_t most = 1;
        for (std::size_t k = 0; k < Count; ++k) most *= limit;
        std::size_t* const to = order.data();
        const std::size_t end = std::min(limit, order.size());
        Random random = stream_of_numbers;  // in registers, as is i
        std::size_t i = next;
        while (i + Count <= end) {
            std::uint64_t rest = random.next();
            std::size_t place[Count];
            for (std::size_t k = 0; k < Count; ++k) {
                const Product product = static_cast<Product>(rest) * (i + k + 1);
                place[k] = static_cast<std::size_t>(product >> 64);
                rest = static_cast<std::uint64_t>(product);
            }
            if (rest < most) [[unlikely]] {
                std::uint64_t choices = 1;
                for (std::size_t k = 0; k < Count; ++k) choices *= i + k + 1;
                if (rest < (0 - choices) % choices) continue;
            }
            for (std::size_t k = 0; k < Count; ++k, ++i) {
                to[i] = to[place[k]];
                to[place[k]] = value(i);
            }
        }
        stream_of_numbers = random;
        next = i;
    };
    insert.template operator()<6>(std::size_t{1} << 9);
    insert.template operator()<5>(std::size_t{1} << 11);
    insert.template operator()<4>(std::size_t{1} << 14);
    insert.template operator()<3>(std::size_t{1} << 19);
    insert.template operator()<2>(std::size_t{1} << 30);
    insert.template operator()<1>(order.size());
}

}  // namespace densimd::nn
