// The element-wise functions and derivatives of 0, infinities, NaN, the smallest and the largest numbers, at
// every position of a vector, an unrolled block and a tail.
#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "support/functions.hpp"

using namespace densimd::test;

namespace {

// For each ISA: four vectors of the widest, one more, and a tail.
template <class T>
constexpr std::size_t length = 5 * 64 / sizeof(T) + 3;

template <class T>
std::vector<T> edges() {
    using Limits = std::numeric_limits<T>;
    std::vector<T> edges;
    for (const T value : {T{0},
                          Limits::denorm_min(),
                          Limits::min() / 2,
                          Limits::min(),
                          Limits::epsilon() / 2,
                          Limits::epsilon(),
                          T{0.5},
                          T{1},
                          T{17},
                          T{20},
                          T{40},
                          T{87},
                          T{89},
                          T{104},
                          T{709},
                          T{710},
                          T{746},
                          T{1e30f},
                          Limits::max(),
                          Limits::infinity(),
                          Limits::quiet_NaN()}) {
        edges.push_back(value);
        edges.push_back(-value);
    }
    return edges;
}

// Of a gradient: the result stays finite.
template <class T>
std::vector<T> gradient_edges() {
    using Limits = std::numeric_limits<T>;
    return {0, -T{0}, 1, T{-0.75}, Limits::denorm_min(), Limits::min(), Limits::max() / 2};
}

// with_edge(position) computes an array that has the edge there; it must be `usual` elsewhere.
template <class T, class WithEdge>
void check_every_position(T expected, T bound, const std::vector<T>& usual, WithEdge with_edge) {
    for (std::size_t at = 0; at < usual.size(); ++at) {
        std::vector<T> y = with_edge(at);
        if (!is_within(y[at], expected, bound)) {
            FAIL_CHECK("is ", y[at], " at ", at, ", but should be ", expected, " +- ", bound);
            return;  // else each position says so
        }
        y[at] = usual[at];
        CHECK(bit_difference(y, usual) == "");
    }
}

}  // namespace

TEST_CASE_TEMPLATE("functions of the edges", T, float, double) {
    for (const Function<T>& f : functions<T>())
        for (const Isa isa : kernels::available_isas()) {
            const Kernels<T>& kernels = kernels::table<T>(isa);
            std::vector<T> x(length<T>, T{0.75});
            const std::vector<T> usual = values_of(f, kernels, x);
            for (const T edge : edges<T>()) {
                INFO(f.name, " of ", edge, ", isa ", std::string(kernels::name(isa)));
                const std::vector<T> argument{edge},
                    expected = values_of(f, kernels::reference<T>(), argument);
                const T bound = bounds_of(f, has_fma(isa), argument, expected)[0];
                check_every_position(expected[0], bound, usual, [&](std::size_t at) {
                    x[at] = edge;
                    const std::vector<T> y = values_of(f, kernels, x);
                    x[at] = T{0.75};
                    return y;
                });
            }
        }
}

TEST_CASE_TEMPLATE("derivatives of the edges", T, float, double) {
    for (const Derivative<T>& f : derivatives<T>())
        for (const Isa isa : kernels::available_isas()) {
            const Kernels<T>& kernels = kernels::table<T>(isa);
            std::vector<T> a(length<T>, T{0.75}), ds(length<T>, T{1});
            const std::vector<T> usual = values_of(f, kernels, a, ds);
            const bool of_logits = f.epsilons_of_ds > 0;
            for (const T edge : edges<T>())
                for (const T gradient : gradient_edges<T>()) {
                    if (!of_logits && (edge < f.low || edge > f.high)) continue;  // no output of the function
                    INFO(f.name, " of ", edge, " with ", gradient, ", isa ", std::string(kernels::name(isa)));
                    const std::vector<T> argument{edge}, factor{gradient};
                    const std::vector<T> expected = values_of(f, kernels::reference<T>(), argument, factor);
                    const T bound = bounds_of(f, factor, expected)[0];
                    check_every_position(expected[0], bound, usual, [&](std::size_t at) {
                        a[at] = edge;
                        ds[at] = gradient;
                        const std::vector<T> dx = values_of(f, kernels, a, ds);
                        a[at] = T{0.75};
                        ds[at] = T{1};
                        return dx;
                    });
                }
            INFO(f.name, " with NaN, isa ", std::string(kernels::name(isa)));
            const T nan = std::numeric_limits<T>::quiet_NaN();
            check_every_position(nan, T{0}, usual, [&](std::size_t at) {
                ds[at] = nan;
                const std::vector<T> dx = values_of(f, kernels, a, ds);
                ds[at] = T{1};
                return dx;
            });
        }
}

// The reference is held to what these functions are, not only to what it computes.
TEST_CASE_TEMPLATE("limits of the functions", T, float, double) {
    using Limits = std::numeric_limits<T>;
    constexpr T infinity = Limits::infinity(), nan = Limits::quiet_NaN();
    struct Limit {
        const char* name;
        T below, at_zero, above;
    };
    const Limit limits[] = {{"sigmoid", 0, T{0.5}, 1},   {"tanh", -1, 0, 1},
                            {"exp", 0, 1, infinity},     {"log", nan, -infinity, infinity},
                            {"log1p", nan, 0, infinity}, {"softplus", 0, std::log(T{2}), infinity},
                            {"relu", 0, 0, infinity},    {"leaky_relu", -infinity, 0, infinity},
                            {"elu", -1, 0, infinity},    {"elu, alpha 1.5", T{-1.5}, 0, infinity},
                            {"gelu", 0, 0, infinity},    {"gelu_tanh", 0, 0, infinity},
                            {"silu", 0, 0, infinity}};
    std::size_t i = 0;
    for (const Function<T>& f : functions<T>()) {
        REQUIRE(f.name == limits[i].name);
        INFO(f.name);
        const std::vector<T> y = values_of(f, kernels::reference<T>(), {-infinity, 0, infinity, nan});
        CHECK(is_within(y[0], limits[i].below, T{0}));
        CHECK(is_within(y[1], limits[i].at_zero, Limits::epsilon()));
        CHECK(is_within(y[2], limits[i].above, T{0}));
        CHECK(std::isnan(y[3]));
        ++i;
    }
}
