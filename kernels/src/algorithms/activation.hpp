// The activations: each with its value and with its derivative times a gradient.
#pragma once

#include <densimd/kernels.hpp>

#include "algorithms/logarithm.hpp"
#include "algorithms/normal.hpp"

namespace densimd::kernels {
namespace {

// value(x) is the activation. gradient(a, ds) is ds times its derivative, where `a` is the activation's
// output or, for GELU and SiLU, its input. A maximum would leave the sign of 0 open, hence the selects.
template <class T>
struct SigmoidActivation {
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const { return sigmoid(x); }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> s, Batch<T> ds) const { return s * (Batch<T>(T(1)) - s) * ds; }
};

template <class T>
struct TanhActivation {
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const { return tanh(x); }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> y, Batch<T> ds) const {
        const Batch<T> one(T(1));
        return (one - y) * (one + y) * ds;
    }
};

template <class T>
struct SoftplusActivation {
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const { return softplus(x); }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> y, Batch<T> ds) const {
        return -expm1_in_range(clamp(-y, Expm1<T>::lowest, T(0))) * ds;  // sigmoid(x) = 1 - exp(-y)
    }
};

template <class T>
struct ReluActivation {
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const {
        const Batch<T> zero(T(0));
        return xsimd::select(x <= zero, zero, x);
    }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> y, Batch<T> ds) const {
        const Batch<T> zero(T(0));
        return xsimd::select(y <= zero, zero, ds);
    }
};

template <class T>
struct LeakyReluActivation {
    Batch<T> slope = Batch<T>(leaky_relu_slope<T>);

    DENSIMD_INLINE Batch<T> value(Batch<T> x) const { return gradient(x, x); }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> y, Batch<T> ds) const {
        return xsimd::select(y <= Batch<T>(T(0)), slope * ds, ds);
    }
};

template <class T>
struct EluActivation {
    Batch<T> alpha = Batch<T>(elu_alpha<T>);

    DENSIMD_INLINE Batch<T> value(Batch<T> x) const { return elu(x, alpha); }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> y, Batch<T> ds) const {
        return xsimd::select(y <= Batch<T>(T(0)), (y + alpha) * ds, ds);
    }
};

template <class T>
struct GeluActivation {
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const { return gelu(x); }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> x, Batch<T> ds) const { return gelu_derivative(x) * ds; }
};

template <class T>
struct GeluTanhActivation {
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const { return gelu_tanh(x); }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> x, Batch<T> ds) const { return gelu_tanh_derivative(x) * ds; }
};

template <class T>
struct SiluActivation {
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const { return silu(x); }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> x, Batch<T> ds) const {
        const Batch<T> one(T(1)), bounded = clamp(x, Exp<T>::all_zero, -Exp<T>::all_zero);
        const Batch<T> s = sigmoid(bounded);
        return s * Simd::fma(bounded, one - s, one) * ds;
    }
};

// y[i] = activation(x[i]). Bound: arithmetic, and one division for most; memory does not matter within L2.
// The ReLUs are bound by one load and one store per vector.
template <class T, class Function>
void value_of_each(std::size_t n, Function function, const T* x, T* y) {
    map(
        n, y, [=](Batch<T> value) DENSIMD_INLINE_LAMBDA { return function.value(value); }, x);
}

template <class T, class Function>
void gradient_of_each(std::size_t n, Function function, const T* a, const T* ds, T* dx) {
    map(
        n, dx,
        [=](Batch<T> value, Batch<T> gradient)
            DENSIMD_INLINE_LAMBDA { return function.gradient(value, gradient); },
        a, ds);
}

// As kernels of the table.
template <class T, template <class> class Function>
void value_kernel(std::size_t n, const T* x, T* y) noexcept {
    value_of_each(n, Function<T>{}, x, y);
}

template <class T, template <class> class Function>
void gradient_kernel(std::size_t n, const T* a, const T* ds, T* dx) noexcept {
    gradient_of_each(n, Function<T>{}, a, ds, dx);
}

template <class T, template <class> class Function>
Batch<T> gradient_vector(Batch<T> a, Batch<T> ds) {
    return Function<T>{}.gradient(a, ds);
}

// What an epilogue calls: out of line, because inlined into every tile they would be most of the library.
template <class T>
struct ActivationFunctions {
    void (*value)(std::size_t n, const T* x, T* y) noexcept;
    Batch<T> (*gradient)(Batch<T> a, Batch<T> ds);
};

template <class T, template <class> class Function>
constexpr ActivationFunctions<T> functions_of = {value_kernel<T, Function>, gradient_vector<T, Function>};

// Null pointers for the identity.
template <class T>
ActivationFunctions<T> functions(Activation activation) {
    switch (activation) {
        case Activation::identity:
            break;
        case Activation::sigmoid:
            return functions_of<T, SigmoidActivation>;
        case Activation::tanh:
            return functions_of<T, TanhActivation>;
        case Activation::softplus:
            return functions_of<T, SoftplusActivation>;
        case Activation::relu:
            return functions_of<T, ReluActivation>;
        case Activation::leaky_relu:
            return functions_of<T, LeakyReluActivation>;
        case Activation::elu:
            return functions_of<T, EluActivation>;
        case Activation::gelu:
            return functions_of<T, GeluActivation>;
        case Activation::gelu_tanh:
            return functions_of<T, GeluTanhActivation>;
        case Activation::silu:
            return functions_of<T, SiluActivation>;
    }
    return {};
}

}  // namespace
}  // namespace densimd::kernels
