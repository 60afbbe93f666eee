// Calls so short that writing the control register would show: done without, and again if that made a
// difference.
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

template <class Compute>
[[gnu::noinline, gnu::cold]] void compute_again(const Compute& compute) noexcept {
    const kernels::FlushSubnormals flush;
    compute();
}

/// compute() with the bits that it has under FlushSubnormals. What it computes depends on its inputs alone; of that,
/// unused[n] are results that it has not used as operands.
///
/// x86 keeps a note of every subnormal operand (MXCSR's flag DE) and of every inexact subnormal result (UE). Without
/// such a note flushing would have changed nothing, but for an exact subnormal result that is no operand. So the
/// register is only read, and compute() is called again under FlushSubnormals where there is a note. The note stays:
/// the next call of a thread that meets subnormal numbers begins there. Writing the register twice takes a prediction
/// of 8-16-1 7 % longer, and keeps it from overlapping with the next; reading it takes 3 %.
template <class T, class Compute>
[[gnu::always_inline]] inline void compute_flushed(std::size_t n, const T* unused,
                                                   const Compute& compute) noexcept {
#if defined(__x86_64__)
    constexpr unsigned noted = 0x12;
    if ((__builtin_ia32_stmxcsr() & noted) == 0) [[likely]] {
        compute();
        if ((__builtin_ia32_stmxcsr() & noted) == 0 && !has_subnormal(n, unused)) [[likely]]
            return;
    }
#endif
    compute_again(compute);
}

}  // namespace densimd::nn
