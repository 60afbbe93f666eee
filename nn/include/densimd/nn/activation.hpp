// The activations of networks and their names, nn::tanh and so on.
#pragma once

#include <densimd/version.hpp>

#include <cstddef>

#include <densimd/kernels.hpp>

namespace densimd::nn {

/// Marks the functions that name activations, which only Activation calls.
struct ActivationName {
    explicit ActivationName() = default;
};

/// What a layer applies to its logits: kernels::Activation, or the name of one, as in {16, nn::tanh}. In a
/// switch, where functions cannot stand: case nn::Activation::tanh.
class Activation {
    using Value = kernels::Activation;
    using Name = Value (*)(ActivationName);

  public:
    // Not `using enum`: g++ 12 fails with an internal error where a template uses such a name.
    static constexpr Value identity = Value::identity, sigmoid = Value::sigmoid, tanh = Value::tanh,
                           softplus = Value::softplus, relu = Value::relu, leaky_relu = Value::leaky_relu,
                           elu = Value::elu, gelu = Value::gelu, gelu_tanh = Value::gelu_tanh,
                           silu = Value::silu;

    constexpr Activation(Value value) noexcept : value_(value) {}
    constexpr Activation(Name name) noexcept : value_(name(ActivationName())) {}
    Activation(std::nullptr_t) = delete;  // and so 0, which would be a null pointer as well
    constexpr explicit Activation(int value) noexcept : value_(static_cast<Value>(value)) {}

    constexpr operator Value() const noexcept { return value_; }
    constexpr explicit operator int() const noexcept { return static_cast<int>(value_); }

  private:
    Value value_;
};

constexpr bool operator==(kernels::Activation activation,
                          kernels::Activation (*name)(ActivationName)) noexcept {
    return activation == name(ActivationName());
}

// The names are functions, like std::hex, so that they overload others: after `using namespace densimd::nn`
// tanh(0.5) is <cmath>'s and relu(0.5f) the user's own, where a constant of that name would be ambiguous.

constexpr kernels::Activation identity(ActivationName) noexcept { return Activation::identity; }
constexpr kernels::Activation sigmoid(ActivationName) noexcept { return Activation::sigmoid; }
constexpr kernels::Activation tanh(ActivationName) noexcept { return Activation::tanh; }
constexpr kernels::Activation softplus(ActivationName) noexcept { return Activation::softplus; }
constexpr kernels::Activation relu(ActivationName) noexcept { return Activation::relu; }
constexpr kernels::Activation leaky_relu(ActivationName) noexcept { return Activation::leaky_relu; }
constexpr kernels::Activation elu(ActivationName) noexcept { return Activation::elu; }
constexpr kernels::Activation gelu(ActivationName) noexcept { return Activation::gelu; }
constexpr kernels::Activation gelu_tanh(ActivationName) noexcept { return Activation::gelu_tanh; }
constexpr kernels::Activation silu(ActivationName) noexcept { return Activation::silu; }

}  // namespace densimd::nn
