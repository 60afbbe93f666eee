// Rows of a few inputs in vectors: one or, where a vector has room, two to a vector.
#pragma once

#include <utility>

#include "dense/backward.hpp"
#include "network/program.hpp"

namespace densimd::kernels {
namespace {

// element(0), element(1), ... Not by way of memory: several stores do not forward to the load of a vector.
template <class T, class Element>
DENSIMD_INLINE Batch<T> vector_of(const Element& element) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) DENSIMD_INLINE_LAMBDA {
        return Batch<T>(typename Batch<T>::register_type{element(I)...});
    }
    (std::make_index_sequence<vector_size<T>>{});
}

// Rows of at most tiny_inputs elements, each in as few vectors as hold it, and numbers for each row, in vectors. As many
// rows at a time as are a multiple of four and of a vector's lanes; a group is what one or more vectors hold together.
template <class T, class Isa = Simd>
struct PackedRows {
    static constexpr std::size_t rows = vector_size<T> < 4 ? 4 : vector_size<T>,
                                 number_vectors = rows / vector_size<T>, rows_per_vector = 1, groups = rows,
                                 vectors = (tiny_inputs + vector_size<T> - 1) / vector_size<T>;
    using Group = Batch<T>[vectors];

    template <bool Whole>
    DENSIMD_INLINE static void load(const T* const (&row)[1], std::size_t n, Group& x) {
        DENSIMD_UNROLLED (v, vectors)
            x[v] = kernels::load<!Whole>(row[0] + v * vector_size<T>, count_in_vector<T>(n, v));
    }

    // One vector of numbers: element(0), element(1), ...
    template <class Element>
    DENSIMD_INLINE static Batch<T> of_rows(const Element& element) {
        return vector_of<T>(element);
    }
    DENSIMD_INLINE static Batch<T> to_rows(Batch<T> x) { return x; }
    DENSIMD_INLINE static Batch<T> from_rows(Batch<T> x) { return x; }
    // That of row i in all lanes.
    struct LaneBroadcast {
        T number[vector_size<T>];
        explicit LaneBroadcast(Batch<T> numbers) { numbers.store_unaligned(number); }
        DENSIMD_INLINE Batch<T> operator()(std::size_t i) const { return Batch<T>(number[i]); }
    };
    // What was summed for each row of a group.
    DENSIMD_INLINE static Batch<T> fold_rows(Batch<T> sum) { return sum; }

    struct Weights {
        Group w;

        template <bool Whole>
        DENSIMD_INLINE void load(const T* W, std::size_t n) {
            PackedRows::load<Whole>({W}, n, w);
        }
        // The products with some rows, in the order of a LaneSum.
        DENSIMD_INLINE Batch<T> dots(const Group* x) const {
            Batch<T> products[vector_size<T>];
            DENSIMD_UNROLLED (r, vector_size<T>) {
                Group product;
                DENSIMD_UNROLLED (v, vectors) product[v] = x[r][v] * w[v];
                products[r] = sum_of(product);
            }
            T sums[vector_size<T>];
            if constexpr (requires { Isa::sums(products, sums); })
                Isa::sums(products, sums);
            else
                DENSIMD_UNROLLED (r, vector_size<T>) sums[r] = Isa::sum(products[r]);
            return kernels::load(sums);
        }
        DENSIMD_INLINE void update(Batch<T> scale, const Group& gradient) {
            DENSIMD_UNROLLED (v, vectors) w[v] = updated<T>(scale, gradient[v], w[v]);
        }
        DENSIMD_INLINE void store(T* W, std::size_t n) const {
            DENSIMD_UNROLLED (v, vectors)
                Isa::store_partial(W + v * vector_size<T>, count_in_vector<T>(n, v), w[v]);
        }
    };
};

template <class T>
constexpr bool has_room_for_two = 2 * tiny_inputs <= vector_size<T>;
template <class Isa, class T>
concept TakesTwoRows = has_room_for_two<T> && TakesTwo<Isa, T>;

// The same where a vector has room for two rows. Numbers lie in the order of the Isa's of_rows. The first addition of a
// product is that of quads, which are put together before the multiplication, off the dependency chain.
template <class T, TakesTwoRows<T> Isa>
struct PackedRows<T, Isa> {
    static constexpr std::size_t rows = vector_size<T>, number_vectors = 1, rows_per_vector = 2, groups = rows / 2,
                                 vectors = 1;
    using Group = Batch<T>[1];

    template <bool Whole>
    DENSIMD_INLINE static void load(const T* const (&row)[2], std::size_t n, Group& x) {
        x[0] = Isa::template two<!Whole>(row[0], row[1], n);
    }

    template <class Element>
    DENSIMD_INLINE static Batch<T> of_rows(const Element& element) {
        return Isa::of_rows(element);
    }
    DENSIMD_INLINE static Batch<T> to_rows(Batch<T> x) { return Isa::to_rows(x); }
    DENSIMD_INLINE static Batch<T> from_rows(Batch<T> x) { return Isa::from_rows(x); }
    struct LaneBroadcast {
        Batch<T> quads[2];  // each quad twice
        explicit LaneBroadcast(Batch<T> numbers)
            : quads{Isa::template doubled_quads<0>(numbers), Isa::template doubled_quads<1>(numbers)} {}
        template <std::size_t Pair>
        DENSIMD_INLINE Batch<T> operator()(std::integral_constant<std::size_t, Pair>) const {
            return Isa::template lane_of_quads<Pair % 4>(quads[Pair / 4]);
        }
    };
    DENSIMD_INLINE static Batch<T> fold_rows(Batch<T> sum) {
        return Isa::template quad<0>(sum) + Isa::template quad<2>(sum);
    }

    // The first four and the others, in all quads.
    struct Weights {
        Batch<T> first, second;

        template <bool Whole>
        DENSIMD_INLINE void load(const T* W, std::size_t n) {
            const Batch<T> w = Isa::template two<!Whole>(W, W, n);
            first = Isa::template quad<0>(w);
            second = Isa::template quad<1>(w);
        }
        DENSIMD_INLINE Batch<T> dots(const Group* x) const { return Isa::dots(x, first, second); }
        DENSIMD_INLINE void update(Batch<T> scale, const Group& gradient) {
            first = updated<T>(scale, fold_rows(gradient[0]), first);
            second = updated<T>(
                scale, Isa::template quad<1>(gradient[0]) + Isa::template quad<3>(gradient[0]), second);
        }
        DENSIMD_INLINE void store(T* W, std::size_t n) const {
            Isa::store_partial(W, n, Isa::quads(first, second));
        }
    };
};

}  // namespace
}  // namespace densimd::kernels
