// The instruction sets that kernels are compiled for: which of them this CPU runs, and which one is in use.
#pragma once

#include <densimd/version.hpp>

#include <span>
#include <stdexcept>
#include <string_view>

namespace densimd::kernels {

/// baseline: x86-64 with SSE2. avx2: AVX2 and FMA. avx512: AVX-512 F, CD, DQ, BW and VL. neon: AArch64.
/// avx2, avx512 and neon give the same bits; baseline has no fused multiply-add and rounds differently.
enum class Isa { baseline, avx2, avx512, neon };

/// An ISA that is unknown, not compiled in, or not supported by this CPU and operating system.
class IsaError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// The name that `DENSIMD_ISA` and `parse_isa` understand, e.g. "avx2".
std::string_view name(Isa isa) noexcept;

/// The inverse of `name`. Throws IsaError, listing the known names.
Isa parse_isa(std::string_view name);

/// The ISAs that this program can use on this CPU and operating system, slowest first. Never empty, unless the library
/// was built without the baseline (DENSIMD_ISAS) and this CPU has none of the others.
std::span<const Isa> available_isas() noexcept;

/// The ISA behind `active<T>()`: the one given to `set_active_isa`; else the one that the environment
/// variable DENSIMD_ISA names; else the fastest available. Throws IsaError if DENSIMD_ISA is unknown or
/// unavailable, or if none is available: there is no silent fallback.
Isa active_isa();

/// Selects the ISA of every later `active<T>()` in this process. Safe to call from any thread; a network
/// keeps the kernels that it was created with. Throws IsaError if `isa` is not available, and then changes
/// nothing.
void set_active_isa(Isa isa);

}  // namespace densimd::kernels
