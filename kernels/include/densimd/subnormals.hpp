// Subnormal numbers, those smaller than the smallest normal one (1.2e-38 in float, 2.2e-308 in double), and
// how arithmetic on them is kept as fast as on others.
//
// Many CPUs need help from microcode for them: on an Intel Xeon of 2023 a multiplication, a multiply-add, a
// division or a square root that meets one takes a hundred cycles instead of one. They come up by themselves:
// moments of an optimiser that decay, gradients behind a saturated sigmoid, weights that weight decay
// shrinks.
//
// The rule. In every call of a network of densimd::nn subnormal numbers are zeros: an operand that is one
// counts as 0, and a result that would be one is 0 (of its sign). So the time of a call does not depend on
// how small the numbers are, and its bits do not depend on the control register of the thread that calls.
// (One exception of time: a row predicted alone by a small network on x86 is computed as it is, and once more
// if it met a subnormal number and MXCSR's flags DE and UE were clear; a program that clears them between
// calls pays that each time.) What reads and standardises data keeps subnormal numbers. Kernels called
// directly follow the register as they find it; whoever gives them such numbers puts a FlushSubnormals around
// the calls.
//
// x86 looks for subnormal results after rounding, Arm before: a result within half a unit in the last place
// below the smallest normal number is that number on x86 and 0 on Arm. Nothing else differs.
#pragma once

#include <densimd/version.hpp>

#include <cstdint>

namespace densimd::kernels {

/// While it lives, subnormal operands and results of this thread's vector and scalar arithmetic are zeros.
/// Changes the two bits of MXCSR that say so (x86: FTZ and DAZ), or FPCR.FZ (Arm); rounding and masked
/// exceptions stay the caller's. At the end both bits are again what they were; exception flags stay set, as
/// after any arithmetic. Costs two writes of the register, about ten cycles, or nothing where the thread has
/// these bits already, as threads that process sound often do. Threads that are started meanwhile inherit the
/// bits: not around calls of networks that are offered several threads, which flush by themselves.
class FlushSubnormals {
  public:
    /// With `wanted` = false it does nothing.
    [[gnu::always_inline]] explicit FlushSubnormals(bool wanted = true) noexcept : before_(read()) {
        changed_ = wanted && (before_ & bits) != bits;
        if (changed_) write(before_ | bits);
    }
    [[gnu::always_inline]] ~FlushSubnormals() {
        // With the flags that arithmetic has set meanwhile.
        if (changed_) write((read() & ~bits) | (before_ & bits));
    }
    FlushSubnormals(const FlushSubnormals&) = delete;
    FlushSubnormals& operator=(const FlushSubnormals&) = delete;

  private:
#if defined(__x86_64__)
    using Register = std::uint32_t;
    static constexpr Register bits = 0x8040;

    [[gnu::always_inline]] static Register read() noexcept {
        Register value;
        asm volatile("stmxcsr %0" : "=m"(value));
        return value;
    }
    [[gnu::always_inline]] static void write(Register value) noexcept {
        asm volatile("ldmxcsr %0" : : "m"(value) : "memory");
    }
#else
    using Register = std::uint64_t;
    static constexpr Register bits = 1u << 24;

    [[gnu::always_inline]] static Register read() noexcept {
        Register value;
        asm volatile("mrs %0, fpcr" : "=r"(value));
        return value;
    }
    [[gnu::always_inline]] static void write(Register value) noexcept {
        asm volatile("msr fpcr, %0" : : "r"(value) : "memory");
    }
#endif

    Register before_;
    bool changed_;
};

}  // namespace densimd::kernels
