// Training that blows up stops, says where, and gives back the weights of the last finite epoch.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/nn.hpp"

using namespace densimd::test;

namespace {

constexpr std::size_t rows = 8;

// One weight and one bias that a rate of 2 throws ever further.
template <class T>
struct Problem {
    nn::BasicNetwork<T> net{{.inputs = 1, .layers = {{1, nn::identity}}, .seed = 3}};
    nn::Matrix<T> X{rows, 1, std::vector<T>(rows, 1)}, Y{rows, 1};
};

template <class T>
bool all_finite(const std::vector<T>& values) {
    for (const T value : values)
        if (!std::isfinite(value)) return false;
    return true;
}

}  // namespace

TEST_CASE_TEMPLATE("a loss that is not finite", T, float, double) {
    // The update that train_step refuses first is the one that fit must name.
    Problem<T> stepped;
    nn::Workspace<T> workspace = stepped.net.make_workspace();
    const nn::MatrixView<const T> x(stepped.X.data(), 1, 1), y(stepped.Y.data(), 1, 1);
    std::size_t updates = 0;
    std::string refusal = "(no error)";
    std::vector<T> before;
    while (refusal == "(no error)") {
        before = parameters_of(stepped.net);
        refusal =
            error_of([&] { stepped.net.train_step(x, y, nn::mean_squared_error, nn::sgd(2), workspace); });
        REQUIRE(++updates < 10000);
    }
    CHECK(contains(refusal, "loss"));
    CHECK(bit_difference(parameters_of(stepped.net), before) == "");
    const std::size_t epoch = (updates - 1) / rows + 1, step = (updates - 1) % rows + 1;
    REQUIRE(epoch > 1);

    Problem<T> fitted, last_finite;
    last_finite.net.fit(last_finite.X, last_finite.Y, {.optimizer = nn::sgd(2), .epochs = epoch - 1});
    try {
        fitted.net.fit(fitted.X, fitted.Y, {.optimizer = nn::sgd(2), .epochs = 100000});
        FAIL_CHECK("did not diverge");
    } catch (const nn::TrainingDiverged& error) {
        CHECK(error.epoch() == epoch);
        CHECK(error.step() == step);
        CHECK(error.history().epochs.size() == epoch - 1);
        CHECK(contains(error.what(), "epoch " + std::to_string(epoch)));
        CHECK(contains(error.what(), "step " + std::to_string(step)));
    }
    CHECK(all_finite(parameters_of(fitted.net)));
    CHECK(bit_difference(parameters_of(fitted.net), parameters_of(last_finite.net)) == "");
    CHECK(fitted.net.epochs_trained() == epoch - 1);
    // It goes on from there.
    CHECK(fitted.net.fit(fitted.X, fitted.Y, {.optimizer = nn::sgd(0)}).epochs[0].epoch == epoch);
}

TEST_CASE_TEMPLATE("a weight that is not finite behind a finite loss", T, float, double) {
    // One step throws the weight to infinity; the sigmoid's loss stays finite and hides it.
    nn::BasicNetwork<T> net({.inputs = 1, .layers = {{1, nn::sigmoid}}, .seed = 3});
    const nn::Matrix<T> X(1, 1, {1000}), Y(1, 1, {T{0.5}});
    net.layer(0).weights(0, 0) = T{0.001f};
    const std::vector<T> start = parameters_of(net);
    const double rate = static_cast<double>(std::numeric_limits<T>::max());
    CHECK_THROWS_AS(net.fit(X, Y, {.optimizer = nn::sgd(rate), .epochs = 3}), nn::TrainingDiverged);
    CHECK(bit_difference(parameters_of(net), start) == "");
    CHECK(net.epochs_trained() == 0);
}

TEST_CASE_TEMPLATE("a validation loss that is not finite", T, float, double) {
    // The training rows move the bias; the row held back is far too large to square.
    nn::BasicNetwork<T> net({.inputs = 1, .layers = {{1, nn::identity}}});
    const T huge = std::numeric_limits<T>::max() / 4;
    const nn::Matrix<T> X(4, 1, {0, 0, 0, huge}), Y(4, 1, {1, 1, 1, 0});
    const std::vector<T> start = parameters_of(net);
    const nn::FitOptions options{.epochs = 3, .validation_split = 0.25, .split = nn::Split::tail};
    CHECK_THROWS_AS(net.fit(X, Y, options), nn::TrainingDiverged);
    CHECK(bit_difference(parameters_of(net), start) == "");
    CHECK(net.epochs_trained() == 0);
}

TEST_CASE_TEMPLATE("finite losses with an infinite sum", T, float, double) {
    // Squares of it are finite, but not 16 of them.
    const T target = sizeof(T) == 4 ? T{1.6e19f} : T(1.2e154);
    for (const bool hidden : {false, true})
        for (int threads = 1; threads <= 2; ++threads) {
            INFO("hidden ", hidden, ", threads ", threads);
            const AllThreads all_threads;
            std::vector<nn::LayerOptions> layers{{1, nn::identity}};
            if (hidden) layers.insert(layers.begin(), {4, nn::tanh});
            nn::BasicNetwork<T> net({.inputs = 1, .layers = layers, .seed = 3});
            const nn::Matrix<T> X(16, 1, std::vector<T>(16, 1)), Y(16, 1, std::vector<T>(16, target));
            nn::Workspace<T> workspace = net.make_workspace(16);
            const std::vector<T> before = parameters_of(net);
            const std::string refusal = error_of(
                [&] { net.train_step(X, Y, nn::mean_squared_error, nn::sgd(1e-30), workspace, threads); });
            // A float's sum is made in double, and so is finite.
            CHECK(contains(refusal, "the loss is inf") == (sizeof(T) == sizeof(double)));
            CHECK((bit_difference(parameters_of(net), before) == "") == (sizeof(T) == sizeof(double)));
        }
}
