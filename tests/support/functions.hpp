// The element-wise functions and derivatives, each with what its documentation promises.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "activations.hpp"
#include "compare.hpp"
#include "tables.hpp"

namespace densimd::test {

/// y = f(x), accurate to `ulps` units of the last place and `epsilons_of_x` epsilon |x|. Without FMA the
/// square in an exponent is rounded, which costs `epsilons_of_square` x^2 epsilon |y| below 0.
template <class T>
struct Function {
    std::string name;
    void (*call)(const Kernels<T>& kernels, std::size_t n, const T* x, T* y);
    T low, high;  // where it is worth testing
    double ulps = 0, epsilons_of_x = 0, epsilons_of_square = 0;
    bool never_falls = false, odd = false;
};

template <class T>
std::vector<Function<T>> functions() {
    using K = Kernels<T>;
    using Size = std::size_t;
    constexpr bool is_float = std::is_same_v<T, float>;
    constexpr double elementary = is_float ? 3 : 4;
    constexpr T reach = is_float ? T{104} : T{745};  // exp(-reach) rounds to 0
    return {
        {.name = "sigmoid",
         .call = [](const K& k, Size n, const T* x, T* y) { k.sigmoid(n, x, y); },
         .low = -reach,
         .high = 40,
         .ulps = is_float ? 3 : 4,
         .never_falls = true},
        {.name = "tanh",
         .call = [](const K& k, Size n, const T* x, T* y) { k.tanh(n, x, y); },
         .low = -20,
         .high = 20,
         .ulps = elementary,
         .never_falls = true,
         .odd = true},
        {.name = "exp",
         .call = [](const K& k, Size n, const T* x, T* y) { k.exp(n, x, y); },
         .low = -reach,
         .high = reach,
         .ulps = elementary},
        {.name = "log",
         .call = [](const K& k, Size n, const T* x, T* y) { k.log(n, x, y); },
         .low = 0,
         .high = 8,
         .ulps = elementary},
        {.name = "log1p",
         .call = [](const K& k, Size n, const T* x, T* y) { k.log1p(n, x, y); },
         .low = -1,
         .high = 8,
         .ulps = elementary},
        {.name = "softplus",
         .call = [](const K& k, Size n, const T* x, T* y) { k.softplus(n, x, y); },
         .low = -reach,
         .high = 40,
         .ulps = 4},
        {.name = "relu",
         .call = [](const K& k, Size n, const T* x, T* y) { k.relu(n, x, y); },
         .low = -2,
         .high = 2,
         .never_falls = true},
        {.name = "leaky_relu",
         .call = [](const K& k, Size n, const T* x,
                    T* y) { k.leaky_relu(n, kernels::leaky_relu_slope<T>, x, y); },
         .low = -2,
         .high = 2,
         .ulps = 0.5,  // a product
         .never_falls = true},
        {.name = "elu",
         .call = [](const K& k, Size n, const T* x, T* y) { k.elu(n, kernels::elu_alpha<T>, x, y); },
         .low = -40,
         .high = 2,
         .ulps = 4},
        {.name = "elu, alpha 1.5",
         .call = [](const K& k, Size n, const T* x, T* y) { k.elu(n, T{1.5}, x, y); },
         .low = -40,
         .high = 2,
         .ulps = 4},
        {.name = "gelu",
         .call = [](const K& k, Size n, const T* x, T* y) { k.gelu(n, x, y); },
         .low = is_float ? T{-14.5} : T{-38.5},
         .high = 8,
         .ulps = 8,
         .epsilons_of_square = 0.5},
        {.name = "gelu_tanh",
         .call = [](const K& k, Size n, const T* x, T* y) { k.gelu_tanh(n, x, y); },
         .low = -12,
         .high = 8,
         .epsilons_of_x = 4},
        {.name = "silu",
         .call = [](const K& k, Size n, const T* x, T* y) { k.silu(n, x, y); },
         .low = -reach,
         .high = 40,
         .ulps = 5},
    };
}

/// dx = ds f', from `a`: f's output or, where its documentation says so, its input. Accurate to `epsilons`
/// epsilon |dx| + `epsilons_of_ds` epsilon |ds|.
template <class T>
struct Derivative {
    std::string name;
    void (*call)(const Kernels<T>& kernels, std::size_t n, const T* a, const T* ds, T* dx);
    T low, high;  // of a
    double epsilons = 0, epsilons_of_ds = 0;
};

template <class T>
std::vector<Derivative<T>> derivatives() {
    using K = Kernels<T>;
    using Size = std::size_t;
    return {
        {.name = "sigmoid_grad",
         .call = [](const K& k, Size n, const T* a, const T* ds, T* dx) { k.sigmoid_grad(n, a, ds, dx); },
         .low = 0,
         .high = 1,
         .epsilons = 1.5},  // three roundings
        {.name = "tanh_grad",
         .call = [](const K& k, Size n, const T* a, const T* ds, T* dx) { k.tanh_grad(n, a, ds, dx); },
         .low = -1,
         .high = 1,
         .epsilons = 2},  // four roundings
        {.name = "softplus_grad",
         .call = [](const K& k, Size n, const T* a, const T* ds, T* dx) { k.softplus_grad(n, a, ds, dx); },
         .low = 0,
         .high = 40,
         .epsilons = 4.5},  // elu's exp(x) - 1, and a product
        {.name = "relu_grad",
         .call = [](const K& k, Size n, const T* a, const T* ds, T* dx) { k.relu_grad(n, a, ds, dx); },
         .low = -1,
         .high = 1},
        {.name = "leaky_relu_grad",
         .call = [](const K& k, Size n, const T* a, const T* ds,
                    T* dx) { k.leaky_relu_grad(n, kernels::leaky_relu_slope<T>, a, ds, dx); },
         .low = -1,
         .high = 1,
         .epsilons = 0.5},  // a product
        {.name = "elu_grad",
         .call = [](const K& k, Size n, const T* a, const T* ds,
                    T* dx) { k.elu_grad(n, kernels::elu_alpha<T>, a, ds, dx); },
         .low = -1,
         .high = 1,
         .epsilons = 1},  // a sum and a product
        {.name = "elu_grad, alpha 1.5",
         .call = [](const K& k, Size n, const T* a, const T* ds, T* dx) { k.elu_grad(n, T{1.5}, a, ds, dx); },
         .low = -1.5,
         .high = 1,
         .epsilons = 1},
        {.name = "gelu_grad",
         .call = [](const K& k, Size n, const T* a, const T* ds, T* dx) { k.gelu_grad(n, a, ds, dx); },
         .low = -15,
         .high = 15,
         .epsilons_of_ds = 8},
        {.name = "gelu_tanh_grad",
         .call = [](const K& k, Size n, const T* a, const T* ds, T* dx) { k.gelu_tanh_grad(n, a, ds, dx); },
         .low = -13,
         .high = 13,
         .epsilons_of_ds = 8},
        {.name = "silu_grad",
         .call = [](const K& k, Size n, const T* a, const T* ds, T* dx) { k.silu_grad(n, a, ds, dx); },
         .low = -40,
         .high = 40,
         .epsilons_of_ds = 8},
    };
}

/// How far y = f(x) may be from the exact value, which is finite.
template <class T, class Wide>
Wide documented_error(const Function<T>& f, bool fma, T x, Wide exact) {
    using Limits = std::numeric_limits<T>;
    if (!std::isfinite(x)) return 0;
    const Wide size = std::abs(exact), argument = std::abs(Wide{x}), epsilon{Limits::epsilon()};
    const bool exact_for_all = f.ulps == 0 && f.epsilons_of_x == 0, normal = size >= Wide{Limits::min()};
    // Below the normal numbers every result is rounded to a multiple of the smallest.
    const double ulps = normal || exact_for_all ? f.ulps : std::max(f.ulps, 1.0);
    const Wide in_ulps = Wide(ulps) * ulp_of<T>(size);
    const bool lossy_square = !fma && f.epsilons_of_square > 0 && x < 0;  // above 0 it is in a small term
    const Wide of_square =
        lossy_square ? Wide(f.epsilons_of_square) * argument * (argument * size) * epsilon : 0;
    return in_ulps + Wide(f.epsilons_of_x) * epsilon * argument + of_square;
}
template <class T>
double documented_error(const Derivative<T>& f, T ds, T exact) {
    using Limits = std::numeric_limits<T>;
    if (!std::isfinite(ds) || !std::isfinite(exact)) return 0;
    if (f.epsilons == 0 && f.epsilons_of_ds == 0) return 0;
    const double size = std::abs(double{exact}), gradient = std::abs(double{ds}), epsilon{Limits::epsilon()};
    // A factor that is not normal is off by an ULP of its own, and its product as well.
    const double underflow = 2 * (1 + gradient) * double{Limits::denorm_min()};
    return f.epsilons * epsilon * size + f.epsilons_of_ds * epsilon * gradient + underflow;
}

/// The same for arrays and as the distance to the reference, which rounds by half a ULP. Numbers that are not
/// normal are multiples of their ULP, so that this half makes no difference there.
template <class T>
std::vector<T> bounds_of(const Function<T>& f, bool fma, const std::vector<T>& x,
                         const std::vector<T>& expected) {
    std::vector<T> bounds(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (!std::isfinite(expected[i])) continue;
        const bool normal = std::abs(expected[i]) >= std::numeric_limits<T>::min();
        const double exact{expected[i]}, rounding = normal ? ulp_of<T>(exact) / 2 : 0;
        bounds[i] = static_cast<T>(documented_error(f, fma, x[i], exact) + rounding);
    }
    return bounds;
}
template <class T>
std::vector<T> bounds_of(const Derivative<T>& f, const std::vector<T>& ds, const std::vector<T>& expected) {
    std::vector<T> bounds(ds.size());
    for (std::size_t i = 0; i < ds.size(); ++i) {
        const double rounding = std::isfinite(expected[i]) ? double{std::numeric_limits<T>::epsilon()} / 2 *
                                                                 std::abs(double{expected[i]})
                                                           : 0;
        bounds[i] = static_cast<T>(documented_error(f, ds[i], expected[i]) + rounding);
    }
    return bounds;
}

/// The values of f on `kernels`.
template <class T>
std::vector<T> values_of(const Function<T>& f, const Kernels<T>& kernels, const std::vector<T>& x) {
    std::vector<T> y(x.size());
    f.call(kernels, x.size(), x.data(), y.data());
    return y;
}
template <class T>
std::vector<T> values_of(const Derivative<T>& f, const Kernels<T>& kernels, const std::vector<T>& a,
                         const std::vector<T>& ds) {
    std::vector<T> dx(a.size());
    f.call(kernels, a.size(), a.data(), ds.data(), dx.data());
    return dx;
}

/// The function that an activation other than the identity applies, and its derivative.
template <class T>
Function<T> function_of(Activation activation) {
    for (const Function<T>& f : functions<T>())
        if (f.name == name_of(activation)) return f;
    std::abort();
}
template <class T>
Derivative<T> derivative_of(Activation activation) {
    for (const Derivative<T>& f : derivatives<T>())
        if (f.name == std::string(name_of(activation)) + "_grad") return f;
    std::abort();
}

}  // namespace densimd::test
