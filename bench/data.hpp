// Numbers to compute with: reproducible, and small enough that sigmoids stay in their live range.
#pragma once

#include <cstddef>

#include <densimd/nn/memory.hpp>

namespace densimd::bench {

/// `count` numbers in [low, high), the same for a seed on every machine.
template <class T>
nn::AlignedVector<T> numbers(std::size_t count, double low, double high, unsigned seed = 1);

}  // namespace densimd::bench
