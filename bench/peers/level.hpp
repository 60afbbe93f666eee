// Peers that are compiled once for each instruction set, as headers and auto-vectorised loops must be. Each
// compilation lives in a namespace of its own, DENSIMD_LEVEL, named like the ISA. Only plain pointers cross
// the border: a container's inline functions, compiled for AVX-512, could be linked into code that runs on
// every CPU.
#pragma once

#include <cstddef>

#include <densimd/kernels.hpp>

namespace densimd::bench {

using Sigmoid = void (*)(std::size_t n, const float* x, float* y) noexcept;

#define DENSIMD_DECLARE_LEVEL(level)          \
    namespace level {                         \
    kernels::Kernels<float> eigen() noexcept; \
    Sigmoid sleef() noexcept;                 \
    Sigmoid libm() noexcept;                  \
    }
DENSIMD_DECLARE_LEVEL(avx2)
DENSIMD_DECLARE_LEVEL(avx512)
DENSIMD_DECLARE_LEVEL(neon)
#undef DENSIMD_DECLARE_LEVEL

}  // namespace densimd::bench
