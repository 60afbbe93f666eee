// The kernels of a dense layer against the reference, on every shape, layout and variant.
#include <doctest/doctest.h>

#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "support/functions.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"
#include "support/sizes.hpp"

using namespace densimd::test;

namespace {

template <class T>
constexpr T epsilon = std::numeric_limits<T>::epsilon();

template <class T>
std::vector<T> reference_forward(Shape s, const std::vector<T>& X, const std::vector<T>& W, const T* b,
                                 Activation activation) {
    std::vector<T> A(s.batch * s.out);
    kernels::reference<T>().dense_forward(s.batch, s.in, s.out, X.data(), s.in, W.data(), s.out, b,
                                          activation, A.data(), s.out);
    return A;
}

template <class T>
std::vector<T> reference_backward(Shape s, const std::vector<T>& dZ, const std::vector<T>& W,
                                  const std::vector<T>& X, Activation activation) {
    std::vector<T> dX(s.batch * s.in);
    kernels::reference<T>().dense_backward_input(s.batch, s.in, s.out, dZ.data(), s.out, W.data(), s.out,
                                                 X.data(), s.in, activation, dX.data(), s.in);
    return dX;
}

// The new W, followed by the new b.
template <class T>
std::vector<T> reference_update(Shape s, const std::vector<T>& X, const std::vector<T>& dZ, T scale,
                                std::vector<T> W, std::vector<T> b) {
    kernels::reference<T>().dense_update(s.batch, s.in, s.out, X.data(), s.in, dZ.data(), s.out, scale,
                                         W.data(), s.out, b.data());
    W.insert(W.end(), b.begin(), b.end());
    return W;
}

// The identity and another for each shape, each as often as the others; all for a few shapes.
std::vector<Activation> activations_for(Shape s, Random& random) {
    if (s.batch + s.in + s.out <= 24) return {std::begin(all_activations), std::end(all_activations)};
    return {Activation::identity, all_activations[1 + random.below(std::size(all_activations) - 1)]};
}

// How much an activation magnifies an error of its argument: the largest slope, gelu's 1.129 being the
// largest of all.
template <class T>
T steepest(Activation activation) {
    return activation == Activation::sigmoid              ? T{0.25}
           : kernels::derivative_needs_logits(activation) ? T(1.13)
                                                          : T{1};
}

}  // namespace

TEST_CASE_TEMPLATE("dense_forward", T, float, double) {
    Random random;
    for (const Shape s : matrix_shapes()) {
        const auto X = random.vector<T>(s.batch * s.in, -2, 2), W = random.vector<T>(s.in * s.out),
                   b = random.vector<T>(s.out), b_magnitudes = magnitudes(b);
        for (const bool with_bias : {false, true}) {
            const T* bias = with_bias ? b.data() : nullptr;
            const auto logit_bound =
                sum_bound(s.in + with_bias,
                          reference_forward(s, magnitudes(X), magnitudes(W),
                                            with_bias ? b_magnitudes.data() : nullptr, Activation::identity));
            const auto logits = reference_forward(s, X, W, bias, Activation::identity);
            for (const Activation activation : activations_for(s, random)) {
                INFO("batch ", s.batch, ", in ", s.in, ", out ", s.out, ", bias ", with_bias, ", ",
                     std::string(name_of(activation)));
                const auto expected = reference_forward(s, X, W, bias, activation);
                const auto bound_on = [&](Isa isa) {
                    if (activation == Activation::identity) return logit_bound;
                    auto bound = bounds_of(function_of<T>(activation), has_fma(isa), logits, expected);
                    for (std::size_t i = 0; i < bound.size(); ++i)
                        bound[i] += steepest<T>(activation) * logit_bound[i];
                    return bound;
                };
                on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout, Isa isa) {
                    Guarded<T> X_in(s.batch, s.in, X, layout), W_in(s.in, s.out, W, layout),
                        A(s.batch, s.out, layout);
                    GuardedVector<T> b_in(b, layout);
                    kernels.dense_forward(s.batch, s.in, s.out, X_in.data(), X_in.ld(), W_in.data(),
                                          W_in.ld(), with_bias ? b_in.data() : nullptr, activation, A.data(),
                                          A.ld());
                    CHECK(difference(A.values(), expected, bound_on(isa)) == "");
                    CHECK(A.padding_intact());
                    CHECK((X_in.unchanged() && W_in.unchanged() && b_in.unchanged()));
                    return A.values();
                });
            }
        }
    }
}

TEST_CASE_TEMPLATE("dense_backward_input", T, float, double) {
    Random random;
    for (const Shape s : matrix_shapes()) {
        const auto dZ = random.vector<T>(s.batch * s.out), W = random.vector<T>(s.in * s.out);
        // What is multiplied with the derivative, and its error.
        const std::vector<T> none;
        const auto sums = reference_backward(s, dZ, W, none, Activation::identity);
        const auto sum_errors = sum_bound(
            s.out, reference_backward(s, magnitudes(dZ), magnitudes(W), none, Activation::identity));
        for (const Activation activation : activations_for(s, random)) {
            INFO("batch ", s.batch, ", in ", s.in, ", out ", s.out, ", ", std::string(name_of(activation)));
            auto X = random.vector<T>(s.batch * s.in);
            auto bound = sum_errors;
            if (activation != Activation::identity) {
                const Derivative<T> derivative = derivative_of<T>(activation);
                X = random.vector<T>(s.batch * s.in, derivative.low, derivative.high);
                for (std::size_t i = 0; i < X.size(); i += 5) X[i] = 1 - epsilon<T>;  // X - X * X needs care
                const auto slopes =
                    values_of(derivative, kernels::reference<T>(), X, std::vector<T>(X.size(), T{1}));
                auto largest = magnitudes(sums);
                for (std::size_t i = 0; i < largest.size(); ++i) largest[i] += sum_errors[i];
                bound = bounds_of(derivative, largest, reference_backward(s, dZ, W, X, activation));
                for (std::size_t i = 0; i < bound.size(); ++i)
                    bound[i] += std::abs(slopes[i]) * sum_errors[i];
            }
            const auto expected = reference_backward(s, dZ, W, X, activation);
            on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
                Guarded<T> dZ_in(s.batch, s.out, dZ, layout), W_in(s.in, s.out, W, layout),
                    X_in(s.batch, s.in, X, layout), X_over(s.batch, s.in, X, layout),
                    dX(s.batch, s.in, layout);
                const auto run = [&](const T* activations_before, std::size_t ldx, Guarded<T>& result) {
                    kernels.dense_backward_input(s.batch, s.in, s.out, dZ_in.data(), dZ_in.ld(), W_in.data(),
                                                 W_in.ld(), activations_before, ldx, activation,
                                                 result.data(), result.ld());
                };
                if (activation == Activation::identity)
                    run(nullptr, 0, dX);
                else
                    run(X_in.data(), X_in.ld(), dX);
                run(X_over.data(), X_over.ld(), X_over);
                CHECK(difference(dX.values(), expected, bound) == "");
                CHECK(bit_difference(X_over.values(), dX.values()) == "");
                CHECK((dX.padding_intact() && X_over.padding_intact()));
                CHECK((dZ_in.unchanged() && W_in.unchanged() && X_in.unchanged()));
                return dX.values();
            });
        }
    }
}

TEST_CASE_TEMPLATE("dense_update", T, float, double) {
    Random random;
    for (const Shape s : matrix_shapes()) {
        const auto X = random.vector<T>(s.batch * s.in), dZ = random.vector<T>(s.batch * s.out),
                   W = random.vector<T>(s.in * s.out), b = random.vector<T>(s.out);
        const T scale = random.uniform(T{-2}, T{0}) / static_cast<T>(std::max<std::size_t>(s.batch, 1));
        const auto expected = reference_update(s, X, dZ, scale, W, b);
        const auto bound = sum_bound(s.batch + 1, reference_update(s, magnitudes(X), magnitudes(dZ), -scale,
                                                                   magnitudes(W), magnitudes(b)));
        for (const bool with_bias : {false, true}) {
            INFO("batch ", s.batch, ", in ", s.in, ", out ", s.out, ", bias ", with_bias);
            on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
                Guarded<T> X_in(s.batch, s.in, X, layout), dZ_in(s.batch, s.out, dZ, layout),
                    W_out(s.in, s.out, W, layout);
                GuardedVector<T> b_out(b, layout);
                kernels.dense_update(s.batch, s.in, s.out, X_in.data(), X_in.ld(), dZ_in.data(), dZ_in.ld(),
                                     scale, W_out.data(), W_out.ld(), with_bias ? b_out.data() : nullptr);
                std::vector<T> result = W_out.values(), new_b = b_out.values();
                if (!with_bias) {
                    CHECK(b_out.unchanged());
                    new_b.assign(expected.end() - static_cast<std::ptrdiff_t>(s.out), expected.end());
                }
                result.insert(result.end(), new_b.begin(), new_b.end());
                CHECK(difference(result, expected, bound) == "");
                CHECK(W_out.padding_intact());
                CHECK((X_in.unchanged() && dZ_in.unchanged()));
                return result;
            });
        }
    }
}
