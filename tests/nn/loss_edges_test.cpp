// Training at the edges of the losses: saturated logits, vectors without a direction,
// residuals far away, logits of classes.
#include <doctest/doctest.h>

#include <algorithm>
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

TEST_CASE_TEMPLATE("residuals of zero and far ones: absolute error and huber", T, float, double) {
    nn::BasicNetwork<T> net({.inputs = 1, .layers = {{2, nn::identity}}});
    for (T& w : net.parameters()) w = 0;
    const nn::Matrix<T> X(1, 1, {1}), met(1, 2), far(1, 2, {3, -1e20f});
    nn::Workspace<T> workspace = net.make_workspace();
    std::vector<T> gradient(net.parameters().size());
    for (const nn::Loss loss : {nn::mean_absolute_error, nn::huber}) {
        INFO("loss ", static_cast<int>(loss));
        CHECK(net.gradient(X, met, loss, gradient, workspace) == 0);
        for (const T g : gradient) CHECK(g == 0);
        // Squares of the residuals would overflow a float.
        CHECK(net.gradient(X, far, loss, gradient, workspace) == doctest::Approx(5e19));
        CHECK(gradient[net.layers()[0].biases] == T{-0.5});
        CHECK(gradient[net.layers()[0].biases + 1] == T{0.5});
    }
    // Up to delta = 1 half the square, then a line: (1/2 * 1/4 + 5/2) / 2.
    const nn::Matrix<T> near_and_far(1, 2, {0.5, -3});
    CHECK(net.gradient(X, near_and_far, nn::huber, gradient, workspace) == T{1.3125});
    CHECK(gradient[net.layers()[0].biases] == T{-0.25});
    CHECK(gradient[net.layers()[0].biases + 1] == T{0.5});
}

TEST_CASE_TEMPLATE("categorical cross-entropy of far-off logits is finite and can be trained", T, float,
                   double) {
    nn::BasicNetwork<T> net({.inputs = 3, .layers = {{3, nn::identity}}});
    for (T& w : net.parameters()) w = 0;
    for (std::size_t i = 0; i < 3; ++i) net.layer(0).weights(i, i) = T{1e30f};
    const nn::Matrix<T> X(2, 3, {1, 0, 0, 0, 1, 0}), right(2, 3, {1, 0, 0, 0, 1, 0}),
        wrong(2, 3, {0, 0, 1, 0, 0, 1}), no_class(2, 3);
    CHECK(net.evaluate(X, right, nn::categorical_cross_entropy).loss == 0);
    CHECK(net.evaluate(X, wrong, nn::categorical_cross_entropy).loss == doctest::Approx(1e30).epsilon(1e-6));
    CHECK(net.evaluate(X, no_class, nn::categorical_cross_entropy).loss == 0);

    const std::vector<T> before = parameters_of(net);
    nn::Workspace<T> workspace = net.make_workspace(2);
    net.train_step(X, right, nn::categorical_cross_entropy, nn::sgd(1), workspace);
    net.train_step(X, no_class, nn::categorical_cross_entropy, nn::sgd(1), workspace);
    CHECK(bit_difference(parameters_of(net), before) == "");
    // A wrong answer has a slope of 1, halved by the two rows.
    std::vector<T> gradient(net.parameters().size());
    net.gradient(X, wrong, nn::categorical_cross_entropy, gradient, workspace);
    CHECK(gradient[net.layers()[0].weights] == T{0.5});
    CHECK(gradient[net.layers()[0].weights + 2] == T{-0.5});
    const nn::History history = net.fit(X, wrong, {.loss = nn::categorical_cross_entropy, .epochs = 3});
    CHECK(std::isfinite(history.epochs.back().training.loss));
}

TEST_CASE_TEMPLATE("predictions trained by categorical cross-entropy are logits of probabilities", T, float,
                   double) {
    Random random;
    const auto X = random_matrix<T>(random, 300, 2);
    nn::Matrix<T> classes(300, 1);  // one of three angles
    for (std::size_t i = 0; i < 300; ++i)
        classes(i, 0) = X(i, 0) > X(i, 1) ? T{0} : X(i, 0) > -X(i, 1) ? T{1} : T{2};
    const nn::Matrix<T> Y = nn::one_hot(classes, 3);
    for (const std::size_t batch_size : {1u, 16u}) {
        INFO("batch ", batch_size);
        nn::BasicNetwork<T> net({.inputs = 2, .layers = {{16, nn::tanh}, {3, nn::identity}}, .seed = 3});
        const nn::FitOptions options{.loss = nn::categorical_cross_entropy,
                                     .optimizer = nn::adam(0.02),
                                     .batch_size = batch_size,
                                     .epochs = 60,
                                     .validation_split = 0.2,
                                     .metric = nn::Metric::accuracy};
        const nn::History history = net.fit(X, Y, options);
        CHECK(history.epochs.back().training.metric > 0.95);
        CHECK(history.epochs.back().validation->metric > 0.9);

        nn::Matrix<T> P = net.predict(X);
        const auto& k = densimd::kernels::active<T>();
        k.softmax(P.rows(), P.cols(), P.data(), P.cols(), P.data(), P.cols());
        double loss = 0, right = 0;
        for (std::size_t i = 0; i < 300; ++i) {
            const double share = static_cast<double>(P(i, static_cast<std::size_t>(classes(i, 0))));
            loss -= std::log(share) / 300;
            right += share >= static_cast<double>(std::max({P(i, 0), P(i, 1), P(i, 2)})) ? 1 : 0;
        }
        const nn::Evaluation all = net.evaluate(X, Y, options.loss, options.metric);
        CHECK(all.loss == doctest::Approx(loss).epsilon(1e-5));
        CHECK(all.metric == right / 300);
    }
}
