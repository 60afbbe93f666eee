// The operators new and delete of the test program.
#include "support/allocations.hpp"

#include <malloc.h>

#include <cstdlib>
#include <new>

using namespace densimd::test;

namespace {

void* counted(std::size_t size, std::size_t alignment) {
    ++allocations;
    if (memory_is_full) return nullptr;
    const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
    void* memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
    const std::size_t now = bytes += malloc_usable_size(memory);
    for (std::size_t most = most_bytes; now > most && !most_bytes.compare_exchange_weak(most, now);) {
    }
    return memory;
}

void release(void* memory) {
    bytes -= malloc_usable_size(memory);
    std::free(memory);
}

void* counted_or_throw(std::size_t size, std::size_t alignment) {
    if (void* memory = counted(size, alignment)) return memory;
    throw std::bad_alloc();
}

constexpr std::size_t usual = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

}  // namespace

// All forms, so that no pair of them belongs to two allocators.
void* operator new(std::size_t size) { return counted_or_throw(size, usual); }
void* operator new[](std::size_t size) { return counted_or_throw(size, usual); }
void* operator new(std::size_t size, std::align_val_t to) { return counted_or_throw(size, std::size_t(to)); }
void* operator new[](std::size_t size, std::align_val_t to) {
    return counted_or_throw(size, std::size_t(to));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size, usual); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size, usual); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { release(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { release(memory); }
