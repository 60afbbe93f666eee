// The accuracy of the element-wise functions over all their arguments, and their shapes. densimd_accuracy
// measures far more of them.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "support/functions.hpp"
#include "support/random.hpp"

using namespace densimd::test;

namespace {

template <class T>
void check_accuracy(const Function<T>& f, const std::vector<T>& x) {
    const std::vector<T> expected = values_of(f, kernels::reference<T>(), x);
    std::vector<T> first_fused;
    for (const Isa isa : kernels::available_isas()) {
        INFO(f.name, ", isa ", std::string(kernels::name(isa)));
        const std::vector<T> y = values_of(f, kernels::table<T>(isa), x);
        CHECK(difference(y, expected, bounds_of(f, has_fma(isa), x, expected)) == "");
        if (!has_fma(isa)) continue;
        if (first_fused.empty()) first_fused = y;
        // Any two NaNs are equal, and the difference of zeros is in their sign.
        std::vector<T> other = first_fused;
        for (std::size_t i = 0; i < x.size(); ++i)
            if (std::isnan(other[i]) && std::isnan(y[i])) other[i] = y[i];
        CHECK(bit_difference(y, other) == "");
    }
}

// Runs of consecutive numbers, ascending, from random starts and beside all of `around`.
template <class T>
std::vector<T> ascending_runs(Random& random, T low, T high, const std::vector<T>& around) {
    constexpr T infinity = std::numeric_limits<T>::infinity();
    std::vector<T> starts = random.vector<T>(4000, low, high), x;
    starts.insert(starts.end(), around.begin(), around.end());
    for (const T start : starts) {
        T value = start;
        for (int i = 0; i < 8; ++i) value = std::nextafter(value, -infinity);
        for (int i = 0; i < 17; ++i, value = std::nextafter(value, infinity)) x.push_back(value);
    }
    std::sort(x.begin(), x.end());
    return x;
}

}  // namespace

TEST_CASE_TEMPLATE("functions are accurate for every exponent and sign", T, float, double) {
    using Bits = std::conditional_t<std::is_same_v<T, float>, std::uint32_t, std::uint64_t>;
    constexpr int mantissa_bits = std::numeric_limits<T>::digits - 1;
    constexpr Bits infinity = std::bit_cast<Bits>(std::numeric_limits<T>::infinity()) >> mantissa_bits;
    Random random;
    std::vector<T> x;
    for (Bits exponent = 0; exponent < infinity; ++exponent)
        for (int repeat = 0; repeat < 8; ++repeat) {
            const Bits mantissa = static_cast<Bits>(random.bits()) & ((Bits{1} << mantissa_bits) - 1);
            const T value = std::bit_cast<T>(static_cast<Bits>((exponent << mantissa_bits) | mantissa));
            x.push_back(value);
            x.push_back(-value);
        }
    for (const Function<T>& f : functions<T>()) check_accuracy(f, x);
}

TEST_CASE_TEMPLATE("functions are accurate where they are not constant", T, float, double) {
    Random random;
    for (const Function<T>& f : functions<T>()) {
        check_accuracy(f, random.vector<T>(20000, f.low, f.high));
        check_accuracy(f, random.vector<T>(20000, std::max(f.low, T{-4}), std::min(f.high, T{4})));
    }
}

TEST_CASE_TEMPLATE("derivatives are accurate where they are not constant", T, float, double) {
    Random random;
    for (const Derivative<T>& f : derivatives<T>()) {
        const auto a = random.vector<T>(20000, f.low, f.high), ds = random.vector<T>(20000);
        const std::vector<T> expected = values_of(f, kernels::reference<T>(), a, ds);
        for (const Isa isa : kernels::available_isas()) {
            INFO(f.name, ", isa ", std::string(kernels::name(isa)));
            const std::vector<T> dx = values_of(f, kernels::table<T>(isa), a, ds);
            CHECK(difference(dx, expected, bounds_of(f, ds, expected)) == "");
        }
    }
}

TEST_CASE_TEMPLATE("functions that never fall do not", T, float, double) {
    Random random;
    for (const Function<T>& f : functions<T>()) {
        if (!f.never_falls) continue;
        // Where implementations pass from one formula to another.
        const std::vector<T> x = ascending_runs<T>(
            random, f.low, f.high,
            {-745,     -708,      T{-88.5}, -88,     T{-87.5}, T{-87.3f}, -20,     -10,    -9,
             -1,       T{-0.625}, T(-0.55), T{-0.5}, T{-0.25}, 0,         T{0.25}, T{0.5}, T(0.55),
             T{0.625}, 1,         9,        10,      17,       18,        19,      20,     37});
        for (const Isa isa : kernels::available_isas()) {
            INFO(f.name, ", isa ", std::string(kernels::name(isa)));
            const std::vector<T> y = values_of(f, kernels::table<T>(isa), x);
            const auto fall = std::is_sorted_until(y.begin(), y.end());
            if (fall == y.end()) continue;
            const auto at = static_cast<std::size_t>(fall - y.begin());
            FAIL_CHECK("falls from ", y[at - 1], " at ", x[at - 1], " to ", y[at], " at ", x[at]);
        }
    }
}

TEST_CASE_TEMPLATE("odd functions are so bit for bit", T, float, double) {
    Random random;
    for (const Function<T>& f : functions<T>()) {
        if (!f.odd) continue;
        std::vector<T> x = random.vector<T>(20000, f.low, f.high), minus_x;
        x.insert(x.end(), {0, std::numeric_limits<T>::denorm_min(), std::numeric_limits<T>::max(),
                           std::numeric_limits<T>::infinity()});
        for (const T value : x) minus_x.push_back(-value);
        for (const Isa isa : kernels::available_isas()) {
            INFO(f.name, ", isa ", std::string(kernels::name(isa)));
            std::vector<T> y = values_of(f, kernels::table<T>(isa), minus_x);
            for (T& value : y) value = -value;
            CHECK(bit_difference(y, values_of(f, kernels::table<T>(isa), x)) == "");
        }
    }
}

// Where a sign is flipped on one ISA and subtracted from 0 on another, zeros tell.
TEST_CASE_TEMPLATE("derivatives at zeros of either sign have the same bits", T, float, double) {
    const std::vector<T> a = {T(0), T(0), T(-0.0), T(-0.0)}, ds = {T(1), T(-1), T(1), T(-1)};
    for (const Derivative<T>& d : derivatives<T>()) {
        std::vector<T> first;
        for (const Isa isa : kernels::available_isas()) {
            if (!has_fma(isa)) continue;
            INFO(d.name, ", isa ", std::string(kernels::name(isa)));
            std::vector<T> dx(a.size());
            d.call(kernels::table<T>(isa), a.size(), a.data(), ds.data(), dx.data());
            if (first.empty()) first = dx;
            CHECK(bit_difference(dx, first) == "");
        }
    }
}

// Where all 2^32 floats have their largest errors, with fused multiply-adds and without.
TEST_CASE("sigmoid is accurate where it is least accurate") {
    const auto all = functions<float>();
    const auto sigmoid =
        std::find_if(all.begin(), all.end(), [](const Function<float>& f) { return f.name == "sigmoid"; });
    check_accuracy(*sigmoid, {-0x1.f5165cp+2f, -0x1.8f4984p+3f, -12.4777241f, -0x1.0a3ca6p+4f, -16.6398067f,
                              -0x1.0a3d44p+4f, -16.6399574f, -54.0665588f});
}
