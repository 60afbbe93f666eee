// Where losses usually break: saturated logits, zero vectors, certain targets, NaN.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/compare.hpp"
#include "support/losses.hpp"

using namespace densimd::test;

namespace {

// A row of `out` copies of one prediction and one target; returns the loss, and the gradient of the last
// element.
template <class T>
struct Result {
    T loss, gradient;
};

template <class T>
Result<T> cross_entropy(Isa isa, std::size_t out, T z, T y) {
    std::vector<T> Z(out, z), Y(out, y), dZ(out);
    T loss = -1;
    kernels::table<T>(isa).binary_cross_entropy(1, out, Z.data(), out, Y.data(), out, dZ.data(), out, &loss);
    return {loss, dZ.back()};
}

// Shorter than a vector, and with a tail after one.
constexpr std::size_t widths[] = {1, 5, 19};

template <class Check>
void on_every_isa_and_width(Check check) {
    for (const Isa isa : kernels::available_isas())
        for (const std::size_t out : widths) {
            INFO("isa ", std::string(kernels::name(isa)), ", out ", out);
            check(isa, out);
        }
}

// The reference defines the kernels, so it is held to this as well.
template <class T, class Check>
void on_every_table_and_width(Check check) {
    for (const std::size_t out : widths) {
        INFO("reference, out ", out);
        check(kernels::reference<T>(), out);
    }
    on_every_isa_and_width([&](Isa isa, std::size_t out) { check(kernels::table<T>(isa), out); });
}

}  // namespace

TEST_CASE_TEMPLATE("binary cross-entropy of saturated logits is finite and right", T, float, double) {
    on_every_isa_and_width([](Isa isa, std::size_t out) {
        const T n = static_cast<T>(out), tiny = 4 * std::numeric_limits<T>::min();
        for (const T z : {T{1e5f}, T{1e30f}, std::numeric_limits<T>::max()}) {
            INFO("logit +-", z);
            // Certain and right: nothing to learn.
            CHECK(cross_entropy<T>(isa, 1, z, 1).loss <= tiny);
            CHECK(cross_entropy<T>(isa, out, z, 1).gradient == 0);
            CHECK(cross_entropy<T>(isa, 1, -z, 0).loss <= tiny);
            CHECK(std::abs(cross_entropy<T>(isa, out, -z, 0).gradient) <= tiny);
            // Certain and wrong: the logit itself, and a slope of 1 shared by the outputs.
            CHECK(cross_entropy<T>(isa, 1, -z, 1).loss == doctest::Approx(z));
            CHECK(cross_entropy<T>(isa, out, -z, 1).gradient == doctest::Approx(-1 / n));
            CHECK(cross_entropy<T>(isa, 1, z, 0).loss == doctest::Approx(z));
            CHECK(cross_entropy<T>(isa, out, z, 0).gradient == doctest::Approx(1 / n));
            CHECK(std::isfinite(cross_entropy<T>(isa, 1, z, T{0.5}).loss));
            CHECK(std::isfinite(cross_entropy<T>(isa, 1, -z, T{0.5}).loss));
        }
    });
}

TEST_CASE_TEMPLATE("binary cross-entropy of a logit of zero", T, float, double) {
    on_every_isa_and_width([](Isa isa, std::size_t out) {
        for (const T z : {T{0}, -T{0}})
            for (const T y : {T{0}, T{0.25}, T{1}}) {
                const Result<T> result = cross_entropy(isa, out, z, y);
                CHECK(result.loss == doctest::Approx(std::log(2.0)).epsilon(1e-6));
                CHECK(result.gradient ==
                      doctest::Approx((0.5 - static_cast<double>(y)) / static_cast<double>(out)));
            }
    });
}

TEST_CASE_TEMPLATE("binary cross-entropy keeps its digits for right answers", T, float, double) {
    // log(1 + exp(-|z|)) for a certain target: small, and still known to some ULPs.
    using Limits = std::numeric_limits<T>;
    on_every_isa_and_width([](Isa isa, std::size_t) {
        for (int i = 0; i <= 60; ++i) {
            const T z = static_cast<T>(i) * T{1.25};
            const double exact = std::log1p(std::exp(-static_cast<double>(z)));
            const double bound =
                8 * static_cast<double>(Limits::epsilon()) * exact + static_cast<double>(Limits::min());
            INFO("logit +-", z, ", loss ", exact);
            CHECK(std::abs(static_cast<double>(cross_entropy<T>(isa, 1, z, 1).loss) - exact) <= bound);
            CHECK(std::abs(static_cast<double>(cross_entropy<T>(isa, 1, -z, 0).loss) - exact) <= bound);
        }
    });
}

TEST_CASE_TEMPLATE("cosine distance of zero vectors is 1 and teaches nothing", T, float, double) {
    on_every_isa_and_width([](Isa isa, std::size_t out) {
        const std::vector<T> zero(out, 0), minus_zero(out, -T{0}), other(out, 2);
        const auto check = [&](const std::vector<T>& A, const std::vector<T>& Y) {
            std::vector<T> dA(out, 7);
            T loss = 7;
            kernels::table<T>(isa).cosine_distance(1, out, A.data(), out, Y.data(), out, dA.data(), out,
                                                   &loss);
            CHECK(loss == 1);
            for (const T value : dA) CHECK(value == 0);
        };
        check(zero, other);
        check(other, zero);
        check(zero, zero);
        check(minus_zero, other);
    });
}

TEST_CASE_TEMPLATE("cosine distance of short and long vectors", T, float, double) {
    // c = 0.6, and the gradient (0.64, -0.48) / -5 per length, wherever the squared length is a normal
    // number.
    using Limits = std::numeric_limits<T>;
    constexpr double accuracy = 16 * static_cast<double>(Limits::epsilon());
    const auto check = [&](const Kernels<T>& kernels, int exponent) {
        const T length = std::ldexp(T{1}, exponent), squared = 25 * length * length;
        INFO("length 5 * 2^", exponent);
        const T A[] = {3 * length, 4 * length}, Y[] = {2, 0};
        T dA[] = {7, 7}, loss = 7;
        kernels.cosine_distance(1, 2, A, 2, Y, 2, dA, 2, &loss);
        if (squared < Limits::min()) {
            CHECK((loss == 1 && dA[0] == 0 && dA[1] == 0));
        } else if (std::isinf(squared)) {
            CHECK(std::isnan(loss));
        } else {
            CHECK(loss == doctest::Approx(0.4).epsilon(accuracy));
            CHECK(dA[0] * length == doctest::Approx(-0.128).epsilon(accuracy));
            CHECK(dA[1] * length == doctest::Approx(0.096).epsilon(accuracy));
        }
    };
    for (int exponent = Limits::min_exponent - 30; exponent < Limits::max_exponent - 2; ++exponent) {
        check(kernels::reference<T>(), exponent);
        for (const Isa isa : kernels::available_isas()) {
            INFO("isa ", std::string(kernels::name(isa)));
            check(kernels::table<T>(isa), exponent);
        }
    }
}

TEST_CASE_TEMPLATE("cosine distance of a zero vector and a NaN is NaN", T, float, double) {
    on_every_isa_and_width([](Isa isa, std::size_t out) {
        std::vector<T> zero(out, 0), other(out, 2), dA(out);
        other.back() = std::numeric_limits<T>::quiet_NaN();
        T loss = 7;
        kernels::table<T>(isa).cosine_distance(1, out, zero.data(), out, other.data(), out, dA.data(), out,
                                               &loss);
        CHECK(std::isnan(loss));
        kernels::table<T>(isa).cosine_distance(1, out, other.data(), out, zero.data(), out, dA.data(), out,
                                               &loss);
        CHECK(std::isnan(loss));
    });
}

TEST_CASE_TEMPLATE("cosine distance of parallel and opposite vectors", T, float, double) {
    on_every_isa_and_width([](Isa isa, std::size_t out) {
        std::vector<T> A(out), same(out), opposite(out), dA(out);
        for (std::size_t i = 0; i < out; ++i) {
            A[i] = static_cast<T>(i + 1);
            same[i] = 3 * A[i];
            opposite[i] = -A[i];
        }
        T loss = 7;
        const T bound = static_cast<T>(out + 4) * std::numeric_limits<T>::epsilon();
        const auto distance = [&](const std::vector<T>& Y) {
            kernels::table<T>(isa).cosine_distance(1, out, A.data(), out, Y.data(), out, dA.data(), out,
                                                   &loss);
            return loss;
        };
        CHECK(std::abs(distance(same)) <= bound);
        CHECK(std::abs(distance(opposite) - 2) <= bound);
    });
}

TEST_CASE_TEMPLATE("a NaN in a row makes its loss NaN, and no other's", T, float, double) {
    const T nan = std::numeric_limits<T>::quiet_NaN();
    for (const Loss<T>& kernel : losses<T>())
        on_every_isa_and_width([&](Isa isa, std::size_t out) {
            INFO(kernel.name);
            for (std::size_t at = 0; at < out; ++at)
                for (const bool in_target : {false, true}) {
                    INFO("NaN in ", at, ", in the target ", in_target);
                    std::vector<T> A(3 * out, T{0.5}), Y(3 * out, T{0.25}), dA(3 * out), loss(3);
                    (in_target ? Y : A)[out + at] = nan;
                    kernel.call(kernels::table<T>(isa), 3, out, A.data(), out, Y.data(), out, dA.data(), out,
                                loss.data());
                    CHECK(std::isnan(loss[1]));
                    CHECK(std::isnan(dA[out + at]));
                    CHECK((std::isfinite(loss[0]) && std::isfinite(loss[2])));
                }
        });
}

TEST_CASE_TEMPLATE("binary cross-entropy of certain probabilities is finite", T, float, double) {
    on_every_table_and_width<T>([&](const Kernels<T>& k, std::size_t out) {
        const auto check = [&](T p, T y, T expected_loss, T expected_slope) {
            INFO("probability ", p, ", target ", y);
            const std::vector<T> P(out, p), Y(out, y);
            std::vector<T> dP(out);
            T loss = -1;
            k.binary_cross_entropy_from_probabilities(1, out, P.data(), out, Y.data(), out, dP.data(), out,
                                                      &loss);
            CHECK(loss == doctest::Approx(expected_loss));
            for (const T slope : dP)
                CHECK(static_cast<double>(slope) ==
                      doctest::Approx(static_cast<double>(expected_slope) / static_cast<double>(out)));
        };
        // Right: nothing to learn. Wrong: the logarithm's limit, and the residual over the variance's.
        check(0, 0, 0, 0);
        check(1, 1, 0, 0);
        check(0, 1, 100, T(-1e12));
        check(1, 0, 100, T(1e12));
        check(0, T{0.25}, 25, T(-0.25e12));
        check(1, T{0.25}, 75, T(0.75e12));
        check(T{0.5}, T{0.5}, std::log(T{2}), 0);
        check(T{0.25}, 1, std::log(T{4}), -4);
        check(std::numeric_limits<T>::denorm_min(), 0, 0, T(0));
    });
}

TEST_CASE_TEMPLATE("mean absolute error of equal residuals", T, float, double) {
    on_every_table_and_width<T>([&](const Kernels<T>& k, std::size_t out) {
        const T n = static_cast<T>(out);
        // Not even -0 or a number that is not normal counts as a difference's sign.
        for (const T residual : {T{0}, T{0.5}, T{-0.5}, std::numeric_limits<T>::denorm_min()}) {
            INFO("residual ", residual);
            const std::vector<T> A(out, residual), Y(out, -T{0});
            std::vector<T> dA(out, 7);
            T loss = -1;
            k.mean_absolute_error(1, out, A.data(), out, Y.data(), out, dA.data(), out, &loss);
            CHECK(loss == doctest::Approx(std::abs(residual)));
            const T sign = residual > 0 ? T{1} : residual < 0 ? T{-1} : T{0};
            for (const T slope : dA) CHECK(is_within(slope, sign / n, std::numeric_limits<T>::epsilon() / n));
        }
    });
}

TEST_CASE_TEMPLATE("huber at and beside delta", T, float, double) {
    on_every_table_and_width<T>([&](const Kernels<T>& k, std::size_t out) {
        constexpr T epsilon = std::numeric_limits<T>::epsilon();
        const T n = static_cast<T>(out);
        for (const T delta : {T{0.25}, T{1}, T{8}})
            for (const T sign : {T{-1}, T{1}})
                for (const T times : {T{0}, T{0.5}, 1 - epsilon, T{1}, 1 + epsilon, T{3}, T(1e6)}) {
                    INFO("delta ", delta, ", residual ", sign * times, " delta");
                    const std::vector<T> A(out, sign * times * delta), Y(out, T{0});
                    std::vector<T> dA(out, 7);
                    T loss = -1;
                    k.huber(1, out, delta, A.data(), out, Y.data(), out, dA.data(), out, &loss);
                    const T per_square = times <= 1 ? times * times / 2 : times - T{0.5};
                    CHECK(is_within(loss, delta * delta * per_square,
                                    (n + 3) * epsilon * delta * delta * per_square));
                    const T slope = sign * std::min(times, T{1}) * delta / n;
                    for (const T value : dA) CHECK(is_within(value, slope, 2 * epsilon * std::abs(slope)));
                }
    });
}

TEST_CASE_TEMPLATE("huber of infinite residuals", T, float, double) {
    constexpr T infinity = std::numeric_limits<T>::infinity();
    on_every_table_and_width<T>([&](const Kernels<T>& k, std::size_t out) {
        for (const T a : {infinity, -infinity}) {
            const std::vector<T> A(out, a), Y(out, T{0});
            std::vector<T> dA(out);
            T loss = -1;
            k.huber(1, out, T{2}, A.data(), out, Y.data(), out, dA.data(), out, &loss);
            CHECK(loss == infinity);
            for (const T slope : dA)
                CHECK(slope == doctest::Approx((a > 0 ? 2 : -2) / static_cast<double>(out)));
        }
    });
}

TEST_CASE_TEMPLATE("categorical cross-entropy of classes that cannot be", T, float, double) {
    constexpr T infinity = std::numeric_limits<T>::infinity();
    on_every_table_and_width<T>([&](const Kernels<T>& k, std::size_t out) {
        // One class is certain whatever the others, which are impossible, may say: nothing to learn.
        for (std::size_t right = 0; right < out; ++right) {
            std::vector<T> Z(out, -infinity), Y(out, T{0}), dZ(out, T{7});
            Z[right] = 3;
            Y[right] = 1;
            T loss = -1;
            k.categorical_cross_entropy(1, out, Z.data(), out, Y.data(), out, dZ.data(), out, &loss);
            CHECK(loss == 0);
            for (const T slope : dZ) CHECK(slope == 0);
            // Wrong by an infinite amount.
            if (out == 1) continue;
            std::swap(Y[right], Y[(right + 1) % out]);
            k.categorical_cross_entropy(1, out, Z.data(), out, Y.data(), out, dZ.data(), out, &loss);
            CHECK(loss == infinity);
        }
    });
}

TEST_CASE_TEMPLATE("categorical cross-entropy of huge logits", T, float, double) {
    on_every_table_and_width<T>([&](const Kernels<T>& k, std::size_t out) {
        if (out == 1) return;
        constexpr T huge = T(1e30);
        std::vector<T> Z(out, -huge), Y(out, T{0}), dZ(out);
        Z[0] = huge;
        Y[1] = 1;
        T loss = -1;
        k.categorical_cross_entropy(1, out, Z.data(), out, Y.data(), out, dZ.data(), out, &loss);
        CHECK(loss == 2 * huge);
        CHECK(dZ[0] == 1);
        CHECK(dZ[1] == -1);
        for (std::size_t j = 2; j < out; ++j) CHECK(dZ[j] == 0);
    });
}

TEST_CASE_TEMPLATE("categorical cross-entropy of shares that do not sum to 1", T, float, double) {
    on_every_table_and_width<T>([&](const Kernels<T>& k, std::size_t out) {
        constexpr double accuracy = 64 * static_cast<double>(std::numeric_limits<T>::epsilon());
        const double n = static_cast<double>(out);
        // Equal logits: each class has the probability 1 / n.
        const std::vector<T> Z(out, T{-2});
        for (const T share : {T{0}, T{0.125}, T{3}}) {
            INFO("each share ", share);
            const std::vector<T> Y(out, share);
            std::vector<T> dZ(out, T{7});
            T loss = -1;
            k.categorical_cross_entropy(1, out, Z.data(), out, Y.data(), out, dZ.data(), out, &loss);
            CHECK(loss == doctest::Approx(static_cast<double>(share) * n * std::log(n)).epsilon(accuracy));
            for (const T slope : dZ)
                CHECK(std::abs(static_cast<double>(slope)) <= accuracy * static_cast<double>(share));
        }
        // One share of 3: the gradient is 3 / n, less 3 there.
        std::vector<T> Y(out, T{0}), dZ(out);
        Y.back() = 3;
        T loss = -1;
        k.categorical_cross_entropy(1, out, Z.data(), out, Y.data(), out, dZ.data(), out, &loss);
        CHECK(loss == doctest::Approx(3 * std::log(n)).epsilon(accuracy));
        for (std::size_t j = 0; j < out; ++j)
            CHECK(dZ[j] == doctest::Approx(3 / n - (j + 1 == out ? 3 : 0)).epsilon(accuracy));
    });
}

TEST_CASE("binary cross-entropy of the largest logits is finite") {
    for (const auto isa : densimd::kernels::available_isas()) {
        const float Z[] = {3e38f, -3e38f, 3e38f}, Y[] = {0, 1, 0};
        float loss = 0;
        densimd::kernels::table<float>(isa).binary_cross_entropy(1, 3, Z, 3, Y, 3, nullptr, 0, &loss);
        CHECK(loss == doctest::Approx(3e38));
    }
}
