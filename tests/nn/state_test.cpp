// What an optimiser remembers stays finite; states are taken, counted, and made networks of.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/nn.hpp"

using namespace densimd::test;

namespace {

using Method = nn::Optimizer::Method;
using Rounding = nn::Rounding;

template <class T>
struct Problem {
    nn::BasicNetwork<T> net{{.inputs = 3, .layers = {{2, nn::identity}}, .seed = 8}};
    Random random;
    nn::Matrix<T> X = random_matrix<T>(random, 40, 3), Y = random_matrix<T>(random, 40, 2);
    nn::Workspace<T> workspace = net.make_workspace(40);

    T step(std::size_t row, const nn::Optimizer& optimizer, std::size_t count = 1, int threads = 1) {
        return net.train_step(X.view().middle_rows(row, count), Y.view().middle_rows(row, count),
                              nn::mean_squared_error, optimizer, workspace, threads);
    }
};

// An input whose square is finite, and so the loss, but not the square of its gradient.
template <class T>
constexpr T large = sizeof(T) == 4 ? T(1e12f) : T(1e120);

template <class T>
bool all_finite(const nn::AlignedVector<T>& values) {
    for (const T value : values)
        if (!std::isfinite(value)) return false;
    return true;
}

}  // namespace

TEST_CASE_TEMPLATE("a step that would make a moment infinite is refused and names the parameter", T, float,
                   double) {
    for (const nn::Optimizer& optimizer : {nn::adam(), nn::adamw()})
        for (const std::size_t count : {1u, 5u})
            for (const int threads : {1, 3}) {
                const AllThreads all_threads;
                Problem<T> p;
                for (std::size_t i = 0; i < 3; ++i) p.step(i, optimizer);
                p.X(4, 1) = large<T>;
                const std::size_t first = 5 - count;
                INFO("rows ", count, ", threads ", threads);
                const nn::TrainingState<T> before = p.net.training_state();
                check_refused(p.net, [&] { p.step(first, optimizer, count, threads); },
                              {"train_step", "second moment of layer 0, weight [1][0]",
                               "would become infinite", "gradient"});
                CHECK(p.net.training_state() == before);
                // It goes on with other data.
                p.step(0, optimizer);
                CHECK(all_finite(p.net.training_state().optimizer.second_moment));
            }
}

TEST_CASE("the step that fit stops at is the one that train_step refuses") {
    for (const int threads : {1, 3}) {
        const AllThreads all_threads;
        Problem<float> p;
        p.X(33, 2) = large<float>;
        const std::vector<float> before = parameters_of(p.net);
        std::string message;
        try {
            p.net.fit(p.X, p.Y, {.optimizer = nn::adam(), .epochs = 3, .shuffle = false, .threads = threads});
        } catch (const nn::TrainingDiverged& error) {
            message = error.what();
            CHECK(error.step() == 34);
            CHECK(error.epoch() == 1);
        }
        CHECK(contains(message, "adam's second moment of layer 0, weight [2][0]"));
        CHECK(bit_difference(parameters_of(p.net), before) == "");
        CHECK(p.net.steps_trained() == 0);
    }
}

TEST_CASE("no direction becomes infinite, of whatever optimiser, nor does the corrected second moment") {
    nn::Optimizer decaying = nn::sgd(0.1);
    decaying.weight_decay = 0.1;
    const struct {
        nn::Optimizer optimizer;
        const char* state;
    } cases[] = {{nn::momentum(1e-9), "the velocity"},
                 {nn::nesterov(1e-9), "the velocity"},
                 {decaying, "the direction"},
                 {nn::adam(), "second moment"}};
    for (const auto& c : cases) {
        const nn::Optimizer& optimizer = c.optimizer;
        nn::Network net({.inputs = 1, .layers = {{1, nn::identity}}});
        net.layer(0).weights(0, 0) = 1;
        net.reset_optimizer(optimizer);
        nn::Workspace<float> workspace = net.make_workspace();
        // A residual of 1e19, and a gradient of 2e19 times the input.
        const bool adaptive = optimizer.method == Method::adam;
        const nn::Matrix<float> X(1, 1, {adaptive ? 10.f : 1.7e19f}), Y(1, 1, {adaptive ? 1e19f : 1e18f});
        check_refused(net,
                      [&] {
                          for (int i = 0; i < 5; ++i)
                              net.train_step(X, Y, nn::mean_squared_error, optimizer, workspace);
                      },
                      {c.state, "layer 0, weight [0][0]", "would become infinite"});
    }
}

TEST_CASE("gradients that are large but whose squares are kept are stepped with") {
    // The sum of the squares is infinite, each share of them in the second moment is not.
    Problem<float> p;
    p.Y(0, 0) = 8e18f;
    p.Y(0, 1) = 8e18f;
    p.step(0, nn::adam());
    CHECK(all_finite(p.net.training_state().optimizer.second_moment));
    CHECK(p.net.steps_trained() == 1);
    // Clipped, the same gradient is a short one.
    nn::Optimizer clipped = nn::adam();
    clipped.max_gradient_norm = 1;
    p.net.reset_optimizer(clipped);
    p.X(0, 0) = large<float>;
    p.step(0, clipped);
    CHECK(p.net.training_state().optimizer.second_moment[0] <= 1);
}

TEST_CASE("a gradient longer than the largest number's reciprocal can shorten is clipped all the same") {
    // 1 / its length is subnormal.
    nn::Network net({.inputs = 1, .layers = {{1, nn::identity}}});
    nn::Workspace<float> workspace = net.make_workspace();
    for (float& parameter : net.parameters()) parameter = 0;
    const nn::Matrix<float> X(1, 1, {2e19f}), Y(1, 1, {-5e18f});
    nn::Optimizer optimizer = nn::sgd(1);
    optimizer.max_gradient_norm = 1;
    net.train_step(X, Y, nn::mean_squared_error, optimizer, workspace);  // the gradient is 2e38
    CHECK(net.layer(0).weights(0, 0) == doctest::Approx(-1).epsilon(1e-5));
}

TEST_CASE("weight decay of a huge weight does not slip into the second moment either") {
    Problem<float> p;
    nn::Network net({.inputs = 3, .layers = {{5, nn::tanh}, {2, nn::identity}}});
    nn::Workspace<float> workspace = net.make_workspace(40);
    nn::Optimizer optimizer = nn::adam();
    optimizer.weight_decay = 1;
    net.layer(0).weights(1, 2) = -3e21f;  // tanh hides it
    check_refused(net, [&] { net.train_step(p.X, p.Y, nn::mean_squared_error, optimizer, workspace); },
                  {"second moment of layer 0, weight [1][2]", "-3e+21"});
}

TEST_CASE_TEMPLATE("try_train_step steps as train_step does, and changes nothing where that throws", T, float,
                   double) {
    Problem<T> p, q;
    const nn::MatrixView<const T> X = p.X, Y = p.Y;
    for (const nn::Optimizer& optimizer : {nn::sgd(0.1), nn::adam()}) {
        p.net.reset_optimizer(optimizer);
        q.net.reset_optimizer(optimizer);
        for (std::size_t i = 0; i < 20; i += 4) {
            const auto loss = p.net.try_train_step(X.middle_rows(i, 4), Y.middle_rows(i, 4),
                                                   nn::mean_squared_error, optimizer, p.workspace);
            REQUIRE(loss.has_value());
            CHECK(*loss == q.step(i, optimizer, 4));
        }
        CHECK(p.net.training_state() == q.net.training_state());
    }
    const nn::TrainingState<T> before = p.net.training_state();
    const auto fails = [&](nn::MatrixView<const T> x, nn::MatrixView<const T> y, nn::Loss loss,
                           const nn::Optimizer& optimizer) {
        CHECK_FALSE(p.net.try_train_step(x, y, loss, optimizer, p.workspace).has_value());
        CHECK(p.net.training_state() == before);
    };
    const auto loss = nn::mean_squared_error;
    fails(Y, Y, loss, nn::adam());
    fails(X, X, loss, nn::adam());
    fails(X, Y.middle_rows(0, 3), loss, nn::adam());
    fails(X.middle_rows(0, 0), Y.middle_rows(0, 0), loss, nn::adam());
    fails(X, Y, nn::binary_cross_entropy, nn::adam());
    fails(X, Y, loss, nn::adam(-1));
    fails(X, Y, loss, nn::momentum(0.1));  // would allocate
    nn::Network other({.inputs = 3, .layers = {{2, nn::identity}}});
    p.X(7, 1) = std::numeric_limits<T>::quiet_NaN();
    fails(X, Y, loss, nn::adam());
    p.X(7, 1) = 0;
    p.Y(7, 1) = std::numeric_limits<T>::max();
    fails(X, Y, loss, nn::adam());
}

TEST_CASE("a fit that diverges goes back to what on_epoch restored") {
    Problem<float> p;
    nn::TrainingState<float> state = p.net.training_state();
    state.epochs_trained = 100;
    state.parameters[0] = 1e30f;
    CHECK_THROWS_AS(p.net.fit(p.X, p.Y,
                              {.epochs = 3,
                               .on_epoch =
                                   [&](const nn::EpochRecord&) {
                                       p.net.restore(state);
                                       return true;
                                   }}),
                    nn::TrainingDiverged);
    CHECK(p.net.training_state() == state);
}

TEST_CASE("states count the steps of fit and train_step") {
    Problem<float> p;
    CHECK(p.net.training_state().steps_trained == 0);
    p.net.fit(p.X, p.Y, {.epochs = 2});
    CHECK(p.net.steps_trained() == 80);
    p.net.fit(p.X, p.Y, {.optimizer = nn::adam(), .batch_size = 16, .epochs = 2});
    CHECK(p.net.steps_trained() == 86);
    p.step(0, nn::sgd(0.1));
    CHECK(p.net.training_state().steps_trained == 87);
    CHECK_THROWS(p.step(0, nn::sgd(-1)));
    CHECK(p.net.steps_trained() == 87);
}

TEST_CASE_TEMPLATE("a network of a state goes on as the one that it was taken from", T, float, double) {
    Problem<T> p;
    const nn::FitOptions options{.optimizer = nn::adam(), .batch_size = 8, .epochs = 2};
    p.net.fit(p.X, p.Y, options);
    nn::BasicNetwork<T> other(p.net.training_state());
    CHECK(other.training_state() == p.net.training_state());
    other.fit(p.X, p.Y, options);
    p.net.fit(p.X, p.Y, options);
    CHECK(other.training_state() == p.net.training_state());
}

TEST_CASE("no network is made of a broken state") {
    const auto refuse = [](const nn::TrainingState<float>& state, std::initializer_list<const char*> parts) {
        check_error([&] { nn::Network net(state); }, parts);
    };
    refuse({}, {"no layers"});
    Problem<float> p;
    nn::TrainingState<float> state = p.net.training_state();
    state.layers[0].stride = 8;
    refuse(state, {"3-2"});
    state = p.net.training_state();
    state.layers[0].outputs = 1u << 30;  // asks for no such memory
    refuse(state, {"parameters", "expected"});
    state = p.net.training_state();
    state.layers[0].activation = static_cast<nn::Activation>(77);
    refuse(state, {"unknown activation"});
    state = p.net.training_state();
    state.parameters[0] = std::numeric_limits<float>::infinity();
    refuse(state, {"inf"});
}

TEST_CASE("a state of another rounding is refused, or reported, as the caller chooses") {
    Problem<float> p;
    nn::TrainingState<float> state = p.net.training_state();
    const bool is_baseline = densimd::kernels::active_isa() == densimd::kernels::Isa::baseline;
    CHECK(state.rounding == (is_baseline ? Rounding::separate : Rounding::fused));
    CHECK(p.net.restore(state));
    state.rounding = is_baseline ? Rounding::fused : Rounding::separate;
    check_refused(p.net, [&] { p.net.restore(state); }, {"fused multiply-add", "bit for bit"});
    CHECK_THROWS_AS(nn::Network{state}, nn::Error);
    CHECK_FALSE(p.net.restore(state, nn::OtherRounding::accept));
    CHECK(nn::Network(state, nn::OtherRounding::accept).parameters().size() == p.net.parameters().size());
    state.rounding = Rounding::unknown;
    CHECK_FALSE(p.net.restore(state));
}
