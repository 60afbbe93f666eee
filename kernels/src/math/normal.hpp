// The standard normal distribution.
#pragma once

#include "math/exp.hpp"

namespace densimd::kernels {
namespace {

// For x >= 0, Phi(-x) exp(x^2 / 2) = erfcx(z) / 2 with z = x / sqrt(2), and (1 + 2 z) erfcx(z) is smooth in
// u = (z - centre) / (z + centre) (Shepherd and Laframboise, Math. Comp. 36, 1981). Minimax polynomials
// (Remez) up to where Phi rounds to 0; exp(-x^2 / 2) is in exp's fast range up to `fast_limit`.
template <class T>
struct Normal;

template <>
struct Normal<float> {
    static constexpr float centre = 2.8284271247461900976f;  // 2 sqrt(2): u in terms of x
    static constexpr float F[] = {1.2769783947172298574f,     -0.092763992041142721982f,
                                  -0.16603153235432420301f,   0.16405555751141635123f,
                                  -0.054202937168555215666f,  -0.0080605141652498223342f,
                                  0.0086262483993741202847f,  0.0013122785063284414481f,
                                  -0.0012232014305515922011f, -0.00039633932839489239479f};
    static constexpr float fast_limit = 13, all_zero = 14.5f;
};

template <>
struct Normal<double> {
    static constexpr double centre = 5.6568542494923801952;  // 4 sqrt(2)
    static constexpr double F[] = {
        1.2329951186255525477,     -0.13962111684056320751,     0.015379652102607248381,
        0.06809705425476671859,    -0.10103906603561428154,     0.093732834996101397575,
        -0.066330365827264719615,  0.037167515567465844016,     -0.016197733888062902521,
        0.0050319697718734061518,  -0.00075777440963709983598,  -0.00019925593749954345131,
        0.00015062627934845518667, -0.000024400499475624894522, -0.00001123403988098688274,
        5.7094706346928862784e-6,  3.1349356953120264977e-7,    -8.2041261536017771733e-7,
        5.5407074227537398135e-8,  1.0166210648073587517e-7,    -8.0900713798045452164e-9,
        -8.4151742114781532757e-9};
    static constexpr double fast_limit = 37, all_zero = 38.6;
};

// exp(-x^2 / 2), and `tail` with Phi(-|x|) = tail bell.
template <class T>
struct NormalAt {
    Batch<T> bell, tail;
};

// For 0 <= a <= all_zero. The square is split into its rounded value and the rest, which would be a large
// error of its exp.
template <class Range, class T>
DENSIMD_INLINE NormalAt<T> normal(Batch<T> a) {
    const Batch<T> one(T(1)), half(T(0.5)), root2(T(1.4142135623730950488)), centre(Normal<T>::centre);
    const Batch<T> square = a * a, rest = Simd::fma(a, a, -square);
    const Batch<T> e = Range::exp(square * -half), bell = Simd::fma(e, rest * -half, e);
    const Batch<T> u = Simd::divide(a - centre, a + centre);
    return {bell, Simd::divide(half * polynomial(u, Normal<T>::F), Simd::fma(root2, a, one))};
}

}  // namespace
}  // namespace densimd::kernels
