// Every operator new of the program is counted.
#pragma once

#include <atomic>
#include <cstddef>

namespace densimd::test {

inline std::atomic<std::size_t> allocations{0};
inline std::atomic<bool> memory_is_full{false};  ///< whether every operator new fails

/// Bytes that are allocated now, and the most that there were since `most_bytes` was set.
inline std::atomic<std::size_t> bytes{0}, most_bytes{0};

}  // namespace densimd::test
