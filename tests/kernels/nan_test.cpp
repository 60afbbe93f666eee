// A NaN comes out as a NaN where it belongs, and nowhere else.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/activations.hpp"
#include "support/isas.hpp"
#include "support/sizes.hpp"

using namespace densimd::test;

namespace {

template <class T>
constexpr T nan_value = std::numeric_limits<T>::quiet_NaN();

// Calls check(kernels, shape) for shapes in whole blocks and with tails.
template <class T, class Check>
void for_each_shape(Check check) {
    for (const Isa isa : kernels::available_isas())
        for (const Shape s : {Shape{1, 3, 1}, {7, 5, 1}, {2, 9, 10}, {7, 17, 33}, {13, 33, 70}}) {
            INFO("isa ", std::string(kernels::name(isa)), ", batch ", s.batch, ", in ", s.in, ", out ",
                 s.out);
            check(kernels::table<T>(isa), s);
        }
}

// The elements of a matrix that are NaN must be those that `expected(row, column)` says.
template <class T, class Expected>
void check_nans(const std::vector<T>& matrix, std::size_t cols, Expected expected) {
    for (std::size_t i = 0; i < matrix.size(); ++i)
        if (std::isnan(matrix[i]) != expected(i / cols, i % cols))
            FAIL_CHECK("row ", i / cols, ", column ", i % cols, " is ", matrix[i]);
}

}  // namespace

TEST_CASE_TEMPLATE("a NaN in X makes its row of A NaN", T, float, double) {
    for_each_shape<T>([](const Kernels<T>& k, Shape s) {
        for (const Activation activation : all_activations)
            for (std::size_t at = 0; at < s.batch * s.in; at += 3) {
                std::vector<T> X(s.batch * s.in, T{0.5}), W(s.in * s.out, T{0.25}), A(s.batch * s.out);
                X[at] = nan_value<T>;
                k.dense_forward(s.batch, s.in, s.out, X.data(), s.in, W.data(), s.out, nullptr, activation,
                                A.data(), s.out);
                check_nans(A, s.out, [&](std::size_t row, std::size_t) { return row == at / s.in; });
            }
    });
}

TEST_CASE_TEMPLATE("a NaN in W makes its column of A and its row's dX NaN", T, float, double) {
    for_each_shape<T>([](const Kernels<T>& k, Shape s) {
        for (const Activation activation : all_activations)
            for (std::size_t at = 0; at < s.in * s.out; at += 7) {
                std::vector<T> X(s.batch * s.in, T{0.5}), W(s.in * s.out, T{0.25}), A(s.batch * s.out, T{1}),
                    dX(s.batch * s.in);
                W[at] = nan_value<T>;
                k.dense_forward(s.batch, s.in, s.out, X.data(), s.in, W.data(), s.out, nullptr, activation,
                                A.data(), s.out);
                check_nans(A, s.out, [&](std::size_t, std::size_t column) { return column == at % s.out; });
                const std::vector<T> dZ(s.batch * s.out, T{1});
                k.dense_backward_input(s.batch, s.in, s.out, dZ.data(), s.out, W.data(), s.out, X.data(),
                                       s.in, activation, dX.data(), s.in);
                check_nans(dX, s.in, [&](std::size_t, std::size_t column) { return column == at / s.out; });
            }
    });
}

TEST_CASE_TEMPLATE("a NaN in a sample's gradient makes its column of W and all of dx NaN", T, float, double) {
    for_each_shape<T>([](const Kernels<T>& k, Shape s) {
        for (std::size_t at = 0; at < s.out; ++at) {
            const std::vector<T> x(s.in, T{0.5}), weights(s.in * s.out, T{0.25}), biases(s.out, T{0.25});
            std::vector<T> dz(s.out, T{0.5}), dx(s.in), y(s.out);
            dz[at] = nan_value<T>;
            const auto is_its_column = [&](std::size_t, std::size_t column) { return column == at; };
            auto W = weights, b = biases;
            k.dense_backward_update(s.in, s.out, x.data(), dz.data(), T{0.5}, W.data(), s.out, b.data(),
                                    x.data(), Activation::tanh, dx.data());
            check_nans(W, s.out, is_its_column);
            check_nans(b, s.out, is_its_column);
            check_nans(dx, s.in, [](std::size_t, std::size_t) { return true; });
            W = weights;
            b = biases;
            k.dense_update_forward(s.in, s.out, x.data(), dz.data(), T{0.5}, W.data(), s.out, b.data(),
                                   x.data(), Activation::tanh, y.data());
            check_nans(W, s.out, is_its_column);
            check_nans(b, s.out, is_its_column);
            check_nans(y, s.out, is_its_column);
        }
    });
}

TEST_CASE_TEMPLATE("a NaN in dZ makes its column of W and its bias NaN", T, float, double) {
    for_each_shape<T>([](const Kernels<T>& k, Shape s) {
        for (std::size_t at = 0; at < s.batch * s.out; at += 3) {
            std::vector<T> X(s.batch * s.in, T{0.5}), dZ(s.batch * s.out, T{0.25}), W(s.in * s.out, 1),
                b(s.out, 1);
            dZ[at] = nan_value<T>;
            k.dense_update(s.batch, s.in, s.out, X.data(), s.in, dZ.data(), s.out, T{-0.5}, W.data(), s.out,
                           b.data());
            check_nans(W, s.out, [&](std::size_t, std::size_t column) { return column == at % s.out; });
            check_nans(b, s.out, [&](std::size_t, std::size_t column) { return column == at % s.out; });
        }
    });
}

TEST_CASE_TEMPLATE("a NaN in y makes the ReLUs' derivatives NaN", T, float, double) {
    for_each_shape<T>([](const Kernels<T>& k, Shape) {
        const T y = nan_value<T>, ds = 1;
        T dx = 0;
        k.relu_grad(1, &y, &ds, &dx);
        CHECK(std::isnan(dx));
        dx = 0;
        k.leaky_relu_grad(1, T{0.5}, &y, &ds, &dx);
        CHECK(std::isnan(dx));
        dx = 0;
        k.elu_grad(1, T{0.5}, &y, &ds, &dx);
        CHECK(std::isnan(dx));
    });
}
