// Element-wise kernels: every length up to some blocks, in place and not.
#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "support/isas.hpp"
#include "support/random.hpp"
#include "support/sizes.hpp"

using namespace densimd::test;

namespace {

constexpr std::size_t longest = 150;

template <class T>
std::vector<T> relative_bound(T ulps, const std::vector<T>& expected) {
    std::vector<T> bound = magnitudes(expected);
    for (T& value : bound)
        value = value * ulps * std::numeric_limits<T>::epsilon() + std::numeric_limits<T>::min();
    return bound;
}

}  // namespace

TEST_CASE_TEMPLATE("sigmoid, every length", T, float, double) {
    Random random;
    for (std::size_t n = 0; n <= longest; ++n) {
        INFO("n ", n);
        const std::vector<T> x = random.vector<T>(n, -12, 12);
        std::vector<T> expected(n);
        kernels::reference<T>().sigmoid(n, x.data(), expected.data());
        const std::vector<T> bound = relative_bound(T{4}, expected);
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            GuardedVector<T> input(x, layout), output(n, layout), in_place(x, layout);
            kernels.sigmoid(n, input.data(), output.data());
            kernels.sigmoid(n, in_place.data(), in_place.data());
            CHECK(input.unchanged());
            CHECK(difference(output.values(), expected, bound) == "");
            CHECK(bit_difference(in_place.values(), output.values()) == "");
            return output.values();
        });
    }
}

TEST_CASE_TEMPLATE("sigmoid_grad, every length", T, float, double) {
    Random random;
    for (std::size_t n = 0; n <= longest; ++n) {
        INFO("n ", n);
        std::vector<T> s = random.vector<T>(n, 0, 1);
        const std::vector<T> ds = random.vector<T>(n);
        // Where s - s * s without a fused multiply-add would lose every digit.
        for (std::size_t i = 0; i < n; i += 3)
            s[i] = 1 - std::numeric_limits<T>::epsilon() * static_cast<T>(i);
        std::vector<T> expected(n);
        kernels::reference<T>().sigmoid_grad(n, s.data(), ds.data(), expected.data());
        // Three roundings here and one in the reference, half a ULP each.
        const std::vector<T> bound = relative_bound(T{2}, expected);
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            GuardedVector<T> s_in(s, layout), ds_in(ds, layout), dx(n, layout), s_over(s, layout),
                ds_over(ds, layout);
            kernels.sigmoid_grad(n, s_in.data(), ds_in.data(), dx.data());
            CHECK(difference(dx.values(), expected, bound) == "");
            kernels.sigmoid_grad(n, s_over.data(), ds_in.data(), s_over.data());
            CHECK(bit_difference(s_over.values(), dx.values()) == "");
            kernels.sigmoid_grad(n, s_in.data(), ds_over.data(), ds_over.data());
            CHECK(bit_difference(ds_over.values(), dx.values()) == "");
            CHECK(s_in.unchanged());
            CHECK(ds_in.unchanged());
            return dx.values();
        });
    }
}

TEST_CASE_TEMPLATE("all_finite sees each element", T, float, double) {
    using Limits = std::numeric_limits<T>;
    for (const std::size_t n : vector_sizes) {
        INFO("n ", n);
        // Finite, although their sums and squares are not.
        std::vector<T> x(n, Limits::max());
        for (std::size_t i = 0; i < n; i += 2) x[i] = i % 4 == 0 ? Limits::lowest() : Limits::denorm_min();
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            GuardedVector<T> values(x, layout);
            CHECK(kernels.all_finite(n, values.data()));
            for (std::size_t i = 0; i < n; ++i)
                for (const T bad : {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN()}) {
                    values.data()[i] = bad;
                    if (kernels.all_finite(n, values.data())) FAIL_CHECK("missed ", bad, " at ", i);
                    values.data()[i] = x[i];
                }
            return values.values();
        });
    }
}
