// Functions that are faster for arguments in a limited range.
#pragma once

#include <cstddef>

#include "simd/loops.hpp"

namespace densimd::kernels {
namespace {

// A function with a fast path, function.value<FastRange>(x), for |x| <= function.fast_limit and NaN, or where
// function.needs_full_range(x) is false; and function.value<FullRange>(x) for all x. The full-range version is kept out
// of line and out of the loop, whose constants then stay in registers.
struct FastRange;
struct FullRange;

template <class Function>
concept HasFastLimit = requires {
    Function::fast_limit;
};
template <class Function, class T>
concept HasFastRange = HasFastLimit<Function> || requires(Function function, Batch<T> x) {
    function.needs_full_range(x);
};

// One comparison for four vectors, where the ISA has such an instruction.
template <class Isa, class B>
concept HasLargerBits = requires(B x) {
    Isa::larger_bits(x, x);
};

template <class Function, class T>
DENSIMD_INLINE auto needs_full_range(const Function& function, Batch<T> x) {
    if constexpr (HasFastLimit<Function>)
        return xsimd::abs(x) > Batch<T>(Function::fast_limit);
    else
        return function.needs_full_range(x);
}

template <class Isa = Simd, class Function, class T>
DENSIMD_INLINE bool any_needs_full_range(const Function& function, const Batch<T> (&x)[4]) {
    if constexpr (HasFastLimit<Function> && HasLargerBits<Isa, Batch<T>>) {
        const Batch<T> size = Isa::larger_bits(Isa::larger_bits(xsimd::abs(x[0]), xsimd::abs(x[1])),
                                               Isa::larger_bits(xsimd::abs(x[2]), xsimd::abs(x[3])));
        return !xsimd::all(size <= Batch<T>(Function::fast_limit));  // NaN is larger than what it could hide
    } else {
        return xsimd::any((needs_full_range(function, x[0]) | needs_full_range(function, x[1])) |
                          (needs_full_range(function, x[2]) | needs_full_range(function, x[3])));
    }
}

template <class Function, class T>
[[gnu::noinline]] Batch<T> full_range_value(const Function& function, Batch<T> x) {
    return function.template value<FullRange>(x);
}

template <class Function, class T>
DENSIMD_INLINE Batch<T> value_of(const Function& function, Batch<T> x) {
    if (xsimd::any(needs_full_range(function, x))) [[unlikely]]
        return full_range_value(function, x);
    return function.template value<FastRange>(x);
}

template <class Function, class T>
void map_with_fast_range(std::size_t n, Function function, const T* x, T* y) {
    constexpr std::size_t w = vector_size<T>;
    std::size_t i = 0;
    while (i + 4 * w <= n) {
        for (; i + 4 * w <= n; i += 4 * w) {
            Batch<T> value[4];
            DENSIMD_UNROLLED (u, 4) value[u] = load(x + i + u * w);
            if (any_needs_full_range(function, value)) break;
            DENSIMD_UNROLLED (u, 4) value[u] = function.template value<FastRange>(value[u]);
            DENSIMD_UNROLLED (u, 4) value[u].store_unaligned(y + i + u * w);
        }
        if (i + 4 * w > n) break;
        for (std::size_t u = 0; u < 4; ++u, i += w)
            full_range_value(function, load(x + i)).store_unaligned(y + i);
    }
    for (; i + w <= n; i += w) value_of(function, load(x + i)).store_unaligned(y + i);
    if (i < n) Simd::store_partial(y + i, n - i, value_of(function, Simd::load_partial(x + i, n - i)));
}

}  // namespace
}  // namespace densimd::kernels
