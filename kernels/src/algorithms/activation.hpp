// The activations: each with its value and with its derivative times a gradient.
#pragma once

#include <densimd/kernels.hpp>

#include "algorithms/logarithm.hpp"
#include "algorithms/normal.hpp"

namespace densimd::kernels {
namespace {

// value(x) is the activation, in the two ways of map_checked if its arguments can be unusual. gradient(a, ds)
// is ds times its derivative, where `a` is the activation's output or, for GELU and SiLU, its input. Maxima
// that leave the sign of 0 open are selects.
template <class T>
struct SigmoidActivation {
    static constexpr T usual_to = -Exp<T>::lowest;

    template <class Range>
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const {
        const Batch<T> s = Range::sigmoid_times(Batch<T>(T(1)), x);
        // Adds 0. A subnormal s that is exact leaves no trace in MXCSR until it is an operand; kernels.hpp
        // promises one.
        if constexpr (std::is_same_v<Range, Any>) return s + (s - s);
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
    static constexpr T usual_to = -Exp<T>::lowest;

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
    static constexpr T usual_to = Normal<T>::usual;

    template <class Range>
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const {
        const Batch<T> zero(T(0)), a = xsimd::min(Batch<T>(Normal<T>::all_zero), xsimd::abs(x));
        const auto [bell, tail] = normal<Range>(a);
        return xsimd::select(x < zero, zero, x) - (a * tail) * bell;
    }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> x, Batch<T> ds) const {
        const Batch<T> zero(T(0)), one(T(1)), bounded = clamp(x, -Normal<T>::usual, Normal<T>::usual);
        const auto [bell, tail] = normal<Usual>(xsimd::abs(bounded));
        const Batch<T> below = tail * bell, cumulative = xsimd::select(x < zero, below, one - below);
        return Simd::fma(bounded * Batch<T>(T(0.39894228040143267794)), bell, cumulative) * ds;
    }
};

// x (1 + tanh(u)) / 2 = x sigmoid(2 u) with 2 u = x (c + d x^2), c = 2 sqrt(2 / pi) and d = 0.044715 c: the
// approximation of Hendrycks and Gimpel (arXiv 1606.08415). 2 u is below the usual range from -`usual_to` on,
// and gives 0 from -`all_zero` on.
template <class T>
struct GeluTanhActivation {
    static constexpr bool has_long_gradient = true;
    static constexpr T c = T(1.59576912160573071176), d = T(0.07135481627260024878);
    static constexpr T usual_to = sizeof(T) == 4 ? T(9.5) : T(20), all_zero = sizeof(T) == 4 ? T(12) : T(24);

    template <class Range>
    DENSIMD_INLINE Batch<T> value(Batch<T> x) const {
        const Batch<T> bounded = xsimd::max(Batch<T>(-all_zero), x);
        return Range::sigmoid_times(bounded,
                                    bounded * Simd::fma(bounded * bounded, Batch<T>(d), Batch<T>(c)));
    }
    DENSIMD_INLINE Batch<T> gradient(Batch<T> x, Batch<T> ds) const {
        const Batch<T> bounded = clamp(x, -usual_to, usual_to), square = bounded * bounded;
        const auto [s, rest] = sigmoid_and_rest(bounded * Simd::fma(square, Batch<T>(d), Batch<T>(c)));
        const Batch<T> inner = bounded * Simd::fma(square, Batch<T>(3 * d), Batch<T>(c));
        return Simd::fma(s * rest, inner, s) * ds;
    }
};

// x sigmoid(x), with a limit of 0 at -infinity.
template <class T>
struct SiluActivation {
    static constexpr bool has_long_gradient = true;
    static constexpr T usual_to = -Exp<T>::lowest;

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

// y[i] = activation(x[i]). Bound: arithmetic, and one division for most; memory does not matter within L2. A
// sigmoid is seven multiply-adds and a division, which on Zen 4 takes the multiply-adders for two more: 9
// cycles per vector of AVX-512, where this loop takes 10. The ReLUs are bound by one load and one store per
// vector.
template <class T, class Function>
void value_of_each(std::size_t n, Function function, const T* x, T* y) {
    if constexpr (HasTwoWays<Function, T>)
        map_checked(n, function, x, y);
    else
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

// One vector, in registers.
template <class T, class Function>
DENSIMD_INLINE Batch<T> value_of_one(const Function& function, Batch<T> x) {
    if constexpr (HasTwoWays<Function, T>)
        return value_of(function, x);
    else
        return function.value(x);
}

// Some vectors, in registers.
template <class Function, class T, std::size_t N>
DENSIMD_INLINE void activate_all(const Function& function, Batch<T> (&x)[N]) {
    if constexpr (N == 4 && HasTwoWays<Function, T>) {
        if (is_any_unusual(function, x)) [[unlikely]] {
            DENSIMD_UNROLLED (v, N) x[v] = value_of_any(function, x[v]);
        } else {
            DENSIMD_UNROLLED (v, N) x[v] = function.template value<Usual>(x[v]);
        }
    } else {
        DENSIMD_UNROLLED (v, N) x[v] = value_of_one(function, x[v]);
    }
}

template <class T, template <class> class Function>
Batch<T> value_vector(Batch<T> x) {
    return value_of_one(Function<T>{}, x);
}

// Four vectors from registers to memory: stored first and loaded again, they would wait for that.
template <class T, template <class> class Function>
void store_values(Batch<T> a, Batch<T> b, Batch<T> c, Batch<T> d, T* y) {
    Batch<T> x[4] = {a, b, c, d};
    activate_all(Function<T>{}, x);
    DENSIMD_UNROLLED (v, 4) x[v].store_unaligned(y + v * width<T>);
}

template <class T, template <class> class Function>
Batch<T> gradient_vector(Batch<T> a, Batch<T> ds) {
    return Function<T>{}.gradient(a, ds);
}

// Rows of n elements. Of those of ds there are whole vectors, which are loaded: a masked load would wait for
// its store.
template <class T, template <class> class Function>
void gradient_rows(std::size_t rows, std::size_t n, const T* a, std::size_t lda, const T* ds,
                   std::size_t ldds, T* dx, std::size_t lddx) {
    const Function<T> function;
    for_each_vector_of_rows<T>(
        rows, n, [=](std::size_t r, std::size_t i, std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
            constexpr bool partial = decltype(kind)::partial;
            const Batch<T> x = load<partial>(a + r * lda + i, count), gradient = load(ds + r * ldds + i);
            store<partial>(dx + r * lddx + i, count, function.gradient(x, gradient));
        });
}

// The same where ds[r][i] = dz[r] w[i], each a sum of one term: it starts from 0 and is not -0, as others
// are. finish(r, i, count, kind, ds) is dx.
template <class T, class Finish>
DENSIMD_INLINE void outer_product_rows(std::size_t rows, std::size_t n, const T* dz, std::size_t lddz,
                                       const T* w, T* dx, std::size_t lddx, const Finish& finish) {
    const Batch<T> zero(T(0));
    for_each_vector_of_rows<T>(
        rows, n, [=](std::size_t r, std::size_t i, std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
            constexpr bool partial = decltype(kind)::partial;
            const Batch<T> ds = Simd::fma(Batch<T>(dz[r * lddz]), load<partial>(w + i, count), zero) + zero;
            store<partial>(dx + r * lddx + i, count, finish(r, i, count, kind, ds));
        });
}

struct NoDerivative {
    template <class B, class Kind>
    DENSIMD_INLINE B operator()(std::size_t, std::size_t, std::size_t, Kind, B ds) const {
        return ds;
    }
};

template <class T, template <class> class Function>
void gradient_of_outer_product(std::size_t rows, std::size_t n, const T* a, std::size_t lda, const T* dz,
                               std::size_t lddz, const T* w, T* dx, std::size_t lddx) {
    const Function<T> function;
    if constexpr (requires { Function<T>::has_long_gradient; }) {
        // Rows back to back that leave many lanes idle: of all elements at once, vectors are full.
        const std::size_t lanes_used = (n + width<T> - 1) / width<T> * width<T>;
        if (lda == n && lddx == n && a != dx && 4 * (lanes_used - n) >= lanes_used) {
            outer_product_rows(rows, n, dz, lddz, w, dx, lddx, NoDerivative{});
            return gradient_of_each(rows * n, function, a, dx, dx);
        }
    }
    outer_product_rows(
        rows, n, dz, lddz, w, dx, lddx,
        [=](std::size_t r, std::size_t i, std::size_t count, auto kind, Batch<T> ds) DENSIMD_INLINE_LAMBDA {
            return function.gradient(load<decltype(kind)::partial>(a + r * lda + i, count), ds);
        });
}

// What an epilogue calls: out of line, because inlined into every tile they would be most of the library.
template <class T>
struct ActivationFunctions {
    void (*values)(std::size_t n, const T* x, T* y) noexcept;
    Batch<T> (*value)(Batch<T> x);
    void (*store_four)(Batch<T> a, Batch<T> b, Batch<T> c, Batch<T> d, T* y);
    Batch<T> (*gradient)(Batch<T> a, Batch<T> ds);
    void (*gradients)(std::size_t n, const T* a, const T* ds, T* dx) noexcept;
    void (*gradient_of_rows)(std::size_t rows, std::size_t n, const T* a, std::size_t lda, const T* ds,
                             std::size_t ldds, T* dx, std::size_t lddx);
    void (*gradient_of_outer_product)(std::size_t rows, std::size_t n, const T* a, std::size_t lda,
                                      const T* dz, std::size_t lddz, const T* w, T* dx, std::size_t lddx);
};

template <class T, template <class> class Function>
constexpr ActivationFunctions<T> functions_of = {value_kernel<T, Function>,
                                                 value_vector<T, Function>,
                                                 store_values<T, Function>,
                                                 gradient_vector<T, Function>,
                                                 gradient_kernel<T, Function>,
                                                 gradient_rows<T, Function>,
                                                 gradient_of_outer_product<T, Function>};

// By Activation; null pointers for the identity.
template <class T>
constexpr ActivationFunctions<T> all_functions[] = {
    {},
    functions_of<T, SigmoidActivation>,
    functions_of<T, TanhActivation>,
    functions_of<T, SoftplusActivation>,
    functions_of<T, ReluActivation>,
    functions_of<T, LeakyReluActivation>,
    functions_of<T, EluActivation>,
    functions_of<T, GeluActivation>,
    functions_of<T, GeluTanhActivation>,
    functions_of<T, SiluActivation>,
};

template <class T>
const ActivationFunctions<T>& functions(Activation activation) {
    static_assert(sizeof(all_functions<T>) ==
                  (static_cast<std::size_t>(Activation::silu) + 1) * sizeof(ActivationFunctions<T>));
    return all_functions<T>[static_cast<std::size_t>(activation)];
}

}  // namespace
}  // namespace densimd::kernels
