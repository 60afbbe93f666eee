// The activations: each with its value and with its derivative times a gradient.
#pragma once

#include <densimd/kernels.hpp>

#include "math/log.hpp"
#include "math/normal.hpp"

namespace densimd::kernels {
namespace {

// value(x) is the activation, with a fast path (math/fast_range.hpp) if it needs one. gradient(a, ds) is ds times its
// derivative, where `a` is the activation's output or, for GELU and SiLU, its input. max(-0, +0) differs between ISAs, so
// maxima whose sign of 0 matters are selects.
template <class T>
struct SigmoidActivation {
    static constexpr T fast_limit = -Exp<T>::lowest;

    template <class Range>
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const {
        const Batch<T> s = Range::sigmoid_times(Batch<T>(T(1)), x);
        // Adds 0. A subnormal s that is exact leaves no trace in MXCSR until it is an operand; kernels.hpp
        // promises one.
        if constexpr (std::is_same_v<Range, FullRange>) return s + (s - s);
        return s;
    }
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

// log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), which is exp(x) for very negative x.
template <class T>
struct SoftplusActivation {
    static constexpr bool has_long_gradient = true;
    static constexpr T fast_limit = -Exp<T>::lowest;

    template <class Range>
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const {
        const Batch<T> zero(T(0));
        return xsimd::select(x > zero, x, zero) + log1p_reduced(Range::exp(negative(xsimd::abs(x))));
    }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> y, Batch<T> ds) const {
        // sigmoid(x) = 1 - exp(-y)
        return negative(expm1_in_range(clamp(negative(y), Expm1<T>::lowest, T(0)))) * ds;
    }
};

template <class T>
struct ReluActivation {
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const { return gradient(x, x); }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> y, Batch<T> ds) const {
        const Batch<T> zero(T(0));
        return xsimd::select(y > zero, ds, xsimd::select(y <= zero, zero, y));  // a NaN stays
    }
};

template <class T>
struct LeakyReluActivation {
    Batch<T> slope = Batch<T>(leaky_relu_slope<T>);

    DENSIMD_INLINE Batch<T> value(Batch<T> x) const { return gradient(x, x); }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> y, Batch<T> ds) const {
        const Batch<T> zero(T(0));
        return xsimd::select(y > zero, ds, xsimd::select(y <= zero, slope * ds, y));
    }
};

template <class T>
struct EluActivation {
    Batch<T> alpha = Batch<T>(elu_alpha<T>);

    DENSIMD_INLINE Batch<T> value(Batch<T> x) const {
        const Batch<T> e = expm1_in_range(clamp(x, Expm1<T>::lowest, T(0)));
        return xsimd::select(x > Batch<T>(T(0)), x, alpha * e);
    }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> y, Batch<T> ds) const {
        return xsimd::select(y > Batch<T>(T(0)), ds, (y + alpha) * ds);
    }
};

// x Phi(x) = max(x, 0) - |x| Phi(-|x|), and its derivative Phi(x) + x phi(x), phi(x) = exp(-x^2 / 2) / sqrt(2
// pi).
template <class T>
struct GeluActivation {
    static constexpr bool has_long_gradient = true;
    static constexpr T fast_limit = Normal<T>::fast_limit;

    template <class Range>
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const {
        const Batch<T> zero(T(0)), a = xsimd::min(Batch<T>(Normal<T>::all_zero), xsimd::abs(x));
        const auto [bell, tail] = normal<Range>(a);
        return xsimd::select(x < zero, zero, x) - (a * tail) * bell;
    }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> x, Batch<T> ds) const {
        const Batch<T> zero(T(0)), one(T(1)), bounded = clamp(x, -Normal<T>::fast_limit, Normal<T>::fast_limit);
        const auto [bell, tail] = normal<FastRange>(xsimd::abs(bounded));
        const Batch<T> below = tail * bell, cumulative = xsimd::select(x < zero, below, one - below);
        return Simd::fma(bounded * Batch<T>(T(0.39894228040143267794)), bell, cumulative) * ds;
    }
};

// x (1 + tanh(u)) / 2 = x sigmoid(2 u) with 2 u = x (c + d x^2), c = 2 sqrt(2 / pi) and d = 0.044715 c: the
// approximation of Hendrycks and Gimpel (arXiv 1606.08415). 2 u is below the fast range from -`fast_limit` on,
// and gives 0 from -`all_zero` on.
template <class T>
struct GeluTanhActivation {
    static constexpr bool has_long_gradient = true;
    static constexpr T c = T(1.59576912160573071176), d = T(0.07135481627260024878);
    static constexpr T fast_limit = sizeof(T) == 4 ? T(9.5) : T(20), all_zero = sizeof(T) == 4 ? T(12) : T(24);

    template <class Range>
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const {
        const Batch<T> bounded = xsimd::max(Batch<T>(-all_zero), x);
        return Range::sigmoid_times(bounded,
                                    bounded * Simd::fma(bounded * bounded, Batch<T>(d), Batch<T>(c)));
    }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> x, Batch<T> ds) const {
        const Batch<T> bounded = clamp(x, -fast_limit, fast_limit), square = bounded * bounded;
        const auto [s, rest] = sigmoid_and_rest(bounded * Simd::fma(square, Batch<T>(d), Batch<T>(c)));
        const Batch<T> inner = bounded * Simd::fma(square, Batch<T>(3 * d), Batch<T>(c));
        return Simd::fma(s * rest, inner, s) * ds;
    }
};

// x sigmoid(x), with a limit of 0 at -infinity.
template <class T>
struct SiluActivation {
    static constexpr bool has_long_gradient = true;
    static constexpr T fast_limit = -Exp<T>::lowest;

    template <class Range>
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const {
        return Range::sigmoid_times(xsimd::max(Batch<T>(Exp<T>::all_zero), x), x);
    }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> x, Batch<T> ds) const {
        const Batch<T> bounded = clamp(x, Exp<T>::lowest, -Exp<T>::lowest);
        const auto [s, rest] = sigmoid_and_rest(bounded);
        return s * Simd::fma(bounded, rest, Batch<T>(T(1))) * ds;
    }
};

// One vector, in registers.
template <class T, class Function>
DENSIMD_INLINE Batch<T> value_of_one(const Function& function, Batch<T> x) {
    if constexpr (HasFastRange<Function, T>)
        return value_of(function, x);
    else
        return function.value(x);
}

// Some vectors, in registers.
template <class Function, class T, std::size_t N>
DENSIMD_INLINE void activate_all(const Function& function, Batch<T> (&x)[N]) {
    if constexpr (N == 4 && HasFastRange<Function, T>) {
        if (any_needs_full_range(function, x)) [[unlikely]] {
            DENSIMD_UNROLLED (v, N) x[v] = full_range_value(function, x[v]);
        } else {
            DENSIMD_UNROLLED (v, N) x[v] = function.template value<FastRange>(x[v]);
        }
    } else {
        DENSIMD_UNROLLED (v, N) x[v] = value_of_one(function, x[v]);
    }
}

template <class T, template <class> class Function>
Batch<T> value_vector(Batch<T> x) {
    return value_of_one(Function<T>{}, x);
}

template <class T, template <class> class Function>
Batch<T> gradient_vector(Batch<T> a, Batch<T> ds) {
    return Function<T>{}.gradient(a, ds);
}

// The functions of one vector, by Activation; null for the identity. For code that would grow too large with a copy for
// each activation.
template <class T>
struct VectorFunctions {
    Batch<T> (*value)(Batch<T> x);
    Batch<T> (*gradient)(Batch<T> a, Batch<T> ds);
};

template <class T, template <class> class Function>
constexpr VectorFunctions<T> vector_functions_of = {value_vector<T, Function>, gradient_vector<T, Function>};

template <class T>
constexpr VectorFunctions<T> all_vector_functions[] = {
    {},
    vector_functions_of<T, SigmoidActivation>,
    vector_functions_of<T, TanhActivation>,
    vector_functions_of<T, SoftplusActivation>,
    vector_functions_of<T, ReluActivation>,
    vector_functions_of<T, LeakyReluActivation>,
    vector_functions_of<T, EluActivation>,
    vector_functions_of<T, GeluActivation>,
    vector_functions_of<T, GeluTanhActivation>,
    vector_functions_of<T, SiluActivation>,
};

template <class T>
const VectorFunctions<T>& vector_functions(Activation activation) {
    static_assert(sizeof(all_vector_functions<T>) ==
                  (static_cast<std::size_t>(Activation::silu) + 1) * sizeof(VectorFunctions<T>));
    return all_vector_functions<T>[static_cast<std::size_t>(activation)];
}

}  // namespace
}  // namespace densimd::kernels
