// The C library, vectorised by the compiler under -ffast-math.
#include <cmath>

#include "level.hpp"

namespace densimd::bench::DENSIMD_LEVEL {

Sigmoid libm() noexcept {
    return [](std::size_t n, const float* x, float* y) noexcept {
        for (std::size_t i = 0; i < n; ++i) y[i] = 1 / (1 + std::exp(-x[i]));
    };
}

}  // namespace densimd::bench::DENSIMD_LEVEL
