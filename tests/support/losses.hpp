// The losses, all called alike, each with predictions and targets that it is for.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <string>
#include <vector>

#include "tables.hpp"

namespace densimd::test {

template <class T>
struct Loss {
    std::string name;
    void (*call)(const Kernels<T>& kernels, std::size_t batch, std::size_t out, const T* A, std::size_t lda,
                 const T* Y, std::size_t ldy, T* dA, std::size_t ldda, T* loss);
    T low, high;                // of predictions
    T target_low, target_high;  // of targets
    bool of_nothing_is_one = false;
};

template <class T>
constexpr T huber_delta = T(0.6);

template <class T>
std::vector<Loss<T>> losses() {
    using K = Kernels<T>;
    using Size = std::size_t;
    return {
        {.name = "mean_squared_error",
         .call = [](const K& k, Size batch, Size out, const T* A, Size lda, const T* Y, Size ldy, T* dA,
                    Size ldda, T* loss) { k.mean_squared_error(batch, out, A, lda, Y, ldy, dA, ldda, loss); },
         .low = -1,
         .high = 1,
         .target_low = -1,
         .target_high = 1},
        {.name = "binary_cross_entropy",
         .call = [](const K& k, Size batch, Size out, const T* A, Size lda, const T* Y, Size ldy, T* dA,
                    Size ldda,
                    T* loss) { k.binary_cross_entropy(batch, out, A, lda, Y, ldy, dA, ldda, loss); },
         .low = -20,
         .high = 20,
         .target_low = 0,
         .target_high = 1},
        {.name = "binary_cross_entropy_from_probabilities",
         .call =
             [](const K& k, Size batch, Size out, const T* A, Size lda, const T* Y, Size ldy, T* dA,
                Size ldda, T* loss) {
                 k.binary_cross_entropy_from_probabilities(batch, out, A, lda, Y, ldy, dA, ldda, loss);
             },
         .low = 0,
         .high = 1,
         .target_low = 0,
         .target_high = 1},
        {.name = "categorical_cross_entropy",
         .call = [](const K& k, Size batch, Size out, const T* A, Size lda, const T* Y, Size ldy, T* dA,
                    Size ldda,
                    T* loss) { k.categorical_cross_entropy(batch, out, A, lda, Y, ldy, dA, ldda, loss); },
         .low = -20,
         .high = 20,
         .target_low = 0,
         .target_high = 1},
        {.name = "mean_absolute_error",
         .call = [](const K& k, Size batch, Size out, const T* A, Size lda, const T* Y, Size ldy, T* dA,
                    Size ldda,
                    T* loss) { k.mean_absolute_error(batch, out, A, lda, Y, ldy, dA, ldda, loss); },
         .low = -1,
         .high = 1,
         .target_low = -1,
         .target_high = 1},
        {.name = "huber",
         .call = [](const K& k, Size batch, Size out, const T* A, Size lda, const T* Y, Size ldy, T* dA,
                    Size ldda,
                    T* loss) { k.huber(batch, out, huber_delta<T>, A, lda, Y, ldy, dA, ldda, loss); },
         .low = -1,
         .high = 1,
         .target_low = -1,
         .target_high = 1},
        {.name = "cosine_distance",
         .call = [](const K& k, Size batch, Size out, const T* A, Size lda, const T* Y, Size ldy, T* dA,
                    Size ldda, T* loss) { k.cosine_distance(batch, out, A, lda, Y, ldy, dA, ldda, loss); },
         .low = -1,
         .high = 1,
         .target_low = -1,
         .target_high = 1,
         .of_nothing_is_one = true},  // zero vectors
    };
}

template <class T>
Loss<T> loss_named(const std::string& name) {
    for (const Loss<T>& loss : losses<T>())
        if (loss.name == name) return loss;
    std::abort();
}

}  // namespace densimd::test
