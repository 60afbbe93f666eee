// Sizes of 0: null pointers are fine where nothing is read or written, empty sums are 0.
#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "support/functions.hpp"
#include "support/isas.hpp"
#include "support/losses.hpp"
#include "support/optimizers.hpp"

using namespace densimd::test;

TEST_CASE_TEMPLATE("nothing to do takes null pointers", T, float, double) {
    on_every_table<T>([](const Kernels<T>& k) {
        T* const none = nullptr;
        for (const Function<T>& f : functions<T>()) f.call(k, 0, none, none);
        for (const Derivative<T>& f : derivatives<T>()) f.call(k, 0, none, none, none);
        CHECK(k.all_finite(0, none));
        CHECK(k.sum_of_squares(0, none) == 0);
        for (const Optimizer<T>& optimizer : optimizers<T>())
            optimizer.call(k, 0, {T{0.5}}, usual_adam<T>(1), none, none, none, none);
        for (const auto member : {&Kernels<T>::softmax, &Kernels<T>::log_softmax}) {
            (k.*member)(0, 5, none, 5, none, 5);
            (k.*member)(5, 0, none, 0, none, 0);
        }
        k.gemv(0, 0, none, none, 0, none, none);
        k.gemv_t(0, 0, none, none, 0, none);
        k.ger(0, 0, 1, none, none, none, 0);
        k.ger(5, 0, 1, none, none, none, 0);
        k.gemm(0, 0, 0, none, 0, none, 0, none, 0);
        k.gemm_nt(0, 0, 0, none, 0, none, 0, none, 0);
        k.gemm_tn(0, 0, 0, none, 0, none, 0, none, 0);
        for (const Activation activation : all_activations) {
            k.dense_backward_update(0, 0, none, none, 1, none, 0, none, none, activation, none);
            k.dense_update_forward(0, 0, none, none, 1, none, 0, none, none, activation, none);
            k.dense_forward(0, 0, 0, none, 0, none, 0, none, activation, none, 0);
            k.dense_forward_columns(0, 0, 0, 0, 0, none, 0, none, 0, none, activation, none, 0);
            k.dense_forward_columns(3, 4, 5, 2, 0, none, 4, none, 5, none, activation, none, 5);
            k.dense_backward_input(0, 0, 0, none, 0, none, 0, none, 0, activation, none, 0);
        }
        k.dense_update(0, 0, 0, none, 0, none, 0, 1, none, 0, none);
        k.dense_update(1, 5, 0, none, 5, none, 0, 1, none, 0, none);
        for (const Loss<T>& loss : losses<T>()) loss.call(k, 0, 5, none, 5, none, 5, none, 5, none);
    });
}

TEST_CASE_TEMPLATE("sums of nothing are 0", T, float, double) {
    on_every_table<T>([](const Kernels<T>& k) {
        T* const none = nullptr;
        constexpr std::size_t n = 21;
        const std::vector<T> zeros(2 * n), b(n, 3);
        std::vector<T> result(2 * n);
        const auto reset = [&] { result.assign(2 * n, std::numeric_limits<T>::quiet_NaN()); };
        reset();
        k.gemm(2, 0, n, none, 0, none, n, result.data(), n);
        CHECK(result == zeros);
        reset();
        k.gemm_nt(2, n, 0, none, 0, none, 0, result.data(), n);
        CHECK(result == zeros);
        reset();
        k.gemm_tn(0, 2, n, none, 2, none, n, result.data(), n);
        CHECK(result == zeros);
        reset();
        k.gemv_t(2 * n, 0, none, none, 0, result.data());
        CHECK(result == zeros);
        reset();
        k.gemv(0, 2 * n, none, none, 2 * n, none, result.data());
        CHECK(result == zeros);
        reset();
        k.dense_forward(2, 0, n, none, 0, none, n, b.data(), Activation::identity, result.data(), n);
        CHECK(result == std::vector<T>(2 * n, 3));
        reset();
        k.dense_backward_input(2, n, 0, none, 0, none, 0, none, 0, Activation::identity, result.data(), n);
        CHECK(result == zeros);
    });
}

TEST_CASE_TEMPLATE("a sample without inputs or outputs", T, float, double) {
    on_every_table<T>([](const Kernels<T>& k) {
        T* const none = nullptr;
        constexpr std::size_t n = 21;
        const std::vector<T> dz(n, 2);
        // Only biases: they are updated, and are the logits.
        std::vector<T> b(n, 3), y(n, 7);
        k.dense_backward_update(0, n, none, dz.data(), T{-0.5}, none, n, b.data(), none, Activation::identity,
                                none);
        CHECK(b == std::vector<T>(n, 2));
        k.dense_update_forward(0, n, none, dz.data(), T{-0.5}, none, n, b.data(), none, Activation::relu,
                               y.data());
        CHECK(b == std::vector<T>(n, 1));
        CHECK(y == b);
        // No outputs: no gradient.
        const std::vector<T> x(n, 3);
        std::vector<T> dx(n, 7);
        k.dense_backward_update(n, 0, x.data(), none, T{0.5}, none, 0, none, x.data(), Activation::tanh,
                                dx.data());
        CHECK(dx == std::vector<T>(n, 0));
        k.dense_update_forward(n, 0, x.data(), none, T{0.5}, none, 0, none, x.data(), Activation::tanh, none);
    });
}

TEST_CASE_TEMPLATE("an empty batch changes no weight", T, float, double) {
    on_every_table<T>([](const Kernels<T>& k) {
        T* const none = nullptr;
        std::vector<T> W(3 * 21, 5), b(21, 5);
        k.dense_update(0, 3, 21, none, 3, none, 21, T{0.5}, W.data(), 21, b.data());
        CHECK(W == std::vector<T>(3 * 21, 5));
        CHECK(b == std::vector<T>(21, 5));
    });
}

TEST_CASE_TEMPLATE("losses of rows without elements", T, float, double) {
    on_every_table<T>([](const Kernels<T>& k) {
        T* const none = nullptr;
        for (const Loss<T>& loss : losses<T>()) {
            INFO(loss.name);
            std::vector<T> values(3, 7);
            loss.call(k, 3, 0, none, 0, none, 0, none, 0, values.data());
            CHECK(values == std::vector<T>(3, loss.of_nothing_is_one ? 1 : 0));
        }
    });
}

TEST_CASE_TEMPLATE("one output without inputs takes null pointers", T, float, double) {
    on_every_table<T>([](const Kernels<T>& k) {
        T* const none = nullptr;
        k.ger(0, 1, 1, none, none, none, 1);
        k.dense_update(1, 0, 1, none, 0, none, 1, 1, none, 1, none);
        k.gemv_t(0, 1, none, none, 1, none);
        k.dense_backward_input(3, 0, 1, none, 1, none, 1, none, 0, Activation::sigmoid, none, 0);
        k.dense_backward_update(0, 1, none, none, 1, none, 1, none, none, Activation::identity, none);
        T y = 7;
        k.dense_update_forward(0, 1, none, none, 1, none, 1, none, none, Activation::identity, &y);
        CHECK(y == 0);
    });
}
