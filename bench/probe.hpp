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

/// One pass over `count` floats that start on a cache line, all but a rest of less than 64: a load of each
/// vector, and for update a multiply-add and a store as well. The values stay finite.
using ReadPass = void (*)(const float* data, std::size_t count);
using UpdatePass = void (*)(float* data, std::size_t count);
ReadPass read_pass(kernels::Isa isa);
UpdatePass update_pass(kernels::Isa isa);

}  // namespace densimd::bench
