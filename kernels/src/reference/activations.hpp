// The definitions of the element-wise and row-wise kernels.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>

#include <densimd/kernels.hpp>

namespace densimd::kernels {
namespace {

template <class T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;

template <class T>
Wide<T> wide(T x) {
    return x;
}

// y[i] = f(x[i]), in the wide type.
template <class T, class Function>
void each(std::size_t n, const T* x, T* y, Function f) {
    for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<T>(f(wide(x[i])));
}

// log(1 + exp(x)). A NaN is neither positive nor negative, and stays.
template <class W>
W softplus_of(W x) {
    return (x < 0 ? 0 : x) + std::log1p(std::exp(-std::abs(x)));
}

template <class W>
W cumulative_normal(W x) {
    return std::erfc(-x * std::sqrt(W(0.5))) / 2;
}

template <class W>
W normal_density(W x) {
    return std::exp(-x * x / 2) / std::sqrt(8 * std::atan(W(1)));
}

// 2 u and its derivative, where gelu_tanh(x) = x (1 + tanh(u)) / 2 = x sigmoid(2 u).
template <class W>
W gelu_tanh_argument(W x) {
    return 2 * std::sqrt(1 / (2 * std::atan(W(1)))) * (x + W(0.044715L) * x * x * x);
}
template <class W>
W gelu_tanh_slope(W x) {
    return 2 * std::sqrt(1 / (2 * std::atan(W(1)))) * (1 + 3 * W(0.044715L) * x * x);
}

template <class W>
W sigmoid_of(W x) {
    return 1 / (1 + std::exp(-x));
}

// x times a factor that is 0 long before x is infinite.
template <class W>
W times_vanishing(W x, W factor) {
    return factor == 0 ? 0 : x * factor;
}

// The activation of a logit z.
template <class W>
W value(Activation activation, W z, W parameter = 0) {
    switch (activation) {
        case Activation::identity:
            return z;
        case Activation::sigmoid:
            return sigmoid_of(z);
        case Activation::tanh:
            return std::tanh(z);
        case Activation::softplus:
            return softplus_of(z);
        case Activation::relu:
            return z <= 0 ? 0 : z;
        case Activation::leaky_relu:
            return z <= 0 ? parameter * z : z;
        case Activation::elu:
            return z <= 0 ? parameter * std::expm1(z) : z;
        case Activation::gelu:
            return times_vanishing(z, cumulative_normal(z));
        case Activation::gelu_tanh:
            return times_vanishing(z, sigmoid_of(gelu_tanh_argument(z)));
        case Activation::silu:
            return times_vanishing(z, sigmoid_of(z));
    }
    return z;
}

// Its derivative, from the output or, for those that need it, from the logit.
template <class W>
W derivative(Activation activation, W a, W parameter = 0) {
    if (std::isnan(a)) return a;
    switch (activation) {
        case Activation::identity:
            return 1;
        case Activation::sigmoid:
            return a * (1 - a);
        case Activation::tanh:
            return (1 - a) * (1 + a);
        case Activation::softplus:
            return -std::expm1(-a);
        case Activation::relu:
            return a <= 0 ? 0 : 1;
        case Activation::leaky_relu:
            return a <= 0 ? parameter : 1;
        case Activation::elu:
            return a <= 0 ? a + parameter : 1;
        case Activation::gelu:
            return cumulative_normal(a) + times_vanishing(a, normal_density(a));
        case Activation::gelu_tanh: {
            const W s = sigmoid_of(gelu_tanh_argument(a));
            return s + times_vanishing(a * gelu_tanh_slope(a), s * (1 - s));
        }
        case Activation::silu: {
            const W s = sigmoid_of(a);
            return s + times_vanishing(a, s * (1 - s));
        }
    }
    return 1;
}

// The parameter that a layer's activation has.
template <class T>
Wide<T> default_parameter(Activation activation) {
    return activation == Activation::leaky_relu ? wide(leaky_relu_slope<T>) : wide(elu_alpha<T>);
}

template <class T, Activation activation>
void value_of_each(std::size_t n, const T* x, T* y) noexcept {
    each(n, x, y, [](Wide<T> z) { return value(activation, z); });
}

template <class T, Activation activation>
void value_of_each_with(std::size_t n, T parameter, const T* x, T* y) noexcept {
    each(n, x, y, [=](Wide<T> z) { return value(activation, z, wide(parameter)); });
}

template <class T, Activation activation>
void gradient_of_each_with(std::size_t n, T parameter, const T* a, const T* ds, T* dx) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
        const Wide<T> slope = derivative(activation, wide(a[i]), wide(parameter));
        const bool cut = activation == Activation::relu && slope == 0;  // whatever ds is
        dx[i] = cut ? T(0) : static_cast<T>(ds[i] * slope);
    }
}

template <class T, Activation activation>
void gradient_of_each(std::size_t n, const T* a, const T* ds, T* dx) noexcept {
    gradient_of_each_with<T, activation>(n, 0, a, ds, dx);
}

template <class T>
void exp(std::size_t n, const T* x, T* y) noexcept {
    each(n, x, y, [](Wide<T> value) { return std::exp(value); });
}

template <class T>
void log(std::size_t n, const T* x, T* y) noexcept {
    each(n, x, y, [](Wide<T> value) { return std::log(value); });
}

template <class T>
void log1p(std::size_t n, const T* x, T* y) noexcept {
    each(n, x, y, [](Wide<T> value) { return std::log1p(value); });
}

template <class T>
bool all_finite(std::size_t n, const T* x) noexcept {
    return std::all_of(x, x + n, [](T value) { return std::isfinite(value); });
}

// log(sum(exp(x))) of a row, and its largest element.
template <class T>
struct LogSumExp {
    Wide<T> shift, log_sum;  // add up to it
};

template <class T>
LogSumExp<T> log_sum_exp(std::size_t n, const T* x) {
    const Wide<T> shift = n > 0 ? wide(*std::max_element(x, x + n)) : 0;
    Wide<T> sum = 0;
    for (std::size_t j = 0; j < n; ++j) sum += std::exp(x[j] - shift);
    return {shift, std::log(sum)};
}

template <class T>
void log_softmax(std::size_t batch, std::size_t n, const T* X, std::size_t ldx, T* Y,
                 std::size_t ldy) noexcept {
    for (std::size_t i = 0; i < batch; ++i) {
        const auto [shift, log_sum] = log_sum_exp(n, X + i * ldx);
        for (std::size_t j = 0; j < n; ++j) Y[i * ldy + j] = static_cast<T>(X[i * ldx + j] - shift - log_sum);
    }
}

template <class T>
void softmax(std::size_t batch, std::size_t n, const T* X, std::size_t ldx, T* Y, std::size_t ldy) noexcept {
    for (std::size_t i = 0; i < batch; ++i) {
        const auto [shift, log_sum] = log_sum_exp(n, X + i * ldx);
        for (std::size_t j = 0; j < n; ++j)
            Y[i * ldy + j] = static_cast<T>(std::exp(X[i * ldx + j] - shift - log_sum));
    }
}

}  // namespace
}  // namespace densimd::kernels
