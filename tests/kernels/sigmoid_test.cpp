// The accuracy of sigmoid over the whole range of its argument.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include "support/isas.hpp"
#include "support/random.hpp"

using namespace densimd::test;

namespace {

template <class T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;
template <class T>
using Bits = std::conditional_t<std::is_same_v<T, float>, std::uint32_t, std::uint64_t>;

template <class T>
Wide<T> exact_sigmoid(T x) {
    return 1 / (1 + std::exp(-static_cast<Wide<T>>(x)));
}

// Empty if within the contract's bound; else what was found.
template <class T>
std::string sigmoid_error(T x, T actual) {
    constexpr double allowed = std::is_same_v<T, float> ? 3 : 4;
    const Wide<T> exact = exact_sigmoid(x);
    constexpr Wide<T> smallest_normal = std::numeric_limits<T>::min();
    if (exact >= smallest_normal ? ulp_error(actual, exact) <= allowed
                                 : std::abs(static_cast<Wide<T>>(actual) - exact) <= smallest_normal)
        return {};
    std::ostringstream text;
    text.precision(std::numeric_limits<T>::max_digits10);
    text << "sigmoid(" << x << ") = " << actual << " is " << ulp_error(actual, exact) << " ULP off";
    return text.str();
}

template <class T>
void check_sigmoid(const std::vector<T>& x) {
    on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
        GuardedVector<T> input(x, layout), output(x.size(), layout);
        kernels.sigmoid(x.size(), input.data(), output.data());
        const std::vector<T> y = output.values();
        std::string error;
        for (std::size_t i = 0; i < x.size() && error.empty(); ++i) error = sigmoid_error(x[i], y[i]);
        CHECK(error == "");
        return y;
    });
}

}  // namespace

TEST_CASE_TEMPLATE("sigmoid is accurate for every exponent and sign", T, float, double) {
    constexpr int mantissa_bits = std::numeric_limits<T>::digits - 1;
    constexpr Bits<T> exponents =
        (Bits<T>{1} << (8 * sizeof(T) - 1 - mantissa_bits)) - 1;  // without infinity
    Random random;
    std::vector<T> x;
    for (Bits<T> exponent = 0; exponent < exponents; ++exponent)
        for (int repeat = 0; repeat < 8; ++repeat) {
            const Bits<T> mantissa =
                static_cast<Bits<T>>(random.bits()) & ((Bits<T>{1} << mantissa_bits) - 1);
            const T value = std::bit_cast<T>(static_cast<Bits<T>>((exponent << mantissa_bits) | mantissa));
            x.push_back(value);
            x.push_back(-value);
        }
    check_sigmoid(x);
}

TEST_CASE_TEMPLATE("sigmoid is accurate where it is not constant", T, float, double) {
    const T reach = std::is_same_v<T, float> ? T{110} : T{750};
    Random random;
    check_sigmoid(random.vector<T>(50000, -reach, reach));
    check_sigmoid(random.vector<T>(20000, -8, 8));
}

TEST_CASE_TEMPLATE("sigmoid of the edges", T, float, double) {
    using Limits = std::numeric_limits<T>;
    check_sigmoid<T>({T{0}, -T{0}, Limits::denorm_min(), -Limits::denorm_min(), Limits::min(), -Limits::min(),
                      Limits::max(), Limits::lowest(), Limits::epsilon(), T{-87}, T{-88}, T{-104}, T{-708},
                      T{-745}, T{17}, T{37}});
    for (const Isa isa : kernels::available_isas()) {
        INFO("isa ", std::string(kernels::name(isa)));
        // At every position of a vector and of the tail.
        for (std::size_t i = 0; i < 19; ++i) {
            std::vector<T> x(19, T{1}), y(19);
            const auto sigmoid_at = [&](T value) {
                x[i] = value;
                kernels::table<T>(isa).sigmoid(x.size(), x.data(), y.data());
                return y[i];
            };
            CHECK(sigmoid_at(Limits::infinity()) == 1);
            CHECK(sigmoid_at(-Limits::infinity()) == 0);
            CHECK(std::isnan(sigmoid_at(Limits::quiet_NaN())));
            CHECK(std::isnan(sigmoid_at(-Limits::quiet_NaN())));
        }
    }
}

TEST_CASE_TEMPLATE("sigmoid never falls", T, float, double) {
    std::vector<T> x;
    for (int i = -110 * 256; i <= 40 * 256; ++i) x.push_back(static_cast<T>(i) / 256);
    on_every_isa<T>([&](const Kernels<T>& kernels, Layout) {
        std::vector<T> y(x.size());
        kernels.sigmoid(x.size(), x.data(), y.data());
        std::size_t i = 1;
        while (i < y.size() && y[i] >= y[i - 1]) ++i;
        if (i < y.size()) FAIL_CHECK("falls from ", y[i - 1], " to ", y[i], " at ", x[i]);
        return y;
    });
}
