// The one symbol that each ISA file exports: its table of kernels.
#pragma once

#include <densimd/kernels.hpp>

namespace densimd::kernels {

struct Tables {
    Kernels<float> f32;
    Kernels<double> f64;
};

extern const Tables baseline_tables;
extern const Tables avx2_tables;
extern const Tables avx512_tables;
extern const Tables neon_tables;

}  // namespace densimd::kernels
