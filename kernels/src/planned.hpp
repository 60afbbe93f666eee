// Kernels that are told their plan, for tests: a plan changes no bit, on no shape that it accepts.
#pragma once

#include <densimd/kernels.hpp>

#include <cstddef>

#include "plan/types.hpp"

namespace densimd::kernels {

// With the arguments of the kernels of these names. Tiles are as told where the path has some.
template <class T>
struct PlannedKernels {
    void (*dense_forward)(ForwardPlan plan, const TilePlan& tiles, std::size_t batch, std::size_t in, std::size_t out,
                          const T* X, std::size_t ldx, const T* W, std::size_t ldw, const T* b, Activation activation,
                          T* A, std::size_t lda) noexcept;
    void (*dense_backward_input)(BackwardPath path, std::size_t batch, std::size_t in, std::size_t out, const T* dZ,
                                 std::size_t lddz, const T* W, std::size_t ldw, const T* X, std::size_t ldx,
                                 Activation activation, T* dX, std::size_t lddx) noexcept;
    void (*dense_update)(UpdatePlan plan, const TilePlan& tiles, std::size_t batch, std::size_t in, std::size_t out,
                         const T* X, std::size_t ldx, const T* dZ, std::size_t lddz, T scale, T* W, std::size_t ldw,
                         T* b) noexcept;
};

// Of an ISA that is available here.
template <class T>
const PlannedKernels<T>& planned(Isa isa);

}  // namespace densimd::kernels
