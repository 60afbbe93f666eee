// Short names for the kernels' tables.
#pragma once

#include <densimd/kernels.hpp>

namespace densimd::test {

namespace kernels = densimd::kernels;
using kernels::Activation;
using kernels::Isa;
using kernels::Kernels;

/// How the sums of an ISA are rounded: those that round alike give the same bits.
inline bool has_fma(Isa isa) { return isa != Isa::baseline; }

}  // namespace densimd::test
