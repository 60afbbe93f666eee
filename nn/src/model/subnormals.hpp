// Flushing subnormal numbers in calls so short that writing the control register would show: computed
// without, and again with flushing if subnormal numbers came up.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <densimd/subnormals.hpp>

namespace densimd::nn {

/// Whether one of x[n] is subnormal. By its bits: arithmetic would take it for zero, or be slow.
template <class T>
bool has_subnormal(std::size_t n, const T* x) noexcept {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    constexpr Bits first_normal = std::bit_cast<Bits>(std::numeric_limits<T>::min());
    for (std::size_t i = 0; i < n; ++i) {
        // Without the sign; 0 wraps around and is larger than all.
        const Bits size = std::bit_cast<Bits>(x[i]) << 1;
        if (size - 1 < (first_normal << 1) - 1) return true;
    }
    return false;
}

#if defined(__x86_64__)

template <class Compute>
[[gnu::noinline, gnu::cold]] void compute_again(const Compute& compute) noexcept {
    const kernels::FlushSubnormals flush;
    compute();
}

/// compute() with the bits that it has under FlushSubnormals. What it computes depends on its inputs alone;
/// unread[n] are those of its results that are operands of nothing.
///
/// x86 keeps a note of every subnormal operand (MXCSR's flag DE) and of every inexact subnormal result (UE).
/// Without such a note flushing would have changed nothing, but for an exact subnormal result that is no
/// operand. So the register is only read, and compute() is called again under FlushSubnormals where there is
/// a note. The note stays: the next call of a thread that meets subnormal numbers begins there. Writing the
/// register twice takes a prediction of 8-16-1 7 % longer, and keeps it from overlapping with the next;
/// reading it takes 1 to 3 %.
template <class T, class Compute>
[[gnu::always_inline]] inline void compute_flushed(std::size_t n, const T* unread,
                                                   const Compute& compute) noexcept {
    constexpr unsigned noted = 0x12;
    if ((__builtin_ia32_stmxcsr() & noted) == 0) [[likely]] {
        compute();
        if ((__builtin_ia32_stmxcsr() & noted) == 0 && !has_subnormal(n, unread)) [[likely]]
            return;
    }
    compute_again(compute);
}

#else

/// Arm keeps no note of subnormal operands.
template <class T, class Compute>
void compute_flushed(std::size_t, const T*, const Compute& compute) noexcept {
    const kernels::FlushSubnormals flush;
    compute();
}

#endif

}  // namespace densimd::nn
