// Element-wise kernels: every length, between protected pages, in place and not.
#include <doctest/doctest.h>

#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "support/functions.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"
#include "support/sizes.hpp"

using namespace densimd::test;

namespace {

constexpr std::size_t longest = 1024;

// All lengths through several unrolled blocks of each ISA; where all is slow, through one.
std::vector<std::size_t> lengths() {
#ifdef DENSIMD_TESTS_ARE_SLOW
    constexpr std::size_t gapless = 80;
#else
    constexpr std::size_t gapless = longest;
#endif
    std::vector<std::size_t> lengths;
    for (std::size_t n = 0; n <= gapless; ++n) lengths.push_back(n);
    if (gapless < longest) lengths.insert(lengths.end(), {127, 128, 129, 500, longest});
    return lengths;
}

// call(inputs, output) with guarded inputs and output, the output being another buffer or one of the inputs,
// must give the first n elements of `whole` for every n: an element is computed alike wherever it is.
template <class T, class Call>
void check_every_length(const std::vector<std::vector<T>>& inputs, const std::vector<T>& whole, Call call) {
    for (const std::size_t n : lengths())
        for (const Edge edge : {Edge::begin, Edge::end})
            for (std::size_t over = 0; over <= inputs.size(); ++over) {
                INFO("n ", n, ", guarded at its ", name_of(edge), ", ", "in place of input ", over, " of ",
                     inputs.size());
                const Layout layout{0, edge};
                GuardedVector<T> separate(n, layout);
                std::vector<std::unique_ptr<GuardedVector<T>>> guarded;
                for (const std::vector<T>& input : inputs)
                    guarded.push_back(std::make_unique<GuardedVector<T>>(
                        std::vector<T>(input.data(), input.data() + n), layout));
                GuardedVector<T>& output = over < inputs.size() ? *guarded[over] : separate;
                call(n, guarded, output.data());
                CHECK(bit_difference(std::span<const T>(output.data(), n), std::span(whole).first(n)) == "");
                for (std::size_t i = 0; i < inputs.size(); ++i) CHECK((i == over || guarded[i]->unchanged()));
            }
}

}  // namespace

TEST_CASE_TEMPLATE("functions, every length", T, float, double) {
    Random random;
    for (const Function<T>& f : functions<T>()) {
        const std::vector<T> x = random.vector<T>(longest, f.low, f.high);
        const std::vector<T> expected = values_of(f, kernels::reference<T>(), x);
        for (const Isa isa : kernels::available_isas()) {
            INFO(f.name, ", isa ", std::string(kernels::name(isa)));
            const Kernels<T>& kernels = kernels::table<T>(isa);
            const std::vector<T> y = values_of(f, kernels, x);
            CHECK(difference(y, expected, bounds_of(f, has_fma(isa), x, expected)) == "");
            check_every_length<T>({x}, y, [&](std::size_t n, const auto& inputs, T* output) {
                f.call(kernels, n, inputs[0]->data(), output);
            });
        }
    }
}

TEST_CASE_TEMPLATE("derivatives, every length", T, float, double) {
    Random random;
    for (const Derivative<T>& f : derivatives<T>()) {
        std::vector<T> a = random.vector<T>(longest, f.low, f.high);
        // Where s - s * s without a fused multiply-add would lose every digit.
        for (std::size_t i = 0; i < longest; i += 3)
            a[i] = 1 - std::numeric_limits<T>::epsilon() * static_cast<T>(i);
        const std::vector<T> ds = random.vector<T>(longest);
        const std::vector<T> expected = values_of(f, kernels::reference<T>(), a, ds);
        for (const Isa isa : kernels::available_isas()) {
            INFO(f.name, ", isa ", std::string(kernels::name(isa)));
            const Kernels<T>& kernels = kernels::table<T>(isa);
            const std::vector<T> dx = values_of(f, kernels, a, ds);
            CHECK(difference(dx, expected, bounds_of(f, ds, expected)) == "");
            check_every_length<T>({a, ds}, dx, [&](std::size_t n, const auto& inputs, T* output) {
                f.call(kernels, n, inputs[0]->data(), inputs[1]->data(), output);
            });
        }
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
