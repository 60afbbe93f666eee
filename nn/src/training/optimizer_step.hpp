// An optimiser's steps on the flat buffer of parameters.
#pragma once

#include <atomic>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <densimd/kernels.hpp>
#include <densimd/nn/network.hpp>
#include <densimd/nn/optimizer.hpp>

#include "parallel/team.hpp"

namespace densimd::nn {

/// Whether a step is W -= rate dW, which kernels do while they compute dW, so that dW need not be stored.
inline bool is_plain_descent(const Optimizer& optimizer) {
    return optimizer.method == Optimizer::Method::sgd && optimizer.weight_decay == 0 &&
           std::isinf(optimizer.max_gradient_norm);
}

/// How many vectors a method's state has.
constexpr std::size_t moments_of(Optimizer::Method method) {
    using Method = Optimizer::Method;
    return method == Method::sgd ? 0 : method == Method::adam || method == Method::adamw ? 2 : 1;
}

/// An empty state of `method` for so many parameters.
template <class T>
OptimizerState<T> fresh_state(Optimizer::Method method, std::size_t parameters);

/// A part of an optimiser's state that a step would make infinite, so that it was not taken.
struct Overflow {
    const char* state;
    std::size_t parameter;
    double gradient;
};

/// "the velocity of layer 0, bias [2] (counted from 0) would become infinite, from a gradient of 1e30"
std::string text(const Overflow& overflow, const std::vector<Dense>& layers);

/// The steps of an optimiser. `gradient` is its scratch memory, as long as the parameters, which plain
/// descent does not need.
template <class T>
class OptimizerStep {
  public:
    OptimizerStep(const kernels::Kernels<T>& k, const Optimizer& optimizer, OptimizerState<T>& state,
                  std::span<T> gradient)
        : k_(k), optimizer_(optimizer), state_(state), gradient_(gradient) {}

    bool is_plain() const noexcept { return is_plain_descent(optimizer_); }
    T learning_rate() const noexcept { return static_cast<T>(optimizer_.learning_rate); }
    std::span<T> gradient() const noexcept { return gradient_; }

    /// Each thread calls this before a step with the part of the gradient that it has computed, to find out
    /// whether a square may be too large for the state.
    void note_size(std::span<const T> gradient, const T* parameters) noexcept;

    /// On one thread before each step: the powers of beta become those of this step.
    void advance() noexcept {
        if (state_.second_moment.empty()) return;
        power_before_[0] = state_.beta1_power;
        power_before_[1] = state_.beta2_power;
        state_.beta1_power *= static_cast<T>(optimizer_.beta1);
        state_.beta2_power *= static_cast<T>(optimizer_.beta2);
    }

    /// Updates a thread's part of the parameters, with the gradient times 1 / batch. Returns false, on all
    /// threads, if the state would not stay finite: then state and parameters are as before, and overflow()
    /// says where.
    bool step(std::size_t batch, ThreadContext thread, T* parameters) noexcept;
    const std::optional<Overflow>& overflow() const noexcept { return overflow_; }

  private:
    kernels::AdamOptions<T> adam_options() const noexcept;
    std::optional<Overflow> find_overflow(const kernels::StepOptions<T>& options,
                                          const T* parameters) const noexcept;
    void restore_powers() noexcept {
        if (state_.second_moment.empty()) return;
        state_.beta1_power = power_before_[0];
        state_.beta2_power = power_before_[1];
    }

    const kernels::Kernels<T>& k_;
    Optimizer optimizer_;
    OptimizerState<T>& state_;
    std::span<T> gradient_;
    T power_before_[2] = {1, 1};
    std::atomic<bool> is_large_ = false;
    std::optional<Overflow> overflow_;
};

}  // namespace densimd::nn
