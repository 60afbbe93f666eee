// Accuracy and R2 of predictions that are given, by networks that pass their input on.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "support/nn.hpp"

using namespace densimd::test;

namespace {

template <class T>
nn::Evaluation evaluate(const nn::Matrix<T>& predictions, const nn::Matrix<T>& targets, nn::Metric metric) {
    const std::size_t width = predictions.cols();
    nn::BasicNetwork<T> net({.inputs = width, .layers = {{width, nn::identity}}});
    for (T& w : net.parameters()) w = 0;
    for (std::size_t i = 0; i < width; ++i) net.layer(0).weights(i, i) = 1;
    return net.evaluate(predictions, targets, nn::mean_squared_error, metric);
}

}  // namespace

TEST_CASE_TEMPLATE("without a metric there is none", T, float, double) {
    const nn::Evaluation result = evaluate<T>({2, 1, {1, 2}}, {2, 1, {1, 4}}, nn::Metric::none);
    CHECK(result.loss == 2);
    CHECK(std::isnan(result.metric));
}

TEST_CASE_TEMPLATE("accuracy of one output is the same side of 1/2", T, float, double) {
    CHECK(
        evaluate<T>({4, 1, {T{0.2f}, T{0.7f}, T{0.5}, T{0.49f}}}, {4, 1, {0, 1, 1, 1}}, nn::Metric::accuracy)
            .metric == 0.75);
}

TEST_CASE_TEMPLATE("accuracy of several outputs is the same largest one", T, float, double) {
    const nn::Matrix<T> predictions(4, 3, {T{.1f}, T{.2f}, T{.7f}, 9, 8, 7, -3, -1, -2, 0, 1, 0});
    const nn::Matrix<T> targets(4, 3, {0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0});
    CHECK(evaluate<T>(predictions, targets, nn::Metric::accuracy).metric == 0.75);
}

TEST_CASE_TEMPLATE("r2", T, float, double) {
    const nn::Matrix<T> targets(4, 2, {1, 10, 2, 20, 3, 30, 4, 40});
    CHECK(evaluate(targets, targets, nn::Metric::r2).metric == 1);
    // The columns' means explain nothing.
    CHECK(evaluate<T>({4, 2, {T{2.5}, 25, T{2.5}, 25, T{2.5}, 25, T{2.5}, 25}}, targets, nn::Metric::r2)
              .metric == 0);
    // Residuals of 1 in the first column: 4 / (5 + 500).
    CHECK(evaluate<T>({4, 2, {2, 10, 3, 20, 4, 30, 5, 40}}, targets, nn::Metric::r2).metric ==
          doctest::Approx(1 - 4.0 / 505));
    // Worse than the means is negative.
    CHECK(evaluate<T>({4, 2, {0, 40, 0, 30, 0, 20, 0, 10}}, targets, nn::Metric::r2).metric < 0);
}

TEST_CASE_TEMPLATE("r2 of constant targets is 1 if met, else 0", T, float, double) {
    const nn::Matrix<T> constant(3, 1, {2, 2, 2});
    CHECK(evaluate(constant, constant, nn::Metric::r2).metric == 1);
    CHECK(evaluate<T>({3, 1, {2, 2, 3}}, constant, nn::Metric::r2).metric == 0);
}

TEST_CASE_TEMPLATE("values of many rows are those of all, not of the last block", T, float, double) {
    Random random;
    const auto predictions = random_matrix<T>(random, 1000, 3), targets = random_matrix<T>(random, 1000, 3);
    double squares = 0;
    for (std::size_t i = 0; i < 1000; ++i)
        for (std::size_t j = 0; j < 3; ++j)
            squares +=
                std::pow(static_cast<double>(predictions(i, j)) - static_cast<double>(targets(i, j)), 2);
    CHECK(evaluate(predictions, targets, nn::Metric::none).loss ==
          doctest::Approx(squares / 3000).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("label accuracy of several labels of which none, one or more apply", T, float, double) {
    const nn::Matrix<T> targets(3, 3, {1, 1, 0, 0, 0, 0, 1, 1, 1});
    CHECK(evaluate(targets, targets, nn::Metric::label_accuracy).metric == 1);
    CHECK(evaluate<T>({3, 3, {T(.9f), T(.2f), T(.1f), T(.7f), 0, 0, 1, 1, 1}}, targets,
                      nn::Metric::label_accuracy)
              .metric == doctest::Approx(7.0 / 9));
    nn::BasicNetwork<T> net({.inputs = 2, .layers = {{3, nn::sigmoid}}});
    const nn::Matrix<T> X(2, 2, {1, 0, 0, 1}), Y(2, 3, {1, 1, 0, 0, 0, 1});
    const auto last = net.fit(X, Y,
                              {.loss = nn::binary_cross_entropy,
                               .optimizer = nn::sgd(2),
                               .epochs = 200,
                               .metric = nn::Metric::label_accuracy})
                          .epochs.back();
    CHECK(last.training.metric == 1);
    CHECK(net.evaluate(X, Y, nn::binary_cross_entropy, nn::Metric::label_accuracy).metric == 1);
}

TEST_CASE("a metric that says nothing of the targets or outputs is refused") {
    nn::Network net({.inputs = 2, .layers = {{3, nn::sigmoid}}});
    const nn::Matrix<float> X(2, 2, {1, 0, 0, 1});
    const auto refuse = [&](nn::Network& network, const nn::Matrix<float>& Y, nn::Loss loss,
                            nn::Metric metric, std::initializer_list<const char*> parts) {
        check_refused(
            network, [&] { network.evaluate(X, Y, loss, metric); }, parts);
        check_refused(
            network, [&] { network.fit(X, Y, {.loss = loss, .metric = metric}); }, parts);
    };
    using enum nn::Metric;
    // Two labels, then none.
    refuse(net, {2, 3, {1, 0, 0, 1, 0, 1}}, nn::binary_cross_entropy, accuracy, {"row 1", "label_accuracy"});
    refuse(net, {2, 3, {0, 0, 0, 1, 0, 0}}, nn::binary_cross_entropy, accuracy, {"row 0", "label_accuracy"});
    refuse(net, {2, 3, {1, 0, 0, 2, 0, 1}}, nn::mean_squared_error, accuracy, {"2 in row 1, column 0", "r2"});
    refuse(net, {2, 3, {1, 0, 0, 1, 0, -1}}, nn::huber, label_accuracy, {"-1 in row 1, column 2"});
    nn::Network price({.inputs = 2, .layers = {{1, nn::identity}}});
    refuse(price, {2, 1, {250000, 300000}}, nn::mean_squared_error, accuracy, {"250000 in row 0", "r2"});
    nn::Network classes({.inputs = 2, .layers = {{3, nn::identity}}});
    const nn::Matrix<float> one_hot(2, 3, {1, 0, 0, 0, 0, 1});
    refuse(classes, one_hot, nn::categorical_cross_entropy, r2, {"logits", "accuracy"});
    refuse(classes, one_hot, nn::categorical_cross_entropy, label_accuracy, {"logits", "accuracy"});
    CHECK(classes.evaluate(X, one_hot, nn::categorical_cross_entropy, accuracy).metric >= 0);
    // Shares of classes have a largest one.
    const nn::Matrix<float> shares(2, 3, {.8f, .1f, .1f, .2f, .3f, .5f});
    CHECK(net.evaluate(X, shares, nn::mean_squared_error, accuracy).metric >= 0);
}
