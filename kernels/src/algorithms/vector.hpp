// What all algorithms build on: loads and stores, the element-wise loop, and sums along lanes in one fixed
// order. Included after an ISA's `Simd`; everything is in an anonymous namespace, so each ISA has a copy of
// its own.
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

// A loop over 0 .. count - 1, a constant, that leaves no loop: arrays of vectors that it indexes become
// registers.
#define DENSIMD_UNROLLED(i, count) DENSIMD_UNROLL for (std::size_t i = 0; i < (count); ++i)

namespace densimd::kernels {
namespace {

template <class T>
using Batch = Simd::Batch<T>;

template <class T>
constexpr std::size_t width = Batch<T>::size;

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

// y[i] = function(x[i]...). Four vectors at a time, so that the latency of one is hidden behind the others.
// All of them are loaded before any is stored: y may be one of x.
template <class T, class Function, class... Inputs>
void map(std::size_t n, T* y, Function function, const Inputs*... x) {
    constexpr std::size_t w = width<T>;
    std::size_t i = 0;
    for (; i + 4 * w <= n; i += 4 * w) {
        Batch<T> result[4];
        DENSIMD_UNROLLED (u, 4) result[u] = function(load(x + i + u * w)...);
        DENSIMD_UNROLLED (u, 4) result[u].store_unaligned(y + i + u * w);
    }
    for (; i + w <= n; i += w) function(load(x + i)...).store_unaligned(y + i);
    if (i < n) Simd::store_partial(y + i, n - i, function(Simd::load_partial(x + i, n - i)...));
}

// A function with a short way for usual arguments and a longer one for all: function.value<Usual>(x) and
// function.value<Any>(x). Usual are arguments of at most function.usual_to in size and NaN, or
// function.unusual(x) tells which are not. The longer way is out of line and out of the loop, where a call
// would drive the constants from the registers.
struct Usual;
struct Any;

template <class Function>
concept LimitedInSize = requires {
    Function::usual_to;
};
template <class Function, class T>
concept HasTwoWays = LimitedInSize<Function> || requires(Function function, Batch<T> x) {
    function.unusual(x);
};

// One comparison for four vectors, where the ISA has such an instruction.
template <class Isa, class B>
concept HasLargerBits = requires(B x) {
    Isa::larger_bits(x, x);
};

template <class Function, class T>
DENSIMD_INLINE auto unusual(const Function& function, Batch<T> x) {
    if constexpr (LimitedInSize<Function>)
        return xsimd::abs(x) > Batch<T>(Function::usual_to);
    else
        return function.unusual(x);
}

template <class Isa = Simd, class Function, class T>
DENSIMD_INLINE bool is_any_unusual(const Function& function, const Batch<T> (&x)[4]) {
    if constexpr (LimitedInSize<Function> && HasLargerBits<Isa, Batch<T>>) {
        const Batch<T> size = Isa::larger_bits(Isa::larger_bits(xsimd::abs(x[0]), xsimd::abs(x[1])),
                                               Isa::larger_bits(xsimd::abs(x[2]), xsimd::abs(x[3])));
        return !xsimd::all(size <= Batch<T>(Function::usual_to));  // NaN is larger than what it could hide
    } else {
        return xsimd::any((unusual(function, x[0]) | unusual(function, x[1])) |
                          (unusual(function, x[2]) | unusual(function, x[3])));
    }
}

template <class Function, class T>
[[gnu::noinline]] Batch<T> value_of_any(const Function& function, Batch<T> x) {
    return function.template value<Any>(x);
}

template <class Function, class T>
DENSIMD_INLINE Batch<T> value_of(const Function& function, Batch<T> x) {
    if (xsimd::any(unusual(function, x))) [[unlikely]]
        return value_of_any(function, x);
    return function.template value<Usual>(x);
}

template <class Function, class T>
void map_checked(std::size_t n, Function function, const T* x, T* y) {
    constexpr std::size_t w = width<T>;
    std::size_t i = 0;
    while (i + 4 * w <= n) {
        for (; i + 4 * w <= n; i += 4 * w) {
            Batch<T> value[4];
            DENSIMD_UNROLLED (u, 4) value[u] = load(x + i + u * w);
            if (is_any_unusual(function, value)) break;
            DENSIMD_UNROLLED (u, 4) value[u] = function.template value<Usual>(value[u]);
            DENSIMD_UNROLLED (u, 4) value[u].store_unaligned(y + i + u * w);
        }
        if (i + 4 * w > n) break;
        for (std::size_t u = 0; u < 4; ++u, i += w)
            value_of_any(function, load(x + i)).store_unaligned(y + i);
    }
    for (; i + w <= n; i += w) value_of(function, load(x + i)).store_unaligned(y + i);
    if (i < n) Simd::store_partial(y + i, n - i, value_of(function, Simd::load_partial(x + i, n - i)));
}

struct Full {
    static constexpr bool partial = false;
};
struct Partial {
    static constexpr bool partial = true;
};

// Calls body(i, count, Full or Partial) for the vectors of n elements: the `count` from element i on. Only
// the last vector can be partial.
template <class T, class Body>
void for_each_vector(std::size_t n, Body body) {
    constexpr std::size_t w = width<T>;
    std::size_t i = 0;
    for (; i + w <= n; i += w) body(i, w, Full{});
    if (i < n) body(i, n - i, Partial{});
}

// Calls body(v, j, count, whether it is partial) for the `Vectors` vectors of a row of n elements: vector v
// has the `count` from element j on. Only the last can be partial, and is if Partial.
template <std::size_t Vectors, bool Partial, class T, class Body>
DENSIMD_INLINE void for_each_vector_of_row(std::size_t n, const Body& body) {
    constexpr std::size_t w = width<T>, last = Vectors - 1;
    DENSIMD_UNROLLED (v, Vectors)
        if (v == last)
            body(v, last * w, n - last * w, std::integral_constant<bool, Partial>{});
        else
            body(v, v * w, w, std::false_type{});
}

// For rows of n elements: calls body(r, i, count, Full or Partial) for the vectors of each. Not by way of
// for_each_vector: masks are to be made once for all rows.
template <class T, class Body>
DENSIMD_INLINE void for_each_vector_of_rows(std::size_t rows, std::size_t n, const Body& body) {
    const std::size_t left = n % width<T>, whole = n - left;
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t i = 0; i < whole; i += width<T>) body(r, i, width<T>, Full{});
        if (left > 0) body(r, whole, left, Partial{});
    }
}

// Rows of n elements, for each of which there are whole vectors in `from`.
template <class T>
void store_rows(std::size_t rows, std::size_t n, const T* from, std::size_t ld_from, T* to,
                std::size_t ld_to) {
    for_each_vector_of_rows<T>(
        rows, n, [=](std::size_t r, std::size_t i, std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
            store<decltype(kind)::partial>(to + r * ld_to + i, count, load(from + r * ld_from + i));
        });
}

// log2(width) perfect shuffles of `width` vectors transpose them.
template <class B, std::size_t N>
DENSIMD_INLINE void transpose(B (&x)[N]) {
    static_assert(N == B::size);
    for (std::size_t n = 1; n < N; n *= 2) {
        B shuffled[N];
        DENSIMD_UNROLLED (i, N / 2)
            Simd::interleave(x[i], x[i + N / 2], shuffled[2 * i], shuffled[2 * i + 1]);
        DENSIMD_UNROLLED (i, N) x[i] = shuffled[i];
    }
}

// Calls add(i, s) for each of `rows` rows i, s = i % 4 a constant: sums over rows in four parts, as one alone
// would wait for each of its additions.
template <class Add>
DENSIMD_INLINE void for_each_row_of_four_sums(std::size_t rows, const Add& add) {
    std::size_t i = 0;
    for (; i + 4 <= rows; i += 4)
        DENSIMD_UNROLLED (s, 4) add(i + s, s);
    DENSIMD_UNROLLED (s, 3)
        if (i + s < rows) add(i + s, s);
}

template <class T, std::size_t Vectors>
struct LoadedRow {
    Batch<T> part[Vectors];
};

// Rows that are loaded before those of the turn before are stored: a load waits for a masked store before it
// that reaches into the same line, even where they share no byte. Rows have at least two elements.
template <std::size_t Vectors>
constexpr std::size_t rows_of_turn = Vectors == 1   ? 8
                                     : Vectors == 2 ? 4
                                                    : 2;

// row = load(r, k) and store(k, row) for each of `rows` rows k; r is k % Turn, a constant. If Late, stores
// come a turn late.
template <bool Late, std::size_t Turn, class Load, class Store>
DENSIMD_INLINE void for_each_row(std::size_t rows, const Load& load, const Store& store) {
    std::size_t k = 0;
    if constexpr (Late) {
        if (rows >= Turn) {
            decltype(load(0, 0)) now[Turn], next[Turn];
            DENSIMD_UNROLLED (r, Turn) now[r] = load(r, r);
            for (; k + 2 * Turn <= rows; k += Turn) {
                DENSIMD_UNROLLED (r, Turn) next[r] = load(r, k + Turn + r);
                DENSIMD_UNROLLED (r, Turn) store(k + r, now[r]);
                DENSIMD_UNROLLED (r, Turn) now[r] = next[r];
            }
            DENSIMD_UNROLLED (r, Turn) store(k + r, now[r]);
            k += Turn;
        }
    } else {
        for (; k + Turn <= rows; k += Turn)
            DENSIMD_UNROLLED (r, Turn) store(k + r, load(r, k + r));
    }
    DENSIMD_UNROLLED (r, Turn - 1)
        if (k + r < rows) store(k + r, load(r, k + r));
}

// Sums along lanes use as many virtual lanes as a cache line has elements, in one to four vectors: term i
// goes to lane i mod lanes, and the lanes are added upper half to lower half. So the order is the same on
// every ISA.
template <class T>
constexpr std::size_t lanes = 64 / sizeof(T);

// From 2 KiB on, a row is long enough for the prefetchers.
template <class T>
constexpr std::size_t long_row = 32 * lanes<T>;

// Whether rows `ld` apart begin in so few sets of L1 and L2 that several of them compete.
template <class T>
constexpr bool has_few_sets(std::size_t ld) {
    return ld * sizeof(T) % 2048 == 0;
}

template <class T>
constexpr std::size_t vectors_per_line = lanes<T> / width<T>;

// How many of a row's n elements are in vector v of a line.
template <class T>
constexpr std::size_t count_in_vector(std::size_t n, std::size_t v) {
    const std::size_t before = v * width<T>;
    return n < before ? 0 : n - before < width<T> ? n - before : width<T>;
}

// Upper half to lower half.
template <class B, std::size_t N>
B sum_of(const B (&x)[N]) {
    static_assert(N == 1 || N == 2 || N == 4);
    if constexpr (N == 1) return x[0];
    if constexpr (N == 2) return x[0] + x[1];
    if constexpr (N == 4) return (x[0] + x[2]) + (x[1] + x[3]);
}

template <class T>
struct LaneSum {
    Batch<T> part[vectors_per_line<T>];

    LaneSum() {
        DENSIMD_UNROLLED (v, vectors_per_line<T>) part[v] = Batch<T>(T(0));
    }
    // Never -0: whether lanes without a term are there depends on the ISA, and they would make it +0.
    T total() const { return Simd::sum(sum_of(part)) + T(0); }
};

template <class T>
struct AllOnes {
    using Word = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    T value[width<T>];
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

// Calls body(v, i, count, Full or Partial) for the vectors of a row of n elements: the `count` elements from
// element i on go to vector v of a LaneSum. Only the last vector can be partial.
template <class T, class Body>
void for_each_lane_vector(std::size_t n, Body body) {
    constexpr std::size_t w = width<T>, line = lanes<T>;
    std::size_t i = 0;
    for (; i + line <= n; i += line)
        DENSIMD_UNROLLED (v, vectors_per_line<T>) body(v, i + v * w, w, Full{});
    DENSIMD_UNROLLED (v, vectors_per_line<T>) {
        if (i + v * w >= n) break;
        const std::size_t left = n - (i + v * w);
        body(v, i + v * w, left < w ? left : w, Partial{});
    }
}

// Where a product gets its matrix B from: load<Partial>(address, count, row(p), column<Partial>(j, count)) is
// the vector of row p that begins at column j; keep, with the same and that vector, writes it where it is to
// go, if anywhere; in a way that suits loads right behind it if LoadsFollow. What belongs to a row or to a
// column is made once for all of it. Where the rows of B are gone through from another than the first, at(r)
// is the source of those from row r on; `writes` says whether keep writes.
struct AsItIs {
    static constexpr bool writes = false;

    struct Nothing {};
    DENSIMD_INLINE AsItIs at(std::size_t) const { return {}; }
    DENSIMD_INLINE AsItIs at_column(std::size_t) const { return {}; }
    DENSIMD_INLINE Nothing row(std::size_t) const { return {}; }
    template <bool Partial>
    DENSIMD_INLINE Nothing column(std::size_t, std::size_t) const {
        return {};
    }

    template <bool Partial, class T, class Row, class Column>
    DENSIMD_INLINE Batch<T> load(const T* address, std::size_t count, Row, Column) const {
        return kernels::load<Partial>(address, count);
    }
    template <bool Partial, bool LoadsFollow = false, class T, class Row, class Column>
    DENSIMD_INLINE void keep(const T*, std::size_t, Batch<T>, Row, Column) const {}
};

}  // namespace
}  // namespace densimd::kernels
