// The accuracy of the elementary functions: the largest error in ULP against libm in a wider type, on every
// ISA.
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

#include <densimd/kernels.hpp>

#include "support/compare.hpp"
#include "support/random.hpp"

namespace {

using namespace densimd::test;
namespace kernels = densimd::kernels;
using kernels::Isa;
using kernels::Kernels;

template <class T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;
template <class T>
using Bits = std::conditional_t<std::is_same_v<T, float>, std::uint32_t, std::uint64_t>;

template <class T>
struct Function {
    const char* name;
    void (*Kernels<T>::*kernel)(std::size_t n, const T* x, T* y) noexcept;
    Wide<T> (*exact)(Wide<T>);
    double allowed;  // ULP on ISAs with FMA
    bool monotone;
};

template <class T>
std::vector<Function<T>> functions() {
    using W = Wide<T>;
    using K = Kernels<T>;
    constexpr double most = std::is_same_v<T, float> ? 3 : 4;
    return {
        {"sigmoid", &K::sigmoid, [](W x) { return 1 / (1 + std::exp(-x)); }, most, true},
        {"tanh", &K::tanh, [](W x) { return std::tanh(x); }, most, true},
        {"exp", &K::exp, [](W x) { return std::exp(x); }, most, false},
        {"log", &K::log, [](W x) { return std::log(x); }, most, false},
        {"log1p", &K::log1p, [](W x) { return std::log1p(x); }, most, false},
        {"softplus", &K::softplus, [](W x) { return (x < 0 ? 0 : x) + std::log1p(std::exp(-std::abs(x))); },
         4, false},
        {"gelu", &K::gelu, [](W x) { return x < -60 ? W(0) : x * std::erfc(-x * std::sqrt(W(0.5))) / 2; }, 8,
         false},
        {"silu", &K::silu, [](W x) { return x < -12000 ? W(0) : x / (1 + std::exp(-x)); }, 5, false},
    };
}

// Infinity counts as the number after the largest.
template <class T>
double error_in_ulp(T y, Wide<T> exact) {
    constexpr Wide<T> beyond =
        2 * (std::numeric_limits<T>::max() / 2 +
             std::numeric_limits<T>::epsilon() / 4 * std::numeric_limits<T>::max() / 2);
    if (std::isnan(exact) || std::isnan(y)) return std::isnan(exact) && std::isnan(y) ? 0 : INFINITY;
    if (exact == static_cast<Wide<T>>(y)) return 0;
    const Wide<T> bounded = std::clamp(exact, -beyond, beyond);
    if (std::isinf(y))
        return (y > 0) == (exact > 0) ? ulp_error(std::numeric_limits<T>::max(), std::abs(bounded))
                                      : INFINITY;
    return ulp_error(y, bounded == 0 ? static_cast<Wide<T>>(0) : bounded);
}

struct Report {
    double worst = 0;
    double at = 0;
    bool fell = false;
    double fell_at = 0;

    void add(const Report& other) {
        if (other.worst > worst) {
            worst = other.worst;
            at = other.at;
        }
        if (other.fell && !fell) {
            fell = true;
            fell_at = other.fell_at;
        }
    }
};

// `x` ascends or descends throughout.
template <class T>
Report check(const Function<T>& function, const Kernels<T>& table, const std::vector<T>& x,
             std::vector<T>& y) {
    Report report;
    (table.*function.kernel)(x.size(), x.data(), y.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double error = error_in_ulp(y[i], function.exact(x[i]));
        if (error > report.worst) {
            report.worst = error;
            report.at = static_cast<double>(x[i]);
        }
        if (function.monotone && i > 0 && (x[i] > x[i - 1] ? y[i] < y[i - 1] : y[i] > y[i - 1])) {
            report.fell = true;
            report.fell_at = static_cast<double>(x[i]);
        }
    }
    return report;
}

constexpr std::size_t block = std::size_t{1} << 16;

// Block number `index` of the inputs: consecutive numbers for float, so that each is seen and every fall; for
// double every exponent in turn, and where functions are not constant a random start with steps of 1 ULP.
std::vector<float> inputs(std::uint64_t index, float) {
    std::vector<float> x(block + 1);  // with the last of the block before
    for (std::size_t i = 0; i <= block; ++i) {
        const std::uint64_t bits = index * block + i;
        x[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bits > 0 ? bits - 1 : 0));
    }
    return x;
}
std::vector<double> inputs(std::uint64_t index, double) {
    Random random(index);
    std::vector<double> x(block);
    if (index % 2 == 0) {
        for (std::size_t i = 0; i < block; ++i)
            x[i] = std::bit_cast<double>((static_cast<std::uint64_t>(i) << 48) | (random.bits() >> 16));
    } else {
        x = random.vector<double>(block, index % 4 == 1 ? -750 : -2, index % 4 == 1 ? 750 : 2);
    }
    std::sort(x.begin(), x.end(), [](double a, double b) {
        return std::bit_cast<std::int64_t>(a) < std::bit_cast<std::int64_t>(b);
    });
    return x;
}

template <class T>
bool run(const Function<T>& function, std::uint64_t part) {
    const std::uint64_t blocks =
        std::is_same_v<T, float> ? (std::uint64_t{1} << 32) / block : 100'000'000 / block + 1;
    const bool is_float = std::is_same_v<T, float>;
    bool good = true;
    std::vector<Isa> fused;
    for (const Isa isa : kernels::available_isas())
        if (isa != Isa::baseline) fused.push_back(isa);
    // The slow comparison with libm once for all ISAs that must agree, and once for baseline.
    for (const Isa isa : kernels::available_isas()) {
        if (isa != Isa::baseline && isa != fused.back()) continue;
        Report report;
        std::atomic<std::uint64_t> unequal = 0;
        std::uint64_t inputs_seen = 0;
#pragma omp parallel reduction(+ : inputs_seen)
        {
            std::vector<T> y, other;
            Report own;
#pragma omp for schedule(dynamic, 8)
            for (std::uint64_t b = 0; b < blocks; b += part) {
                const std::vector<T> x = inputs(b, T{});
                y.resize(x.size());
                other.resize(x.size());
                own.add(check(function, kernels::table<T>(isa), x, y));
                inputs_seen += block;
                if (isa == Isa::baseline) continue;
                for (const Isa also : fused) {
                    (kernels::table<T>(also).*function.kernel)(x.size(), x.data(), other.data());
                    for (std::size_t i = 0; i < x.size(); ++i)
                        if (std::bit_cast<Bits<T>>(y[i]) != std::bit_cast<Bits<T>>(other[i]) && y[i] == y[i])
                            ++unequal;
                }
            }
#pragma omp critical
            report.add(own);
        }
        std::string name(kernels::name(isa));
        if (isa != Isa::baseline)
            for (const Isa also : fused)
                if (also != isa) name += ", " + std::string(kernels::name(also));
        const double allowed = isa == Isa::baseline ? 2 * function.allowed : function.allowed;
        const bool accurate = report.worst <= allowed, fell = report.fell && isa != Isa::baseline;
        std::printf("%-9s %-6s %-14s %11llu inputs: at most %.3f ULP, at %.9g%s%s%s%s\n", function.name,
                    is_float ? "float" : "double", name.c_str(), static_cast<unsigned long long>(inputs_seen),
                    report.worst, report.at, accurate ? "" : " TOO MUCH", report.fell ? " FALLS at " : "",
                    report.fell ? std::to_string(report.fell_at).c_str() : "",
                    unequal > 0 ? " ISAS DIFFER" : "");
        std::fflush(stdout);
        good = good && accurate && !fell && unequal == 0;
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
    const auto chosen = [&](const char* name) {
        return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
    };
    bool good = part > 0;
    for (const auto& function : functions<float>())
        if (chosen(function.name)) good = run(function, part) && good;
    for (const auto& function : functions<double>())
        if (chosen(function.name)) good = run(function, part) && good;
    return good ? 0 : 1;
}
