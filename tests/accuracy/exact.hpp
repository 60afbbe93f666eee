// The elementary functions in a wider type, by libm: what kernels are measured against. Apart from the
// reference kernels, which round to the narrower type.
#pragma once

#include <cmath>
#include <cstdlib>
#include <string_view>
#include <type_traits>

namespace densimd::test {

template <class T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;

template <class T>
struct Exact {
    std::string_view name;  // as in functions.hpp
    Wide<T> (*value)(Wide<T> x);
};

/// x times a factor that is 0 long before x is infinite.
template <class W>
W times_vanishing(W x, W factor) {
    return factor == 0 ? 0 : x * factor;
}

template <class W>
W exact_sigmoid(W x) {
    return 1 / (1 + std::exp(-x));
}

template <class T>
Exact<T> exact_of(std::string_view name) {
    using W = Wide<T>;
    const Exact<T> all[] = {
        {"sigmoid", [](W x) { return exact_sigmoid(x); }},
        {"tanh", [](W x) { return std::tanh(x); }},
        {"exp", [](W x) { return std::exp(x); }},
        {"log", [](W x) { return std::log(x); }},
        {"log1p", [](W x) { return std::log1p(x); }},
        {"softplus", [](W x) { return (x < 0 ? 0 : x) + std::log1p(std::exp(-std::abs(x))); }},
        {"relu", [](W x) { return x <= 0 ? 0 : x; }},
        {"leaky_relu", [](W x) { return x <= 0 ? W{T(0.01)} * x : x; }},
        {"elu", [](W x) { return x <= 0 ? std::expm1(x) : x; }},
        {"elu, alpha 1.5", [](W x) { return x <= 0 ? W(1.5) * std::expm1(x) : x; }},
        {"gelu", [](W x) { return times_vanishing(x, std::erfc(-x * std::sqrt(W(0.5))) / 2); }},
        {"gelu_tanh",
         [](W x) {
             const W twice_u = 2 * std::sqrt(1 / (2 * std::atan(W(1)))) * (x + W(0.044715L) * x * x * x);
             return times_vanishing(x, exact_sigmoid(twice_u));
         }},
        {"silu", [](W x) { return times_vanishing(x, exact_sigmoid(x)); }},
    };
    for (const Exact<T>& exact : all)
        if (exact.name == name) return exact;
    std::abort();
}

}  // namespace densimd::test
