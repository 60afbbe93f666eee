// OpenBLAS, with whatever vectorised sigmoid there is.
#pragma once

#include <string>

#include "level.hpp"

namespace densimd::bench {

kernels::Kernels<float> openblas(Sigmoid sigmoid);

/// Its version and the CPU that its kernels were written for.
std::string openblas_version();

}  // namespace densimd::bench
