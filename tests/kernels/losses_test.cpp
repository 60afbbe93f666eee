// The losses and their gradients against the reference: value only, separate gradient, in place.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "support/isas.hpp"
#include "support/losses.hpp"
#include "support/random.hpp"
#include "support/sizes.hpp"

using namespace densimd::test;

namespace {

template <class T>
struct LossAndGradient {
    std::vector<T> loss, gradient;
};

template <class T>
constexpr T epsilon = std::numeric_limits<T>::epsilon();

template <class T>
void check_loss(const Loss<T>& kernel, std::size_t batch, std::size_t out, const std::vector<T>& A,
                const std::vector<T>& Y, const LossAndGradient<T>& bound) {
    INFO(kernel.name, ", batch ", batch, ", out ", out);
    LossAndGradient<T> expected{std::vector<T>(batch), std::vector<T>(batch * out)};
    kernel.call(kernels::reference<T>(), batch, out, A.data(), out, Y.data(), out, expected.gradient.data(),
                out, expected.loss.data());
    on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
        Guarded<T> A_in(batch, out, A, layout), Y_in(batch, out, Y, layout), gradient(batch, out, layout),
            in_place(batch, out, A, layout);
        GuardedVector<T> loss(batch, layout), loss_alone(batch, layout), loss_in_place(batch, layout);
        const auto run = [&](Guarded<T>& predictions, T* result, std::size_t ld, GuardedVector<T>& losses) {
            kernel.call(kernels, batch, out, predictions.data(), predictions.ld(), Y_in.data(), Y_in.ld(),
                        result, ld, losses.data());
        };
        run(A_in, gradient.data(), gradient.ld(), loss);
        run(A_in, nullptr, 0, loss_alone);
        run(in_place, in_place.data(), in_place.ld(), loss_in_place);
        CHECK(difference(loss.values(), expected.loss, bound.loss) == "");
        CHECK(difference(gradient.values(), expected.gradient, bound.gradient) == "");
        CHECK(bit_difference(loss_alone.values(), loss.values()) == "");
        CHECK(bit_difference(loss_in_place.values(), loss.values()) == "");
        CHECK(bit_difference(in_place.values(), gradient.values()) == "");
        CHECK((gradient.padding_intact() && in_place.padding_intact()));
        CHECK((A_in.unchanged() && Y_in.unchanged()));
        std::vector<T> all = loss.values();
        const std::vector<T> rest = gradient.values();
        all.insert(all.end(), rest.begin(), rest.end());
        return all;
    });
}

// Calls bound_row(a, y, loss, gradient) for each row, with pointers to its `out` elements, to fill in the
// bounds.
template <class T, class BoundRow>
LossAndGradient<T> bounds(std::size_t batch, std::size_t out, const std::vector<T>& A,
                          const std::vector<T>& Y, BoundRow bound_row) {
    LossAndGradient<T> bound{std::vector<T>(batch), std::vector<T>(batch * out)};
    for (std::size_t i = 0; i < batch; ++i)
        bound_row(A.data() + i * out, Y.data() + i * out, bound.loss[i], bound.gradient.data() + i * out);
    return bound;
}

// As batch_sizes, and more rows than some kernels add up at once, twice.
std::vector<std::size_t> loss_batch_sizes() {
    std::vector<std::size_t> sizes(std::begin(batch_sizes), std::end(batch_sizes));
    sizes.push_back(35);
    return sizes;
}

// Calls bound_row(a, y, loss, gradient) for the rows of random predictions and targets of every size.
template <class T, class BoundRow>
void check_sizes(const std::string& name, BoundRow bound_row) {
    const Loss<T> kernel = loss_named<T>(name);
    Random random;
    for (const std::size_t batch : loss_batch_sizes())
        for (const std::size_t out : vector_sizes) {
            const auto A = random.vector<T>(batch * out, kernel.low, kernel.high);
            auto Y = random.vector<T>(batch * out, kernel.target_low, kernel.target_high);
            if (kernel.target_low == 0)  // a third of probabilities certain
                for (std::size_t i = 0; i < Y.size(); i += 3) Y[i] = static_cast<T>(random.below(2));
            check_loss(kernel, batch, out, A, Y,
                       bounds(batch, out, A, Y, [&](const T* a, const T* y, T& loss, T* gradient) {
                           if (out > 0) bound_row(out, a, y, loss, gradient);
                       }));
        }
}

// The documented accuracy of exp, log and sigmoid.
template <class T>
constexpr T elementary_ulps = std::is_same_v<T, float> ? 3 : 4;

}  // namespace

// A sum has half an epsilon of its magnitude per term, a mean one more for its two roundings, the reference
// half of one. What is beyond these is said at each loss; n is the length of a row.

TEST_CASE_TEMPLATE("mean_squared_error", T, float, double) {
    // Per term three roundings of half a ULP.
    check_sizes<T>("mean_squared_error", [](std::size_t out, const T* a, const T* y, T& loss, T* gradient) {
        const T n = static_cast<T>(out);
        T sum = 0;
        for (std::size_t j = 0; j < out; ++j) {
            sum += (a[j] - y[j]) * (a[j] - y[j]);
            gradient[j] = 2 * epsilon<T> * 2 * std::abs(a[j] - y[j]) / n;
        }
        loss = (n + 2) * epsilon<T> * sum / n;
    });
}

TEST_CASE_TEMPLATE("binary_cross_entropy", T, float, double) {
    check_sizes<T>("binary_cross_entropy", [](std::size_t out, const T* z, const T* y, T& loss, T* gradient) {
        const T n = static_cast<T>(out), ulps = elementary_ulps<T>;
        T sum = 0;
        for (std::size_t j = 0; j < out; ++j) {
            const T positive = std::max(z[j], T{0}), s = 1 / (1 + std::exp(-z[j]));
            sum += positive + std::abs(z[j] * y[j]) + std::log1p(std::exp(-std::abs(z[j])));
            gradient[j] = (ulps * s + 2 * std::abs(s - y[j])) * epsilon<T> / n;
        }
        // Each term is as accurate as sigmoid, with two roundings to put it together.
        loss = (n + ulps + 2) * epsilon<T> * sum / n;
    });
}

TEST_CASE_TEMPLATE("binary_cross_entropy_from_probabilities", T, float, double) {
    check_sizes<T>("binary_cross_entropy_from_probabilities",
                   [](std::size_t out, const T* p, const T* y, T& loss, T* gradient) {
                       const T n = static_cast<T>(out);
                       T sum = 0;
                       for (std::size_t j = 0; j < out; ++j) {
                           const T q = 1 - p[j];
                           sum += y[j] * std::abs(std::log(p[j])) + (1 - y[j]) * std::abs(std::log(q));
                           // The difference, p (1 - p) with two, the quotient.
                           gradient[j] = 4 * epsilon<T> * std::abs(p[j] - y[j]) / (p[j] * q) / n;
                       }
                       // A logarithm, 1 - y, a product and a sum.
                       loss = (n + elementary_ulps<T> + 3) * epsilon<T> * sum / n;
                   });
}

TEST_CASE_TEMPLATE("categorical_cross_entropy", T, float, double) {
    // Softmax is within (n + 6) epsilon and half an epsilon of its exponent for its rounding, its logarithm
    // within (n + 6) epsilon and 2 epsilon of itself.
    check_sizes<T>("categorical_cross_entropy",
                   [](std::size_t out, const T* z, const T* y, T& loss, T* gradient) {
                       const T n = static_cast<T>(out), largest = *std::max_element(z, z + out);
                       T exps = 0, share = 0, sum = 0;
                       for (std::size_t j = 0; j < out; ++j) {
                           exps += std::exp(z[j] - largest);
                           share += y[j];
                       }
                       for (std::size_t j = 0; j < out; ++j) {
                           const T distance = largest - z[j], probability = std::exp(-distance) / exps;
                           sum += y[j] * (distance + std::log(exps));
                           // Softmax, the sum of the shares, their product, the difference.
                           gradient[j] = epsilon<T> * ((2 * n + 7 + distance / 2) * share * probability +
                                                       std::abs(share * probability - y[j]));
                       }
                       // The terms and their sum.
                       loss = epsilon<T> * ((n + 6) * share + (n + 3) * sum);
                   });
}

TEST_CASE_TEMPLATE("mean_absolute_error", T, float, double) {
    check_sizes<T>("mean_absolute_error", [](std::size_t out, const T* a, const T* y, T& loss, T* gradient) {
        const T n = static_cast<T>(out);
        T sum = 0;
        for (std::size_t j = 0; j < out; ++j) {
            sum += std::abs(a[j] - y[j]);
            gradient[j] = epsilon<T> / n;  // 1 / n
        }
        loss = (n + 2) * epsilon<T> * sum / n;
    });
}

TEST_CASE_TEMPLATE("huber", T, float, double) {
    check_sizes<T>("huber", [](std::size_t out, const T* a, const T* y, T& loss, T* gradient) {
        const T n = static_cast<T>(out);
        T sum = 0;
        for (std::size_t j = 0; j < out; ++j) {
            const T r = std::abs(a[j] - y[j]), slope = std::min(r, huber_delta<T>);
            sum += slope * (r + slope / 2);  // the magnitudes of the difference that it is
            gradient[j] = 2 * epsilon<T> * slope / n;
        }
        loss = (n + 3) * epsilon<T> * sum / n;
    });
}

TEST_CASE_TEMPLATE("cosine_distance", T, float, double) {
    // c: n ULPs for its three sums (half of each norm's) and 3 for the rest; see the formulas in kernels.hpp.
    check_sizes<T>("cosine_distance", [](std::size_t out, const T* a, const T* y, T& loss, T* gradient) {
        const T n = static_cast<T>(out);
        T aa = 0, yy = 0;
        for (std::size_t j = 0; j < out; ++j) {
            aa += a[j] * a[j];
            yy += y[j] * y[j];
        }
        const T norm_a = std::sqrt(aa), norm_y = std::sqrt(yy);
        loss = (n + 4) * epsilon<T>;
        for (std::size_t j = 0; j < out; ++j)
            gradient[j] =
                (2 * n + 6) * epsilon<T> * (std::abs(a[j]) / norm_a + std::abs(y[j]) / norm_y) / norm_a;
    });
}

// The value and the gradient are of the same function: independent of the reference.
TEST_CASE("gradients of losses are the slopes of their values") {
    // The error is step^2 / 6 times a third derivative of at most 2 / 0.2^3, and rounding: 2 epsilon / step.
    constexpr double step = 0x1p-14, bound = 1e-6;
    constexpr std::size_t batch = 3, out = 11;
    for (const Loss<double>& kernel : losses<double>()) {
        // Sixteenths, the differences of which are odd: no residual is near a kink at 0 or at huber_delta.
        std::vector<double> A(batch * out), Y(batch * out);
        Random random;
        for (std::size_t i = 0; i < A.size(); ++i) {
            A[i] = static_cast<double>(4 + 2 * random.below(5)) / 16;
            Y[i] = static_cast<double>(1 + 2 * random.below(7)) / 16;
        }
        const auto check = [&](const Kernels<double>& kernels) {
            std::vector<double> gradient(batch * out), loss(batch);
            kernel.call(kernels, batch, out, A.data(), out, Y.data(), out, gradient.data(), out, loss.data());
            for (std::size_t i = 0; i < A.size(); ++i) {
                const auto loss_at = [&](double a) {
                    std::vector<double> moved = A;
                    moved[i] = a;
                    kernel.call(kernels, batch, out, moved.data(), out, Y.data(), out, nullptr, 0,
                                loss.data());
                    return loss[i / out];
                };
                const double slope = (loss_at(A[i] + step) - loss_at(A[i] - step)) / (2 * step);
                if (!is_within(gradient[i], slope, bound))
                    FAIL_CHECK("element ", i, ": ", gradient[i], ", but the slope is ", slope);
            }
        };
        {
            INFO(kernel.name, ", reference");
            check(kernels::reference<double>());
        }
        for (const Isa isa : kernels::available_isas()) {
            INFO(kernel.name, ", isa ", std::string(kernels::name(isa)));
            check(kernels::table<double>(isa));
        }
    }
}
