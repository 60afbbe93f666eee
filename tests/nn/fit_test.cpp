// fit: what it records, how it continues, when it stops, how it treats the caller's memory.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "support/nn.hpp"

using namespace densimd::test;

namespace {

constexpr std::size_t rows = 45;

template <class T>
struct Problem {
    nn::BasicNetwork<T> net{{.inputs = 6, .layers = {{12, nn::sigmoid}, {2, nn::sigmoid}}, .seed = 11}};
    Random random;
    nn::Matrix<T> X = random_matrix<T>(random, rows, 6), Y = random_matrix<T>(random, rows, 2, 0, 1);
};

}  // namespace

TEST_CASE_TEMPLATE("the history counts epochs over the network's life", T, float, double) {
    Problem<T> p;
    const nn::History first = p.net.fit(p.X, p.Y, {.epochs = 3});
    REQUIRE(first.epochs.size() == 3);
    CHECK(p.net.epochs_trained() == 3);
    for (std::size_t e = 0; e < 3; ++e) {
        CHECK(first.epochs[e].epoch == e + 1);
        CHECK(std::isfinite(first.epochs[e].training.loss));
        CHECK(std::isnan(first.epochs[e].training.metric));
        CHECK(!first.epochs[e].validation);
        CHECK(first.epochs[e].seconds >= 0);
    }
    const nn::History second =
        p.net.fit(p.X, p.Y, {.epochs = 2, .validation_split = 0.2, .metric = nn::Metric::r2});
    REQUIRE(second.epochs.size() == 2);
    CHECK(second.epochs[0].epoch == 4);
    CHECK(p.net.epochs_trained() == 5);
    REQUIRE(second.epochs[1].validation);
    CHECK(std::isfinite(second.epochs[1].training.metric));
    CHECK(std::isfinite(second.epochs[1].validation->metric));
}

TEST_CASE_TEMPLATE("training values are those of the samples as they were met", T, float, double) {
    Problem<T> p;
    // Nothing is learned, so all samples meet the same network.
    const nn::Evaluation expected = p.net.evaluate(p.X, p.Y, nn::mean_squared_error, nn::Metric::r2);
    for (const std::size_t batch_size : {1u, 4u, 100u}) {
        const nn::History history = p.net.fit(
            p.X, p.Y, {.optimizer = nn::sgd(0), .batch_size = batch_size, .metric = nn::Metric::r2});
        CHECK(history.epochs[0].training.loss == doctest::Approx(expected.loss).epsilon(1e-6));
        CHECK(history.epochs[0].training.metric == doctest::Approx(expected.metric).epsilon(1e-6));
    }
    // The metric needs predictions, cross-entropy logits.
    CHECK(p.net.evaluate(p.X, p.Y, nn::binary_cross_entropy, nn::Metric::r2).metric ==
          doctest::Approx(expected.metric).epsilon(1e-6));
    const nn::FitOptions options{
        .loss = nn::binary_cross_entropy, .optimizer = nn::sgd(0), .metric = nn::Metric::r2};
    const nn::History history = p.net.fit(p.X, p.Y, options);
    CHECK(history.epochs[0].training.metric == doctest::Approx(expected.metric).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("validation values are those of the held-back rows after the epoch", T, float, double) {
    Problem<T> p;
    const nn::FitOptions options{.loss = nn::binary_cross_entropy,
                                 .batch_size = 4,
                                 .epochs = 2,
                                 .validation_split = 0.2,
                                 .split = nn::Split::tail,
                                 .metric = nn::Metric::accuracy};
    const nn::History history = p.net.fit(p.X, p.Y, options);
    const nn::Evaluation expected =
        p.net.evaluate(p.X.view().middle_rows(36, 9), p.Y.view().middle_rows(36, 9), nn::binary_cross_entropy,
                       nn::Metric::accuracy);
    CHECK(history.epochs[1].validation->loss == doctest::Approx(expected.loss).epsilon(1e-6));
    CHECK(history.epochs[1].validation->metric == expected.metric);
}

TEST_CASE_TEMPLATE("5 and 5 epochs are 10", T, float, double) {
    for (const std::size_t batch_size : {1u, 8u})
        for (const double validation_split : {0.0, 0.25}) {
            INFO("batch ", batch_size, ", validation ", validation_split);
            nn::FitOptions options{.batch_size = batch_size, .validation_split = validation_split};
            Problem<T> at_once, in_parts;
            options.epochs = 10;
            const nn::History whole = at_once.net.fit(at_once.X, at_once.Y, options);
            options.epochs = 5;
            nn::History parts = in_parts.net.fit(in_parts.X, in_parts.Y, options);
            const nn::History rest = in_parts.net.fit(in_parts.X, in_parts.Y, options);
            parts.epochs.insert(parts.epochs.end(), rest.epochs.begin(), rest.epochs.end());
            CHECK(bit_difference(parameters_of(in_parts.net), parameters_of(at_once.net)) == "");
            CHECK(bit_difference(numbers_of(parts), numbers_of(whole)) == "");
        }
}

TEST_CASE_TEMPLATE("per-sample fit in order is train_step on row after row", T, float, double) {
    Problem<T> fitted, stepped;
    fitted.net.fit(fitted.X, fitted.Y, {.optimizer = nn::sgd(0.25), .epochs = 2, .shuffle = false});
    nn::Workspace<T> workspace = stepped.net.make_workspace();
    for (int epoch = 0; epoch < 2; ++epoch)
        for (std::size_t i = 0; i < rows; ++i)
            stepped.net.train_step(stepped.X.view().middle_rows(i, 1), stepped.Y.view().middle_rows(i, 1),
                                   nn::mean_squared_error, nn::sgd(0.25), workspace);
    CHECK(bit_difference(parameters_of(stepped.net), parameters_of(fitted.net)) == "");
    CHECK(stepped.net.epochs_trained() == 0);
}

TEST_CASE_TEMPLATE("rows that lie apart are used in place", T, float, double) {
    const T nan = std::numeric_limits<T>::quiet_NaN();
    for (const std::size_t batch_size : {1u, 8u, 45u})
        for (const bool shuffle : {false, true}) {
            INFO("batch ", batch_size, ", shuffle ", shuffle);
            Problem<T> packed, apart;
            std::vector<T> X(rows * 10, nan), Y(rows * 5, nan);
            for (std::size_t i = 0; i < rows; ++i) {
                std::copy_n(apart.X.row(i), 6, X.data() + i * 10);
                std::copy_n(apart.Y.row(i), 2, Y.data() + i * 5);
            }
            const std::vector<T> X_before = X, Y_before = Y;
            const nn::FitOptions options{
                .batch_size = batch_size, .validation_split = 0.2, .shuffle = shuffle};
            packed.net.fit(packed.X, packed.Y, options);
            apart.net.fit(nn::MatrixView<const T>(X.data(), rows, 6, 10),
                          nn::MatrixView<const T>(Y.data(), rows, 2, 5), options);
            CHECK(bit_difference(parameters_of(apart.net), parameters_of(packed.net)) == "");
            CHECK(bit_difference(X, X_before) == "");
            CHECK(bit_difference(Y, Y_before) == "");
        }
}

TEST_CASE_TEMPLATE("on_epoch sees each record and can stop", T, float, double) {
    Problem<T> p, reference;
    std::vector<std::size_t> seen;
    const nn::FitOptions options{
        .epochs = 10, .validation_split = 0.2, .on_epoch = [&](const nn::EpochRecord& record) {
            CHECK(record.validation.has_value());
            seen.push_back(record.epoch);
            return record.epoch < 3;
        }};
    const nn::History history = p.net.fit(p.X, p.Y, options);
    CHECK(seen == std::vector<std::size_t>{1, 2, 3});
    CHECK(history.epochs.size() == 3);
    CHECK(p.net.epochs_trained() == 3);
    reference.net.fit(reference.X, reference.Y, {.epochs = 3, .validation_split = 0.2});
    CHECK(bit_difference(parameters_of(p.net), parameters_of(reference.net)) == "");
}

TEST_CASE_TEMPLATE("an exception from on_epoch leaves a network that goes on", T, float, double) {
    Problem<T> p, reference;
    const nn::FitOptions options{
        .epochs = 5, .on_epoch = [](const nn::EpochRecord&) -> bool { throw std::logic_error("enough"); }};
    CHECK_THROWS_AS(p.net.fit(p.X, p.Y, options), std::logic_error);
    CHECK(p.net.epochs_trained() == 1);
    p.net.fit(p.X, p.Y, {.epochs = 1});
    reference.net.fit(reference.X, reference.Y, {.epochs = 2});
    CHECK(bit_difference(parameters_of(p.net), parameters_of(reference.net)) == "");
}

TEST_CASE_TEMPLATE("no epochs change nothing", T, float, double) {
    Problem<T> p;
    const std::vector<T> before = parameters_of(p.net);
    CHECK(p.net.fit(p.X, p.Y, {.epochs = 0}).epochs.empty());
    CHECK(bit_difference(parameters_of(p.net), before) == "");
}

TEST_CASE_TEMPLATE("the seed decides weights, split and order", T, float, double) {
    const Problem<T> data;
    const auto train = [&](std::uint64_t seed) {
        nn::BasicNetwork<T> net({.inputs = 6, .layers = {{2, nn::sigmoid}}, .seed = seed});
        for (T& w : net.parameters()) w = 0;  // the same weights for all, so that only the order differs
        net.fit(data.X, data.Y, {.epochs = 1});
        return parameters_of(net);
    };
    CHECK(train(5) == train(5));
    CHECK(train(5) != train(6));
}
