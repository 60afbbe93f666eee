// Sizes around every vector width (4, 8, 16) and register block (6, 16, 32, 48, 64) that a kernel may use.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace densimd::test {

constexpr std::size_t vector_sizes[] = {0,  1,  2,  3,  4,  5,  7,  8,  9,  15,  16,  17, 31,
                                        32, 33, 47, 48, 49, 63, 64, 65, 96, 127, 128, 130};

// Products of three of them, so fewer of each; fewer still where a sanitizer or an emulator slows everything
// down.
#ifdef DENSIMD_TESTS_ARE_SLOW
constexpr std::size_t batch_sizes[] = {0, 1, 2, 5, 7, 13};
constexpr std::size_t inner_sizes[] = {0, 1, 2, 7, 8, 16, 17, 33};
constexpr std::size_t outer_sizes[] = {0, 1, 2, 4, 7, 8, 9, 16, 17, 31, 33, 48, 63, 65};
#else
constexpr std::size_t batch_sizes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 17};
constexpr std::size_t inner_sizes[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 64, 65};
constexpr std::size_t outer_sizes[] = {0,  1,  2,  3,  4,  5,  7,  8,  9,  10, 15,  16,
                                       17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100, 129};
#endif

struct Shape {
    std::size_t batch, in, out;
};

/// Multiples of 1 .. 96 modulo the prime 97: for each pair of factors, every size up to 96 in each dimension,
/// and other pairs of sizes.
inline void add_every_size(std::vector<Shape>& shapes) {
    constexpr std::size_t prime = 97;
#ifdef DENSIMD_TESTS_ARE_SLOW
    constexpr std::size_t factors[][2] = {{13, 35}};
#else
    constexpr std::size_t factors[][2] = {{1, 1},   {2, 3},   {3, 2},   {5, 7},   {7, 11},  {11, 13},
                                          {13, 35}, {17, 5},  {23, 60}, {30, 17}, {35, 81}, {41, 29},
                                          {49, 8},  {57, 71}, {66, 44}, {80, 31}, {95, 52}, {96, 96}};
#endif
    for (const auto& [in_factor, out_factor] : factors)
        for (std::size_t n = 1; n < prime; ++n)
            shapes.push_back({n, n * in_factor % prime, n * out_factor % prime});
}

/// Small shapes in all combinations, every size up to 96, and a few with a long sum or many rows.
inline std::vector<Shape> matrix_shapes() {
    std::vector<Shape> shapes;
    for (const std::size_t batch : batch_sizes)
        for (const std::size_t in : inner_sizes)
            for (const std::size_t out : outer_sizes) shapes.push_back({batch, in, out});
    add_every_size(shapes);
    const Shape large[] = {{3, 2047, 17},
                           {2, 2049, 9},
                           {7, 4100, 5},
                           {5, 784, 33},
                           {65, 40, 10},
                           {260, 300, 10},
                           {130, 9, 70},
                           {3, 20, 512},
                           {5, 13, 1024},
                           {7, 30, 130},
                           // packed, or fetched ahead
                           {17, 20, 512},
                           {32, 20, 512},
                           {17, 20, 1024},
                           {270, 20, 515},
                           // single outputs, spread, in blocks
                           {513, 9, 1},
                           {1030, 3, 1}};
    shapes.insert(shapes.end(), std::begin(large), std::end(large));
#ifndef DENSIMD_TESTS_ARE_SLOW
    // The same with sums in blocks, or of few rows.
    shapes.insert(shapes.end(), {{17, 1100, 520}, {130, 1030, 131}, {2, 520, 515}, {1030, 270, 3}});
    // W beyond L2, in panels of its own for these rows.
    shapes.insert(shapes.end(), {{4, 700, 520}, {7, 600, 1024}});
#endif
    return shapes;
}

template <class T>
std::vector<T> magnitudes(std::vector<T> values) {
    for (T& value : values) value = std::abs(value);
    return values;
}

/// The bound of a sum's error: terms * epsilon * (sum of the terms' magnitudes).
template <class T>
std::vector<T> sum_bound(std::size_t terms, std::vector<T> sum_of_magnitudes) {
    for (T& value : sum_of_magnitudes) value *= static_cast<T>(terms) * std::numeric_limits<T>::epsilon();
    return sum_of_magnitudes;
}

}  // namespace densimd::test
