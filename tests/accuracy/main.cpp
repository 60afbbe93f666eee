// The accuracy of the element-wise functions: the largest error against libm in a wider type, on every ISA.
//
//     densimd_accuracy                 float: all 2^32 inputs; double: 10^8; some minutes per function
//     densimd_accuracy --part 1000     a thousandth of them
//     densimd_accuracy exp tanh        these functions
//
// Fails if a function is less accurate than its documentation says, falls where it must not, or has not the
// same bits on all ISAs with FMA.
#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "accuracy/exact.hpp"
#include "support/functions.hpp"
#include "support/random.hpp"

namespace {

using namespace densimd::test;

template <class T>
using Bits = std::conditional_t<std::is_same_v<T, float>, std::uint32_t, std::uint64_t>;

struct Report {
    double worst = 0, at = 0;  // in ULP, or in epsilon |x| where the error is documented so
    bool inaccurate = false, fell = false;
    double inaccurate_at = 0, fell_at = 0;

    void add(const Report& other) {
        if (other.worst > worst) {
            worst = other.worst;
            at = other.at;
        }
        if (other.inaccurate && !inaccurate) inaccurate_at = other.inaccurate_at;
        if (other.fell && !fell) fell_at = other.fell_at;
        inaccurate |= other.inaccurate;
        fell |= other.fell;
    }
};

// The distance of y to the exact value. Infinity counts as the number after the largest.
template <class T>
Wide<T> error_of(T y, Wide<T> exact) {
    constexpr Wide<T> infinity = std::numeric_limits<Wide<T>>::infinity();
    const Wide<T> beyond = std::ldexp(Wide<T>{1}, std::numeric_limits<T>::max_exponent);
    if (std::isnan(exact) || std::isnan(y)) return std::isnan(exact) && std::isnan(y) ? 0 : infinity;
    const auto bounded = [&](Wide<T> value) { return std::clamp(value, -beyond, beyond); };
    return std::abs(bounded(static_cast<Wide<T>>(y)) - bounded(exact));
}

// `x` ascends or descends from one element to the next.
template <class T>
Report check(const Function<T>& f, Wide<T> (*exact_value)(Wide<T>), bool fma, const std::vector<T>& x,
             const std::vector<T>& y) {
    constexpr Wide<T> largest = std::numeric_limits<T>::max(), epsilon = std::numeric_limits<T>::epsilon();
    Report report;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const Wide<T> exact = exact_value(x[i]), error = error_of(y[i], exact);
        const Wide<T> finite = std::clamp(exact, -largest, largest);
        if (error > 0 && !(error <= documented_error(f, fma, x[i], finite))) {
            report.inaccurate = true;
            report.inaccurate_at = static_cast<double>(x[i]);
        }
        const Wide<T> unit = f.epsilons_of_x > 0 ? std::max(epsilon * std::abs(static_cast<Wide<T>>(x[i])),
                                                            ulp_of<T>(Wide<T>{0}))
                                                 : ulp_of<T>(std::isnan(exact) ? Wide<T>{1} : finite);
        const auto in_units = static_cast<double>(error / unit);
        if (in_units > report.worst) {
            report.worst = in_units;
            report.at = static_cast<double>(x[i]);
        }
        if (f.never_falls && i > 0 && (x[i] > x[i - 1] ? y[i] < y[i - 1] : y[i] > y[i - 1])) {
            report.fell = true;
            report.fell_at = static_cast<double>(x[i]);
        }
    }
    return report;
}

constexpr std::uint64_t block = std::uint64_t{1} << 16, run_length = 256;

// Block number `index` of the inputs. For float runs of consecutive numbers, as many as a part has evenly
// over all numbers, after the last of the block before: none is left out, nor a fall between two.
std::vector<float> inputs(std::uint64_t index, std::uint64_t part, float) {
    std::vector<float> x;
    for (std::uint64_t i = index == 0 ? 0 : index * block - 1; i < (index + 1) * block; ++i) {
        const std::uint64_t bits = i / run_length * run_length * part + i % run_length;
        x.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    }
    return x;
}
// For double every exponent in turn, and every other time short runs of consecutive numbers from random
// starts where functions are not constant.
std::vector<double> inputs(std::uint64_t index, std::uint64_t, double) {
    Random random(index);
    std::vector<std::int64_t> bits;
    while (bits.size() < block) {
        if (index % 2 == 0) {
            bits.push_back(static_cast<std::int64_t>(bits.size() << 48 | random.bits() >> 16));
            continue;
        }
        const double reach = index % 4 == 1 ? 750 : 2;
        const auto start = std::bit_cast<std::int64_t>(random.uniform(-reach, reach));
        for (std::int64_t i = 0; i < 16; ++i) bits.push_back(start + i);
    }
    std::sort(bits.begin(), bits.end());
    std::vector<double> x;
    for (const std::int64_t value : bits) x.push_back(std::bit_cast<double>(value));
    return x;
}

template <class T>
std::uint64_t blocks_in(std::uint64_t part) {
    constexpr std::uint64_t all = std::is_same_v<T, float> ? std::uint64_t{1} << 32 : 100'000'000;
    return std::max<std::uint64_t>(all / block / part, 4);
}

template <class T>
std::uint64_t count_differences(const std::vector<T>& a, const std::vector<T>& b) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (std::bit_cast<Bits<T>>(a[i]) != std::bit_cast<Bits<T>>(b[i]) &&
            !(std::isnan(a[i]) && std::isnan(b[i])))
            ++count;
    return count;
}

// One comparison with libm, which is slow, for all `isas`, which must have the same bits.
template <class T>
bool run(const Function<T>& f, const std::vector<Isa>& isas, std::uint64_t part) {
    const auto exact_value = exact_of<T>(f.name).value;
    const std::uint64_t blocks = blocks_in<T>(part);
    Report report;
    std::atomic<std::uint64_t> differences = 0;
#pragma omp parallel
    {
        Report own;
#pragma omp for schedule(dynamic, 1)
        for (std::uint64_t b = 0; b < blocks; ++b) {
            const std::vector<T> x = inputs(b, part, T{});
            const std::vector<T> y = values_of(f, kernels::table<T>(isas[0]), x);
            own.add(check(f, exact_value, has_fma(isas[0]), x, y));
            for (std::size_t also = 1; also < isas.size(); ++also)
                differences += count_differences(y, values_of(f, kernels::table<T>(isas[also]), x));
        }
#pragma omp critical
        report.add(own);
    }
    std::string names;
    for (const Isa isa : isas) names += (names.empty() ? "" : ", ") + std::string(kernels::name(isa));
    std::printf("%-14s %-6s %-12s %11llu inputs: at most %.3f %s, at %.9g", f.name.c_str(),
                std::is_same_v<T, float> ? "float" : "double", names.c_str(),
                static_cast<unsigned long long>(blocks * block), report.worst,
                f.epsilons_of_x > 0 ? "epsilon |x|" : "ULP", report.at);
    if (report.inaccurate) std::printf(" MORE THAN DOCUMENTED, at %.9g", report.inaccurate_at);
    if (report.fell) std::printf(" FALLS at %.9g", report.fell_at);
    if (differences > 0) std::printf(" ISAS DIFFER");
    std::printf("\n");
    std::fflush(stdout);
    return !report.inaccurate && !report.fell && differences == 0;
}

template <class T>
bool run_all(const std::vector<std::string>& names, std::uint64_t part) {
    std::vector<Isa> fused, others;
    for (const Isa isa : kernels::available_isas()) (has_fma(isa) ? fused : others).push_back(isa);
    bool good = true;
    for (const Function<T>& f : functions<T>()) {
        if (!names.empty() && std::find(names.begin(), names.end(), f.name) == names.end()) continue;
        if (!fused.empty()) good = run(f, fused, part) && good;
        for (const Isa isa : others) good = run(f, {isa}, part) && good;
    }
    return good;
}

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t part = 1;
    std::vector<std::string> names;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--part") == 0 && i + 1 < argc)
            part = std::strtoull(argv[++i], nullptr, 10);
        else
            names.emplace_back(argv[i]);
    }
    if (part == 0) {
        std::fprintf(stderr, "--part needs a number of at least 1\n");
        return 2;
    }
    const bool good = run_all<float>(names, part);
    return run_all<double>(names, part) && good ? 0 : 1;
}
