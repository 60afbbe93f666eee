// A vector whose memory starts on a cache line.
#pragma once

#include <densimd/version.hpp>

#include <cstddef>
#include <vector>

namespace densimd::nn {

namespace out_of_line {

/// `count` objects of `size` bytes from a cache line's start on. Throws as operator new does; out of line, so
/// that programs without exceptions can include this.
void* allocate_lines(std::size_t count, std::size_t size);
void deallocate_lines(void* memory) noexcept;

}  // namespace out_of_line

template <class T>
struct CacheLineAllocator {
    using value_type = T;

    CacheLineAllocator() = default;
    template <class U>
    CacheLineAllocator(const CacheLineAllocator<U>&) noexcept {}

    T* allocate(std::size_t count) { return static_cast<T*>(out_of_line::allocate_lines(count, sizeof(T))); }
    void deallocate(T* memory, std::size_t) noexcept { out_of_line::deallocate_lines(memory); }
    bool operator==(const CacheLineAllocator&) const noexcept = default;
};

template <class T>
using AlignedVector = std::vector<T, CacheLineAllocator<T>>;

}  // namespace densimd::nn
