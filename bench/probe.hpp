// What this machine can do, measured: the roof that kernels are held against.
#pragma once

#include <cstddef>

#include <densimd/isa.hpp>

namespace densimd::bench {

/// Floating-point operations per second of independent float multiply-adds on one core (for baseline: of
/// multiplications and additions in equal number). A multiply-add counts as two.
double peak_flops(kernels::Isa isa);

/// Bytes per second of reading `bytes` of memory over and over with the ISA's vectors on one core.
double read_bandwidth(kernels::Isa isa, std::size_t bytes);

}  // namespace densimd::bench
