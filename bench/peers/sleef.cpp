// SLEEF, whose fastest exponential is 2^x with 3.5 ULP: 15 to 20 % faster here than e^x, which has 1 ULP
// only.
#include <immintrin.h>
#include <sleef.h>

#include "level.hpp"

namespace densimd::bench::DENSIMD_LEVEL {
namespace {

constexpr float log2_e = 1.442695041f;

#if defined(__AVX512F__)
constexpr std::size_t width = 16;

__m512 sigmoid_of(__m512 x) {
    const __m512 one = _mm512_set1_ps(1),
                 e = Sleef_exp2f16_u35avx512f(_mm512_mul_ps(x, _mm512_set1_ps(-log2_e)));
    return _mm512_div_ps(one, _mm512_add_ps(one, e));
}

void sigmoid_at(const float* x, float* y) { _mm512_storeu_ps(y, sigmoid_of(_mm512_loadu_ps(x))); }
#else
constexpr std::size_t width = 8;

__m256 sigmoid_of(__m256 x) {
    const __m256 one = _mm256_set1_ps(1), e = Sleef_exp2f8_u35avx2(_mm256_mul_ps(x, _mm256_set1_ps(-log2_e)));
    return _mm256_div_ps(one, _mm256_add_ps(one, e));
}

void sigmoid_at(const float* x, float* y) { _mm256_storeu_ps(y, sigmoid_of(_mm256_loadu_ps(x))); }
#endif

}  // namespace

Sigmoid sleef() noexcept {
    return [](std::size_t n, const float* x, float* y) noexcept {
        std::size_t i = 0;
        for (; i + width <= n; i += width) sigmoid_at(x + i, y + i);
        if (i == n) return;
        float rest[width] = {};
        for (std::size_t j = i; j < n; ++j) rest[j - i] = x[j];
        sigmoid_at(rest, rest);
        for (std::size_t j = i; j < n; ++j) y[j] = rest[j - i];
    };
}

}  // namespace densimd::bench::DENSIMD_LEVEL
