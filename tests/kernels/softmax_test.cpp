// Softmax and its logarithm against the reference, row by row, with huge, infinite and missing logits.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/isas.hpp"
#include "support/random.hpp"
#include "support/sizes.hpp"

using namespace densimd::test;

namespace {

template <class T>
using RowKernel = decltype(Kernels<T>::softmax);

template <class T>
constexpr T epsilon = std::numeric_limits<T>::epsilon();

// The results on every ISA and layout, in place and not; check(values) looks at them.
template <class T, class Check>
void run_everywhere(RowKernel<T> Kernels<T>::*member, std::size_t batch, std::size_t n,
                    const std::vector<T>& X, Check check) {
    on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
        Guarded<T> X_in(batch, n, X, layout), Y(batch, n, layout), in_place(batch, n, X, layout);
        (kernels.*member)(batch, n, X_in.data(), X_in.ld(), Y.data(), Y.ld());
        (kernels.*member)(batch, n, in_place.data(), in_place.ld(), in_place.data(), in_place.ld());
        check(Y.values());
        CHECK(bit_difference(in_place.values(), Y.values()) == "");
        CHECK((Y.padding_intact() && in_place.padding_intact() && X_in.unchanged()));
        return Y.values();
    });
}

template <class T>
std::vector<T> reference_of(RowKernel<T> Kernels<T>::*member, std::size_t batch, std::size_t n,
                            const std::vector<T>& X) {
    std::vector<T> Y(X.size());
    (kernels::reference<T>().*member)(batch, n, X.data(), n, Y.data(), n);
    return Y;
}

// (n + 6) epsilon, half an epsilon of the exponent x - c for its rounding, half of one for the reference's,
// and two ULPs where results are not normal.
template <class T>
std::vector<T> softmax_bound(std::size_t n, const std::vector<T>& X, const std::vector<T>& expected) {
    std::vector<T> bound = expected;
    for (std::size_t i = 0; i < bound.size(); ++i) {
        const auto row = X.begin() + static_cast<std::ptrdiff_t>(i / n * n);
        const T exponent = *std::max_element(row, row + static_cast<std::ptrdiff_t>(n)) - X[i];
        bound[i] = (static_cast<T>(n) + T{6.5} + exponent / 2) * epsilon<T> * bound[i] +
                   2 * std::numeric_limits<T>::denorm_min();
    }
    return bound;
}
// As documented.
template <class T>
std::vector<T> log_softmax_bound(std::size_t n, const std::vector<T>& expected) {
    std::vector<T> bound = expected;
    for (T& value : bound) value = (static_cast<T>(n) + 6 + T{2.5} * std::abs(value)) * epsilon<T>;
    return bound;
}

// Shorter than a vector, one and two lines of virtual lanes, and beyond.
constexpr std::size_t row_lengths[] = {1, 2, 5, 8, 16, 17, 33, 70};

// The reference defines the kernels, so it is held to this as well.
template <class T, class Check>
void on_every_table_and_length(Check check) {
    for (const std::size_t n : row_lengths) {
        {
            INFO("reference, n ", n);
            check(kernels::reference<T>(), n);
        }
        for (const Isa isa : kernels::available_isas()) {
            INFO("isa ", std::string(kernels::name(isa)), ", n ", n);
            check(kernels::table<T>(isa), n);
        }
    }
}

// Both kernels on one row.
template <class T>
struct Row {
    std::vector<T> softmax, log_softmax;
};
template <class T>
Row<T> row_of(const Kernels<T>& kernels, const std::vector<T>& x) {
    Row<T> row{std::vector<T>(x.size()), std::vector<T>(x.size())};
    kernels.softmax(1, x.size(), x.data(), x.size(), row.softmax.data(), x.size());
    kernels.log_softmax(1, x.size(), x.data(), x.size(), row.log_softmax.data(), x.size());
    return row;
}

}  // namespace

TEST_CASE_TEMPLATE("softmax", T, float, double) {
    Random random;
    for (const std::size_t batch : batch_sizes)
        for (const std::size_t n : vector_sizes)
            for (const T reach : {T{1}, T{30}, T{1000}}) {
                INFO("batch ", batch, ", n ", n, ", logits up to ", reach);
                const auto X = random.vector<T>(batch * n, -reach, reach);
                const auto expected = reference_of(&Kernels<T>::softmax, batch, n, X);
                run_everywhere(&Kernels<T>::softmax, batch, n, X, [&](const std::vector<T>& Y) {
                    CHECK(difference(Y, expected, softmax_bound(n, X, expected)) == "");
                    for (std::size_t i = 0; i < batch && n > 0; ++i) {
                        double sum = 0;
                        for (std::size_t j = 0; j < n; ++j) sum += static_cast<double>(Y[i * n + j]);
                        CHECK(std::abs(sum - 1) <=
                              static_cast<double>((2 * static_cast<T>(n) + 6) * epsilon<T>));
                    }
                });
            }
}

TEST_CASE_TEMPLATE("log_softmax", T, float, double) {
    Random random;
    for (const std::size_t batch : batch_sizes)
        for (const std::size_t n : vector_sizes)
            for (const T reach : {T{1}, T{30}, T{1000}, T(1e30)}) {
                INFO("batch ", batch, ", n ", n, ", logits up to ", reach);
                const auto X = random.vector<T>(batch * n, -reach, reach);
                const auto expected = reference_of(&Kernels<T>::log_softmax, batch, n, X);
                run_everywhere(&Kernels<T>::log_softmax, batch, n, X, [&](const std::vector<T>& Y) {
                    CHECK(difference(Y, expected, log_softmax_bound(n, expected)) == "");
                });
            }
}

TEST_CASE_TEMPLATE("softmax of equal logits", T, float, double) {
    on_every_table_and_length<T>([](const Kernels<T>& kernels, std::size_t n) {
        for (const T logit : {T{0}, -T{0}, T{-3}, T{88}, T(1e30), std::numeric_limits<T>::max(),
                              std::numeric_limits<T>::lowest()}) {
            INFO("logit ", logit);
            const Row<T> row = row_of(kernels, std::vector<T>(n, logit));
            const T share = 1 / static_cast<T>(n), bound = (static_cast<T>(n) + 7) * epsilon<T>;
            for (const T y : row.softmax) CHECK(is_within(y, share, bound * share));
            for (const T y : row.log_softmax)
                CHECK(is_within(y, std::log(share), bound + 2 * epsilon<T> * -std::log(share)));
        }
    });
}

TEST_CASE_TEMPLATE("softmax of one huge logit", T, float, double) {
    on_every_table_and_length<T>([](const Kernels<T>& kernels, std::size_t n) {
        for (std::size_t at = 0; at < n; ++at) {
            std::vector<T> x(n, T(-1e30));
            x[at] = T(1e30);
            const Row<T> row = row_of(kernels, x);
            for (std::size_t j = 0; j < n; ++j) {
                CHECK(row.softmax[j] == (j == at ? 1 : 0));
                CHECK(row.log_softmax[j] == (j == at ? T{0} : T(-1e30) - T(1e30)));
            }
        }
    });
}

TEST_CASE_TEMPLATE("softmax of logits of -infinity is 0 there and as if they were not", T, float, double) {
    constexpr T infinity = std::numeric_limits<T>::infinity();
    on_every_table_and_length<T>([&](const Kernels<T>& kernels, std::size_t n) {
        for (std::size_t at = 0; at < n; ++at) {
            INFO("all but ", at);
            std::vector<T> x(n, -infinity);
            x[at] = -5;
            const Row<T> row = row_of(kernels, x);
            for (std::size_t j = 0; j < n; ++j) {
                CHECK(row.softmax[j] == (j == at ? 1 : 0));
                CHECK(row.log_softmax[j] == (j == at ? 0 : -infinity));
            }
            INFO("only ", at);
            x.assign(n, T{2});
            x[at] = -infinity;
            if (n == 1) continue;
            const Row<T> rest = row_of(kernels, x);
            const T share = 1 / static_cast<T>(n - 1), bound = (static_cast<T>(n) + 7) * epsilon<T>;
            for (std::size_t j = 0; j < n; ++j) {
                CHECK(is_within(rest.softmax[j], j == at ? 0 : share, bound * share));
                CHECK(is_within(rest.log_softmax[j], j == at ? -infinity : std::log(share),
                                bound + 2 * epsilon<T> * -std::log(share)));
            }
        }
    });
}

TEST_CASE_TEMPLATE("softmax of a NaN, +infinity or -infinity alone is all NaN, in its row", T, float,
                   double) {
    constexpr T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
    on_every_table_and_length<T>([&](const Kernels<T>& kernels, std::size_t n) {
        const auto check = [&](const std::vector<T>& bad_row) {
            std::vector<T> X(3 * n, T{0.5}), Y(3 * n);
            std::copy(bad_row.begin(), bad_row.end(), X.begin() + static_cast<std::ptrdiff_t>(n));
            for (const auto member : {&Kernels<T>::softmax, &Kernels<T>::log_softmax}) {
                (kernels.*member)(3, n, X.data(), n, Y.data(), n);
                for (std::size_t i = 0; i < 3 * n; ++i)
                    if (std::isnan(Y[i]) != (i / n == 1))
                        FAIL_CHECK("row ", i / n, ", column ", i % n, ": ", Y[i]);
            }
        };
        check(std::vector<T>(n, -infinity));
        for (std::size_t at = 0; at < n; ++at)
            for (const T bad : {nan, infinity})
                for (const T rest : {T{0.5}, T{-1000}, -infinity}) {
                    INFO(bad, " at ", at, ", else ", rest);
                    std::vector<T> x(n, rest);
                    x[at] = bad;
                    check(x);
                }
    });
}
