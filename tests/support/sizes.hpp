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

/// Small shapes in all combinations, and a few with a long sum or many rows.
inline std::vector<Shape> matrix_shapes() {
    std::vector<Shape> shapes;
    for (const std::size_t batch : batch_sizes)
        for (const std::size_t in : inner_sizes)
            for (const std::size_t out : outer_sizes) shapes.push_back({batch, in, out});
    const Shape large[] = {{3, 2047, 17}, {2, 2049, 9}, {7, 4100, 5},
                           {5, 784, 33},  {65, 40, 10}, {130, 9, 70}};
    shapes.insert(shapes.end(), std::begin(large), std::end(large));
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
