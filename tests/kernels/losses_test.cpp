// The losses and their gradients against the reference: value only, separate gradient, in place.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "support/isas.hpp"
#include "support/random.hpp"
#include "support/sizes.hpp"

using namespace densimd::test;

namespace {

template <class T>
using LossKernel = decltype(Kernels<T>::mean_squared_error);

template <class T>
struct LossAndGradient {
    std::vector<T> loss, gradient;
};

template <class T>
constexpr T epsilon = std::numeric_limits<T>::epsilon();

template <class T>
void check_loss(LossKernel<T> Kernels<T>::*member, std::size_t batch, std::size_t out,
                const std::vector<T>& A, const std::vector<T>& Y, const LossAndGradient<T>& bound) {
    INFO("batch ", batch, ", out ", out);
    LossAndGradient<T> expected{std::vector<T>(batch), std::vector<T>(batch * out)};
    (kernels::reference<T>().*member)(batch, out, A.data(), out, Y.data(), out, expected.gradient.data(), out,
                                      expected.loss.data());
    on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
        Guarded<T> A_in(batch, out, A, layout), Y_in(batch, out, Y, layout), gradient(batch, out, layout),
            in_place(batch, out, A, layout);
        GuardedVector<T> loss(batch, layout), loss_alone(batch, layout), loss_in_place(batch, layout);
        const auto run = [&](Guarded<T>& predictions, T* result, std::size_t ld, GuardedVector<T>& losses) {
            (kernels.*member)(batch, out, predictions.data(), predictions.ld(), Y_in.data(), Y_in.ld(),
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

template <class Check>
void for_each_size(Check check) {
    for (const std::size_t batch : batch_sizes)
        for (const std::size_t out : vector_sizes) check(batch, out);
}

}  // namespace

TEST_CASE_TEMPLATE("mean_squared_error", T, float, double) {
    Random random;
    for_each_size([&](std::size_t batch, std::size_t out) {
        const auto A = random.vector<T>(batch * out), Y = random.vector<T>(batch * out);
        const T n = static_cast<T>(out);
        // Per term three roundings of half a ULP, one each for the sums, the mean and the reference.
        check_loss(&Kernels<T>::mean_squared_error, batch, out, A, Y,
                   bounds(batch, out, A, Y, [&](const T* a, const T* y, T& loss, T* gradient) {
                       T sum = 0;
                       for (std::size_t j = 0; j < out; ++j) {
                           sum += (a[j] - y[j]) * (a[j] - y[j]);
                           gradient[j] = 2 * epsilon<T> * 2 * std::abs(a[j] - y[j]) / n;
                       }
                       loss = out == 0 ? 0 : (n + 2) * epsilon<T> * sum / n;
                   }));
    });
}

TEST_CASE_TEMPLATE("binary_cross_entropy", T, float, double) {
    constexpr T sigmoid_ulps = std::is_same_v<T, float> ? 3 : 4;
    Random random;
    for_each_size([&](std::size_t batch, std::size_t out) {
        const auto Z = random.vector<T>(batch * out, -20, 20);
        auto Y = random.vector<T>(batch * out, 0, 1);
        for (std::size_t i = 0; i < Y.size(); i += 3) Y[i] = static_cast<T>(random.below(2));
        const T n = static_cast<T>(out);
        check_loss(&Kernels<T>::binary_cross_entropy, batch, out, Z, Y,
                   bounds(batch, out, Z, Y, [&](const T* z, const T* y, T& loss, T* gradient) {
                       T sum = 0;
                       for (std::size_t j = 0; j < out; ++j) {
                           const T positive = std::max(z[j], T{0}), s = 1 / (1 + std::exp(-z[j]));
                           sum += positive + std::abs(z[j] * y[j]) + std::log1p(std::exp(-std::abs(z[j])));
                           gradient[j] = (sigmoid_ulps * s + 2 * std::abs(s - y[j])) * epsilon<T> / n;
                       }
                       // Each term is as accurate as sigmoid, with two roundings to put it together.
                       loss = out == 0 ? 0 : (n + sigmoid_ulps + 2) * epsilon<T> * sum / n;
                   }));
    });
}

TEST_CASE_TEMPLATE("cosine_distance", T, float, double) {
    Random random;
    for_each_size([&](std::size_t batch, std::size_t out) {
        const auto A = random.vector<T>(batch * out), Y = random.vector<T>(batch * out);
        const T n = static_cast<T>(out);
        // c: n ULPs for its three sums (half of each norm's) and 3 for the rest; see the formulas in
        // kernels.hpp.
        check_loss(&Kernels<T>::cosine_distance, batch, out, A, Y,
                   bounds(batch, out, A, Y, [&](const T* a, const T* y, T& loss, T* gradient) {
                       T aa = 0, yy = 0;
                       for (std::size_t j = 0; j < out; ++j) {
                           aa += a[j] * a[j];
                           yy += y[j] * y[j];
                       }
                       const T norm_a = std::sqrt(aa), norm_y = std::sqrt(yy);
                       loss = (n + 4) * epsilon<T>;
                       for (std::size_t j = 0; j < out; ++j)
                           gradient[j] = (2 * n + 6) * epsilon<T> *
                                         (std::abs(a[j]) / norm_a + std::abs(y[j]) / norm_y) / norm_a;
                   }));
    });
}
