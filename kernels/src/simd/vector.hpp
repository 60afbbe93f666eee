// One vector of the ISA: loads, stores and what loops need of them. Included after an ISA's `Simd`; all of
// the kernels' code is in an anonymous namespace, so that each object has a copy of its own.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#ifdef __clang__
#define DENSIMD_UNROLL _Pragma("unroll")
#else
#define DENSIMD_UNROLL _Pragma("GCC unroll 32")
#endif

// For functions that a loop must not call: their constants are to stay in registers.
#define DENSIMD_INLINE [[gnu::always_inline]] inline
#define DENSIMD_INLINE_LAMBDA __attribute__((always_inline))

// For the paths of a kernel, which have its arguments: it goes on to one by a jump, unless g++ drops what the path does not
// use and has to move the others.
#ifdef __clang__
#define DENSIMD_PATH [[gnu::noinline]]
#else
#define DENSIMD_PATH [[gnu::noipa]]
#endif

// A loop over 0 .. count - 1, a constant, that leaves no loop: arrays of vectors that it indexes become
// registers.
#define DENSIMD_UNROLLED(i, count) DENSIMD_UNROLL for (std::size_t i = 0; i < (count); ++i)

namespace densimd::kernels {
namespace {

template <class T>
using Batch = Simd::Batch<T>;

template <class T>
constexpr std::size_t vector_size = Batch<T>::size;

template <class T>
Batch<T> load(const T* p) {
    return Batch<T>::load_unaligned(p);
}

// A vector of `width` elements, or, if Partial, of only the first n with zeros behind them.
template <bool Partial, class T>
Batch<T> load(const T* p, std::size_t n) {
    if constexpr (Partial)
        return Simd::load_partial(p, n);
    else
        return load(p);
}

template <bool Partial, class T>
void store(T* p, std::size_t n, Batch<T> x) {
    if constexpr (Partial)
        Simd::store_partial(p, n, x);
    else
        x.store_unaligned(p);
}

// The same where what is behind the vector is loaded soon; n < width if Partial.
template <bool Partial, class T, class Isa = Simd>
DENSIMD_INLINE void store_before_loads(T* p, std::size_t n, Batch<T> x) {
    if constexpr (Partial && Isa::masks_stores)
        Isa::store_in_pieces(p, n, x);
    else
        store<Partial>(p, n, x);
}

// log2(N) perfect shuffles of N vectors, a power of two up to their width, transpose them: then the first elements of
// all vectors come first, and so on. For N = width, a vector each.
template <class B, std::size_t N>
DENSIMD_INLINE void transpose(B (&x)[N]) {
    static_assert(N <= B::size);
    DENSIMD_UNROLL for (std::size_t n = 1; n < N; n *= 2) {
        B shuffled[N];
        DENSIMD_UNROLLED (i, N / 2)
            Simd::interleave(x[i], x[i + N / 2], shuffled[2 * i], shuffled[2 * i + 1]);
        DENSIMD_UNROLLED (i, N) x[i] = shuffled[i];
    }
}

template <class T>
struct AllOnes {
    using Word = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    T value[vector_size<T>];
    constexpr AllOnes() : value() {
        for (T& v : value) v = std::bit_cast<T>(static_cast<Word>(-1));
    }
};
template <class T>
constexpr AllOnes<T> all_ones;

// x with zeros from element n on: what is beyond the end of a row must not count.
template <bool Partial, class T>
Batch<T> first_elements(Batch<T> x, std::size_t n) {
    if constexpr (!Partial) return x;
    return x & Simd::load_partial(all_ones<T>.value, n);
}

}  // namespace
}  // namespace densimd::kernels
