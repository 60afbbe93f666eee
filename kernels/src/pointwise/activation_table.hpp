// The activations as functions of many elements, for the table of kernels and for the epilogues of products.
#pragma once

#include <cstddef>

#include "pointwise/activation.hpp"

namespace densimd::kernels {
namespace {

// y[i] = activation(x[i]). Bound: arithmetic, and one division for most; memory does not matter within L2. A
// sigmoid is seven multiply-adds and a division, which on Zen 4 takes the multiply-adders for two more: 9
// cycles per vector of AVX-512, where this loop takes 10. The ReLUs are bound by one load and one store per
// vector.
template <class T, class Function>
void value_of_each(std::size_t n, Function function, const T* x, T* y) {
    if constexpr (HasFastRange<Function, T>)
        map_with_fast_range(n, function, x, y);
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

// Four vectors from registers to memory: stored first and loaded again, they would wait for that.
template <class T, template <class> class Function>
void store_values(Batch<T> a, Batch<T> b, Batch<T> c, Batch<T> d, T* y) {
    Batch<T> x[4] = {a, b, c, d};
    activate_all(Function<T>{}, x);
    DENSIMD_UNROLLED (v, 4) x[v].store_unaligned(y + v * vector_size<T>);
}

template <class T>
void leaky_relu_kernel(std::size_t n, T slope, const T* x, T* y) noexcept {
    value_of_each(n, LeakyReluActivation<T>{Batch<T>(slope)}, x, y);
}

template <class T>
void leaky_relu_grad_kernel(std::size_t n, T slope, const T* y, const T* ds, T* dx) noexcept {
    gradient_of_each(n, LeakyReluActivation<T>{Batch<T>(slope)}, y, ds, dx);
}

template <class T>
void elu_kernel(std::size_t n, T alpha, const T* x, T* y) noexcept {
    value_of_each(n, EluActivation<T>{Batch<T>(alpha)}, x, y);
}

template <class T>
void elu_grad_kernel(std::size_t n, T alpha, const T* y, const T* ds, T* dx) noexcept {
    gradient_of_each(n, EluActivation<T>{Batch<T>(alpha)}, y, ds, dx);
}

// Rows of n elements. Of those of ds, which are sums that may be -0, there are whole vectors, which are loaded: a masked load
// would wait for its store.
template <class T, template <class> class Function>
void gradient_rows(std::size_t rows, std::size_t n, const T* a, std::size_t lda, const T* ds,
                   std::size_t ldds, T* dx, std::size_t lddx) {
    const Function<T> function;
    for_each_vector_of_rows<T>(
        rows, n, [=](std::size_t r, std::size_t i, std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
            constexpr bool partial = decltype(kind)::partial;
            const Batch<T> x = load<partial>(a + r * lda + i, count), gradient = load(ds + r * ldds + i);
            store<partial>(dx + r * lddx + i, count, function.gradient(x, without_negative_zero(gradient)));
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

// All elements at once unless `row_by_row`, if the derivative is long and its input is not overwritten first.
template <class T, template <class> class Function>
void gradient_of_outer_product(std::size_t rows, std::size_t n, const T* a, std::size_t lda, const T* dz,
                               std::size_t lddz, const T* w, T* dx, std::size_t lddx, bool row_by_row) {
    const Function<T> function;
    if constexpr (requires { Function<T>::has_long_gradient; })
        if (!row_by_row && a != dx) {
            outer_product_rows(rows, n, dz, lddz, w, dx, lddx, NoDerivative{});
            return gradient_of_each(rows * n, function, a, dx, dx);
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
                                      const T* dz, std::size_t lddz, const T* w, T* dx, std::size_t lddx,
                                      bool row_by_row);
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
