// What fragments about kernels take for granted: the operands of a layer, named as in kernels.hpp.
#pragma once

#include <cstddef>

#include <densimd/kernels.hpp>
#include <densimd/stride.hpp>

extern const std::size_t batch, in, out;
extern float *X, *W, *b, *A;
