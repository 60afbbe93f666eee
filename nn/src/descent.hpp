// One optimiser's steps over flat parts of the parameters.
#pragma once

#include <cmath>
#include <span>

#include <densimd/kernels.hpp>
#include <densimd/nn/optimizer.hpp>

#include "parallel.hpp"

namespace densimd::nn {

/// Throws Error, naming what it found, unless all of the optimiser's numbers are usable as T.
template <class T>
void check_optimizer(const Optimizer& optimizer);

/// Whether a step needs the gradient alone, W -= rate dW, so that dW need not be kept.
inline bool is_plain_descent(const Optimizer& optimizer) {
    return optimizer.method == Optimizer::Method::sgd && optimizer.weight_decay == 0 &&
           std::isinf(optimizer.max_gradient_norm);
}

/// An empty state of `method` for so many parameters.
template <class T>
OptimizerState<T> fresh_state(Optimizer::Method method, std::size_t parameters);

/// The steps of an optimiser. `gradient` is its scratch memory, as long as the parameters, which plain
/// descent does not need.
template <class T>
class Descent {
  public:
    Descent(const kernels::Kernels<T>& k, const Optimizer& optimizer, OptimizerState<T>& state,
            std::span<T> gradient)
        : k_(k), optimizer_(optimizer), state_(state), gradient_(gradient) {}

    bool is_plain() const noexcept { return is_plain_descent(optimizer_); }
    T learning_rate() const noexcept { return static_cast<T>(optimizer_.learning_rate); }
    std::span<T> gradient() const noexcept { return gradient_; }

    /// Before the steps of all parts, on one thread: they are now those of the next step.
    void advance() const noexcept {
        if (state_.second_moment.empty()) return;
        state_.beta1_power *= static_cast<T>(optimizer_.beta1);
        state_.beta2_power *= static_cast<T>(optimizer_.beta2);
    }

    /// The step of one part of the parameters, with the gradient times 1 / batch.
    void step(std::size_t batch, Range part, T* parameters) const noexcept;

  private:
    const kernels::Kernels<T>& k_;
    Optimizer optimizer_;
    OptimizerState<T>& state_;
    std::span<T> gradient_;
};

}  // namespace densimd::nn
