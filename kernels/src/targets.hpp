// What is compiled for each ISA and scalar: a table of kernels, and functions that enter a part of them into it. Each
// is the one symbol of an object of its own.
#pragma once

#include <densimd/kernels.hpp>

#include "planned.hpp"

namespace densimd::kernels {

template <class T>
struct Table {
    Kernels<T> kernels;
    PlannedKernels<T> planned;
};

#define DENSIMD_TARGET(isa, scalar)                              \
    extern Table<scalar> isa##_##scalar;                         \
    void enter_##isa##_layers(Table<scalar>& table) noexcept;    \
    void enter_##isa##_networks(Table<scalar>& table) noexcept;

DENSIMD_TARGET(baseline, float)
DENSIMD_TARGET(baseline, double)
DENSIMD_TARGET(avx2, float)
DENSIMD_TARGET(avx2, double)
DENSIMD_TARGET(avx512, float)
DENSIMD_TARGET(avx512, double)
DENSIMD_TARGET(neon, float)
DENSIMD_TARGET(neon, double)

#undef DENSIMD_TARGET

}  // namespace densimd::kernels
