// Training at the edges of the losses: saturated logits, vectors without a direction.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/nn.hpp"

using namespace densimd::test;

TEST_CASE_TEMPLATE("cross-entropy of saturated outputs is finite and can be trained", T, float, double) {
    nn::BasicNetwork<T> net({.inputs = 2, .layers = {{2, nn::sigmoid}}});
    for (T& w : net.layer(0).biases) w = 0;
    const auto weights = net.layer(0).weights;
    weights(0, 0) = weights(1, 1) = T{1e30f};
    weights(0, 1) = weights(1, 0) = T{-1e30f};
    const nn::Matrix<T> X(2, 2, {1, 0, 0, 1});
    const nn::Matrix<T> right(2, 2, {1, 0, 0, 1}), wrong(2, 2, {0, 1, 1, 0});
    CHECK(net.evaluate(X, right, nn::binary_cross_entropy).loss <= 1e-30);
    CHECK(net.evaluate(X, wrong, nn::binary_cross_entropy).loss == doctest::Approx(1e30).epsilon(1e-6));

    const std::vector<T> before = parameters_of(net);
    nn::Workspace<T> workspace = net.make_workspace(2);
    net.train_step(X, right, nn::binary_cross_entropy, nn::sgd(1), workspace);
    // Nothing to learn, to the accuracy of a probability of 0.
    const std::vector<T> bound(before.size(), std::numeric_limits<T>::min());
    CHECK(difference(parameters_of(net), before, bound) == "");
    // A wrong answer has a slope of 1, halved by the two outputs and halved again by the two rows.
    std::vector<T> gradient(net.parameters().size());
    net.gradient(X, wrong, nn::binary_cross_entropy, gradient, workspace);
    CHECK(gradient[net.layers()[0].weights] == T{0.25});
    const nn::History history = net.fit(X, wrong, {.loss = nn::binary_cross_entropy, .epochs = 3});
    CHECK(std::isfinite(history.epochs.back().training.loss));
}

TEST_CASE_TEMPLATE("cosine distance without a direction is 1 and moves nothing", T, float, double) {
    nn::BasicNetwork<T> net({.inputs = 3, .layers = {{4, nn::identity}}});
    Random random;
    const auto X = random_matrix<T>(random, 5, 3), Y = random_matrix<T>(random, 5, 4);
    nn::Workspace<T> workspace = net.make_workspace(5);

    const std::vector<T> before = parameters_of(net);
    CHECK(net.train_step(X, nn::Matrix<T>(5, 4), nn::cosine_distance, nn::sgd(1), workspace) ==
          1);  // zero targets
    CHECK(bit_difference(parameters_of(net), before) == "");

    for (T& w : net.parameters()) w = 0;  // zero predictions
    CHECK(net.train_step(X, Y, nn::cosine_distance, nn::sgd(1), workspace) == 1);
    for (const T w : net.parameters()) CHECK(w == 0);
    CHECK(net.evaluate(X, Y, nn::cosine_distance).loss == 1);
}
