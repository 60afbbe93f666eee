// predict: each row by itself, in place, from several threads at once, with what every workspace can hold.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "support/nn.hpp"

using namespace densimd::test;

namespace {

constexpr std::size_t rows = 101;

template <class T>
struct Problem {
    nn::BasicNetwork<T> net{{.inputs = 19, .layers = {{35, nn::sigmoid}, {6, nn::identity}}, .seed = 3}};
    Random random;
    nn::Matrix<T> X = random_matrix<T>(random, rows, 19);
    std::vector<T> expected = values_of(net.predict(X));

    std::vector<T> predict(nn::MatrixView<const T> part, nn::Workspace<T>& workspace) const {
        nn::Matrix<T> out(part.rows(), net.outputs());
        net.predict(part, out, workspace);
        return values_of(out);
    }
};

}  // namespace

TEST_CASE_TEMPLATE("a prediction does not depend on the rows around it", T, float, double) {
    const Problem<T> p;
    for (const std::size_t together : {1u, 2u, 5u, 64u, 101u, 300u}) {
        nn::Workspace<T> workspace = p.net.make_workspace(together);
        CHECK(workspace.batch() == together);
        INFO("rows together ", together);
        CHECK(bit_difference(p.predict(p.X, workspace), p.expected) == "");
        std::vector<T> in_parts;
        for (std::size_t i = 0; i < rows; i += together) {
            const auto part = p.X.view().middle_rows(i, std::min<std::size_t>(together, rows - i));
            const std::vector<T> predictions = p.predict(part, workspace);
            in_parts.insert(in_parts.end(), predictions.begin(), predictions.end());
        }
        CHECK(bit_difference(in_parts, p.expected) == "");
    }
}

TEST_CASE_TEMPLATE("predict uses rows that lie apart, and leaves what lies between", T, float, double) {
    const Problem<T> p;
    const T nan = std::numeric_limits<T>::quiet_NaN();
    constexpr std::size_t X_stride = 19 + 4, out_stride = 6 + 3;
    std::vector<T> X(rows * X_stride, nan), out(rows * out_stride, T{7});
    for (std::size_t i = 0; i < rows; ++i) std::copy_n(p.X.row(i), 19, X.data() + i * X_stride);
    nn::Workspace<T> workspace = p.net.make_workspace(8);
    const nn::MatrixView<const T> X_view(X.data(), rows, 19, X_stride);
    const nn::MatrixView<T> out_view(out.data(), rows, 6, out_stride);
    for (const bool with_try : {false, true}) {
        if (with_try)
            REQUIRE(p.net.try_predict(X_view, out_view, workspace));
        else
            p.net.predict(X_view, out_view, workspace);
        std::vector<T> packed, between;
        for (std::size_t i = 0; i < rows; ++i) {
            packed.insert(packed.end(), out_view.row(i), out_view.row(i) + 6);
            between.insert(between.end(), out_view.row(i) + 6, out_view.row(i) + out_stride);
        }
        CHECK(bit_difference(packed, p.expected) == "");
        CHECK(between == std::vector<T>(rows * 3, T{7}));
    }
}

TEST_CASE_TEMPLATE("a NaN in a row stays in its prediction", T, float, double) {
    Problem<T> p;
    p.X(50, 7) = std::numeric_limits<T>::quiet_NaN();
    const nn::Matrix<T> out = p.net.predict(p.X);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < 6; ++j) CHECK(std::isnan(out(i, j)) == (i == 50));
}

TEST_CASE_TEMPLATE("no rows give no predictions", T, float, double) {
    const Problem<T> p;
    const nn::Matrix<T> none = p.net.predict(nn::Matrix<T>(0, 19));
    CHECK(none.rows() == 0);
    CHECK(none.cols() == 6);
}

TEST_CASE_TEMPLATE("one const network predicts in several threads at once", T, float, double) {
    const Problem<T> p;
    std::vector<std::vector<T>> results(4);
    {
        std::vector<std::jthread> threads;
        for (std::vector<T>& result : results)
            threads.emplace_back([&p, &result] {
                nn::Workspace<T> workspace = p.net.make_workspace(16);
                for (int repeat = 0; repeat < 20; ++repeat) result = p.predict(p.X, workspace);
            });
    }
    for (const std::vector<T>& result : results) CHECK(bit_difference(result, p.expected) == "");
}

TEST_CASE_TEMPLATE("a workspace fits every network of its shape, whatever ran in it before", T, float,
                   double) {
    const Problem<T> p;
    const nn::BasicNetwork<T> other(
        {.inputs = 19, .layers = {{35, nn::sigmoid}, {6, nn::identity}}, .seed = 4});
    nn::Workspace<T> workspace = p.net.make_workspace(32);
    nn::Matrix<T> X = p.X, out(rows, 6);
    X(0, 0) = std::numeric_limits<T>::quiet_NaN();
    other.predict(X, out, workspace);  // leaves NaNs in the workspace
    CHECK(bit_difference(p.predict(p.X, workspace), p.expected) == "");
}
