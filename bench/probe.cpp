// Probes of arithmetic and of memory, one per ISA; the best of several short runs.
#include "probe.hpp"

#include <algorithm>
#include <chrono>

#include "data.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#else
#include <arm_neon.h>
#endif

namespace densimd::bench {
namespace {

// Twelve sums in registers hide a latency of up to 6 cycles on two units; the empty asm keeps the compiler
// from computing them once. Each probe does 12 multiply-adds of a whole vector per round.
#ifdef __clang__
#define DENSIMD_UNROLL_TWELVE _Pragma("unroll")
#else
#define DENSIMD_UNROLL_TWELVE _Pragma("GCC unroll 12")  // else g++ keeps the sums in memory
#endif
#define DENSIMD_PEAK_PROBE(function, attribute, Vector, set, multiply_add) \
    attribute void function(long rounds) {                                 \
        Vector sum[12], factor = set(0.999f);                              \
        DENSIMD_UNROLL_TWELVE                                              \
        for (int i = 0; i < 12; ++i) sum[i] = set(1.f);                    \
        for (; rounds > 0; --rounds) {                                     \
            DENSIMD_UNROLL_TWELVE                                          \
            for (int i = 0; i < 12; ++i) {                                 \
                sum[i] = multiply_add(sum[i], factor);                     \
                asm volatile("" : DENSIMD_REGISTER(sum[i]));               \
            }                                                              \
        }                                                                  \
    }

// Adds up nothing: a load whose result an asm statement claims to use.
#define DENSIMD_READ_PROBE(function, attribute, Vector, load, floats)                     \
    attribute void function(const float* data, std::size_t count) {                       \
        for (std::size_t i = 0; i + 4 * (floats) <= count; i += 4 * (floats)) {           \
            Vector a = load(data + i), b = load(data + i + (floats));                     \
            Vector c = load(data + i + 2 * (floats)), d = load(data + i + 3 * (floats));  \
            asm volatile(""                                                               \
                         : DENSIMD_REGISTER(a), DENSIMD_REGISTER(b), DENSIMD_REGISTER(c), \
                           DENSIMD_REGISTER(d));                                          \
        }                                                                                 \
    }

// One multiply-add on everything: the values stay finite, they tend to 999.
#define DENSIMD_UPDATE_PROBE(function, attribute, Vector, set, load, store, multiply_add, floats) \
    attribute void function(float* data, std::size_t count) {                                     \
        const Vector factor = set(0.999f);                                                        \
        for (std::size_t i = 0; i + 4 * (floats) <= count; i += 4 * (floats))                     \
            for (std::size_t j = i; j < i + 4 * (floats); j += (floats))                          \
                store(data + j, multiply_add(load(data + j), factor));                            \
    }

#if defined(__x86_64__)
#define DENSIMD_SSE_MULTIPLY_ADD(s, f) _mm_add_ps(_mm_mul_ps(s, f), f)
#define DENSIMD_AVX2_MULTIPLY_ADD(s, f) _mm256_fmadd_ps(s, f, f)
#define DENSIMD_AVX512_MULTIPLY_ADD(s, f) _mm512_fmadd_ps(s, f, f)
#define DENSIMD_AVX2 __attribute__((target("avx2,fma")))
#define DENSIMD_AVX512 __attribute__((target("avx512f")))
#define DENSIMD_REGISTER(x) "+x"(x)
DENSIMD_PEAK_PROBE(peak_baseline, , __m128, _mm_set1_ps, DENSIMD_SSE_MULTIPLY_ADD)
DENSIMD_READ_PROBE(read_baseline, , __m128, _mm_load_ps, 4)
DENSIMD_UPDATE_PROBE(update_baseline, , __m128, _mm_set1_ps, _mm_load_ps, _mm_store_ps,
                     DENSIMD_SSE_MULTIPLY_ADD, 4)
DENSIMD_PEAK_PROBE(peak_avx2, DENSIMD_AVX2, __m256, _mm256_set1_ps, DENSIMD_AVX2_MULTIPLY_ADD)
DENSIMD_READ_PROBE(read_avx2, DENSIMD_AVX2, __m256, _mm256_load_ps, 8)
DENSIMD_UPDATE_PROBE(update_avx2, DENSIMD_AVX2, __m256, _mm256_set1_ps, _mm256_load_ps, _mm256_store_ps,
                     DENSIMD_AVX2_MULTIPLY_ADD, 8)
#undef DENSIMD_REGISTER
#define DENSIMD_REGISTER(x) "+v"(x)
DENSIMD_PEAK_PROBE(peak_avx512, DENSIMD_AVX512, __m512, _mm512_set1_ps, DENSIMD_AVX512_MULTIPLY_ADD)
DENSIMD_READ_PROBE(read_avx512, DENSIMD_AVX512, __m512, _mm512_load_ps, 16)
DENSIMD_UPDATE_PROBE(update_avx512, DENSIMD_AVX512, __m512, _mm512_set1_ps, _mm512_load_ps, _mm512_store_ps,
                     DENSIMD_AVX512_MULTIPLY_ADD, 16)
#else
#define DENSIMD_REGISTER(x) "+w"(x)
#define DENSIMD_NEON_MULTIPLY_ADD(s, f) vfmaq_f32(f, s, f)
DENSIMD_PEAK_PROBE(peak_neon, , float32x4_t, vdupq_n_f32, DENSIMD_NEON_MULTIPLY_ADD)
DENSIMD_READ_PROBE(read_neon, , float32x4_t, vld1q_f32, 4)
DENSIMD_UPDATE_PROBE(update_neon, , float32x4_t, vdupq_n_f32, vld1q_f32, vst1q_f32, DENSIMD_NEON_MULTIPLY_ADD,
                     4)
#endif

struct Probe {
    void (*peak)(long rounds);
    ReadPass read;
    UpdatePass update;
    double floats_per_vector;
};

Probe probe_of(kernels::Isa isa) {
    switch (isa) {
#if defined(__x86_64__)
        case kernels::Isa::avx512:
            return {peak_avx512, read_avx512, update_avx512, 16};
        case kernels::Isa::avx2:
            return {peak_avx2, read_avx2, update_avx2, 8};
        default:
            return {peak_baseline, read_baseline, update_baseline, 4};
#else
        default:
            return {peak_neon, read_neon, update_neon, 4};
#endif
    }
}

// The shortest time of 20 calls, in seconds.
template <class Function>
double best_time(const Function& function) {
    double best = 1e9;
    for (int i = 0; i < 20; ++i) {
        const auto start = std::chrono::steady_clock::now();
        function();
        best =
            std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
}

}  // namespace

double peak_flops(kernels::Isa isa) {
    constexpr long rounds = 200000;
    const Probe probe = probe_of(isa);
    return 12 * 2 * probe.floats_per_vector * rounds / best_time([&] { probe.peak(rounds); });
}

double read_bandwidth(kernels::Isa isa, std::size_t bytes) {
    const Probe probe = probe_of(isa);
    const std::size_t count = std::max<std::size_t>(bytes / sizeof(float) / 64 * 64, 64);
    const nn::AlignedVector<float> data(count, 1.f);
    const std::size_t repeats = std::max<std::size_t>(1, (std::size_t{1} << 22) / (count * sizeof(float)));
    const double seconds = best_time([&] {
        for (std::size_t r = 0; r < repeats; ++r) probe.read(data.data(), count);
    });
    return static_cast<double>(repeats * count * sizeof(float)) / seconds;
}

ReadPass read_pass(kernels::Isa isa) { return probe_of(isa).read; }

UpdatePass update_pass(kernels::Isa isa) { return probe_of(isa).update; }

}  // namespace densimd::bench
