// The steps of optimisers against the reference and by hand, and the sum of squares.
#include <doctest/doctest.h>

#include <cmath>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "support/isas.hpp"
#include "support/optimizers.hpp"
#include "support/random.hpp"
#include "support/sizes.hpp"

using namespace densimd::test;

namespace {

template <class T>
constexpr T epsilon = std::numeric_limits<T>::epsilon();

std::vector<std::size_t> lengths() {
    std::vector<std::size_t> lengths;
#ifdef DENSIMD_TESTS_ARE_SLOW
    lengths.assign(std::begin(vector_sizes), std::end(vector_sizes));
#else
    for (std::size_t n = 0; n <= 130; ++n) lengths.push_back(n);
#endif
    lengths.push_back(1024);
    return lengths;
}

template <class T>
struct State {
    std::vector<T> m, v, w;
};

template <class T>
State<T> after_step(const Optimizer<T>& optimizer, const Kernels<T>& kernels, const StepOptions<T>& options,
                    const AdamOptions<T>& adam, const std::vector<T>& g, State<T> state) {
    optimizer.call(kernels, g.size(), options, adam, g.data(), state.m.data(), state.v.data(),
                   state.w.data());
    return state;
}

// The errors of the state after a step: half an epsilon of the sum of its terms' magnitudes for each
// rounding, the reference's included. Without FMA the direction has three, a moving average of it three more.
template <class T>
State<T> bound_of(const Optimizer<T>& optimizer, StepOptions<T> options, const AdamOptions<T>& adam,
                  const std::vector<T>& g, const State<T>& before, const State<T>& after) {
    const T rate = options.learning_rate;
    options.learning_rate = -rate;  // adds what it subtracts
    const State<T> sums = after_step(optimizer, kernels::reference<T>(), options, adam, magnitudes(g),
                                     {magnitudes(before.m), magnitudes(before.v), magnitudes(before.w)});
    State<T> bound = sums;
    for (std::size_t i = 0; i < g.size(); ++i) {
        if (!optimizer.is_adam) {
            bound.m[i] = 0;
            bound.v[i] *= T{3.5} * epsilon<T>;
            bound.w[i] *=
                T{5.5} * epsilon<T>;  // Nesterov's: the direction, and two times a product and a sum
            continue;
        }
        // 1 - beta is rounded as well, and the direction is squared.
        bound.m[i] *= 4 * epsilon<T>;
        bound.v[i] *= 7 * epsilon<T>;
        // The quotient has the errors of m, half of v's, relative to what is left of it, and 8 roundings for
        // the corrections, the root, the sum, the quotient and its product.
        const T root = std::sqrt(after.v[i] / (1 - adam.beta2_power)) + adam.epsilon;
        const T step = rate / (1 - adam.beta1_power) * sums.m[i] / root;
        const T of_root = after.v[i] > 0 ? T{3.5} * sums.v[i] / after.v[i] : 0;
        bound.w[i] = epsilon<T> * (2 * std::abs(before.w[i]) + (9 + of_root) * step);
    }
    return bound;
}

template <class T>
void check_steps(const Optimizer<T>& optimizer, const StepOptions<T>& options, std::size_t n) {
    INFO(optimizer.name, ", n ", n, ", weight_decay ", options.weight_decay, ", gradient_scale ",
         options.gradient_scale);
    constexpr int steps = 4;
    Random random;
    const auto w = random.vector<T>(n);
    std::vector<std::vector<T>> gradients;
    for (int step = 0; step < steps; ++step) gradients.push_back(random.vector<T>(n));
    on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
        GuardedVector<T> m(std::vector<T>(n), layout), v(std::vector<T>(n), layout), w_out(w, layout);
        for (int step = 1; step <= steps; ++step) {
            INFO("step ", step);
            const std::vector<T>& g = gradients[static_cast<std::size_t>(step - 1)];
            const AdamOptions<T> adam = usual_adam<T>(step);
            GuardedVector<T> g_in(g, layout);
            const State<T> before{m.values(), v.values(), w_out.values()};
            const State<T> expected =
                after_step(optimizer, kernels::reference<T>(), options, adam, g, before);
            const State<T> bound = bound_of(optimizer, options, adam, g, before, expected);
            optimizer.call(kernels, n, options, adam, g_in.data(), m.data(), v.data(), w_out.data());
            CHECK(difference(m.values(), expected.m, bound.m) == "");
            CHECK(difference(v.values(), expected.v, bound.v) == "");
            CHECK(difference(w_out.values(), expected.w, bound.w) == "");
            CHECK(g_in.unchanged());
        }
        return w_out.values();
    });
}

}  // namespace

TEST_CASE_TEMPLATE("steps of optimisers", T, float, double) {
    for (const Optimizer<T>& optimizer : optimizers<T>())
        for (const std::size_t n : lengths())
            for (const T weight_decay : {T{0}, T(0.01)})
                for (const T gradient_scale : {T{1}, T(0.3)})
                    check_steps<T>(optimizer, {T(0.1), weight_decay, gradient_scale}, n);
}

TEST_CASE_TEMPLATE("steps of optimisers by hand", T, float, double) {
    // Every number is exact. The direction is 0.25 * 2 + 0.5 * 1 = 1.
    const StepOptions<T> options{T{0.5}, T{0.5}, T{0.25}};
    on_every_table<T>([&](const Kernels<T>& kernels) {
        const T g = 2;
        T w = 1, v = 4;
        kernels.sgd_step(1, options, &g, &w);
        CHECK(w == 0.5);
        w = 1;
        kernels.momentum_step(1, options, T{0.5}, &g, &v, &w);
        CHECK((v == 3 && w == -0.5));
        w = 1;
        v = 4;
        kernels.nesterov_step(1, options, T{0.5}, &g, &v, &w);
        CHECK((v == 3 && w == -0.25));
        // The averages' corrections undo their first steps: m / 0.5 = 1 and v / 0.75 = 1.
        const AdamOptions<T> adam{T{0.5}, T{0.25}, T{0}, T{0.5}, T{0.25}};
        T m = 0;
        v = 0;
        w = 1;
        kernels.adam_step(1, options, adam, &g, &m, &v, &w);
        CHECK((m == 0.5 && v == 0.75));
        CHECK(w == doctest::Approx(0.5).epsilon(4 * static_cast<double>(epsilon<T>)));
        // Without the decay the direction is 0.5, and the weight shrinks by a quarter.
        m = v = 0;
        w = 1;
        kernels.adamw_step(1, options, adam, &g, &m, &v, &w);
        CHECK((m == 0.25 && v == 0.1875));
        CHECK(w == doctest::Approx(0.25).epsilon(4 * static_cast<double>(epsilon<T>)));
    });
}

TEST_CASE_TEMPLATE("steps of optimisers without a gradient", T, float, double) {
    // Nothing moves, and Adam does not divide by zero.
    on_every_table<T>([](const Kernels<T>& kernels) {
        for (const Optimizer<T>& optimizer : optimizers<T>()) {
            INFO(optimizer.name);
            const std::vector<T> g(37, T{0}), w(37, T{3});
            const State<T> state =
                after_step<T>(optimizer, kernels, {T{0.5}}, usual_adam<T>(1), g, {g, g, w});
            CHECK((state.m == g && state.v == g && state.w == w));
        }
    });
}

TEST_CASE_TEMPLATE("a NaN in a gradient reaches its weight alone", T, float, double) {
    on_every_table<T>([](const Kernels<T>& kernels) {
        for (const Optimizer<T>& optimizer : optimizers<T>())
            for (std::size_t at = 0; at < 37; ++at) {
                INFO(optimizer.name, ", NaN at ", at);
                std::vector<T> g(37, T{0.5});
                g[at] = std::numeric_limits<T>::quiet_NaN();
                const std::vector<T> zeros(37, T{0}), ones(37, T{1});
                const State<T> state =
                    after_step<T>(optimizer, kernels, {T{0.5}}, usual_adam<T>(1), g, {zeros, zeros, ones});
                for (std::size_t i = 0; i < 37; ++i) CHECK(std::isnan(state.w[i]) == (i == at));
            }
    });
}

TEST_CASE_TEMPLATE("sum_of_squares", T, float, double) {
    Random random;
    for (const std::size_t n : lengths()) {
        INFO("n ", n);
        const auto x = random.vector<T>(n);
        const std::vector<T> expected{kernels::reference<T>().sum_of_squares(n, x.data())};
        const std::vector<T> bound = sum_bound(n, expected);
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            GuardedVector<T> x_in(x, layout);
            const std::vector<T> sum{kernels.sum_of_squares(n, x_in.data())};
            CHECK(difference(sum, expected, bound) == "");
            CHECK(x_in.unchanged());
            return sum;
        });
    }
}

TEST_CASE_TEMPLATE("sum_of_squares sees each element, and overflows to infinity", T, float, double) {
    constexpr T infinity = std::numeric_limits<T>::infinity(), largest = std::numeric_limits<T>::max();
    on_every_table<T>([&](const Kernels<T>& kernels) {
        for (const std::size_t n : vector_sizes)
            for (std::size_t at = 0; at < n; ++at) {
                INFO("n ", n, ", at ", at);
                std::vector<T> x(n, T{0});
                const auto sum_with = [&](T value) {
                    x[at] = value;
                    return kernels.sum_of_squares(n, x.data());
                };
                CHECK(sum_with(3) == 9);
                CHECK(sum_with(largest) == infinity);
                CHECK(sum_with(-infinity) == infinity);
                CHECK(std::isnan(sum_with(std::numeric_limits<T>::quiet_NaN())));
            }
        // Finite squares whose sum is not.
        CHECK(kernels.sum_of_squares(5, std::vector<T>(5, std::sqrt(largest) / T{1.5}).data()) == infinity);
    });
}
