// Optimisers in training: their steps, what they remember, and training that goes on from a saved state.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "support/nn.hpp"

using namespace densimd::test;

namespace {

using nn::Optimizer;
using Method = Optimizer::Method;

std::vector<Optimizer> optimizers() {
    Optimizer decaying = nn::sgd(0.3), clipped = nn::momentum(0.2, 0.8), both = nn::adam(0.02);
    decaying.weight_decay = 0.1;
    clipped.max_gradient_norm = 0.05;
    both.weight_decay = 0.1;
    both.max_gradient_norm = 0.05;
    return {nn::sgd(0.3),   decaying, nn::momentum(0.2),   clipped, nn::nesterov(0.2),
            nn::adam(0.02), both,     nn::adamw(0.02, 0.1)};
}

// The formulas of the documentation, on plain vectors of double.
struct PlainOptimizer {
    Optimizer o;
    std::vector<double> m, v;
    int steps = 0;

    void step(std::vector<double> g, std::vector<double>& w) {
        m.resize(w.size());
        v.resize(w.size());
        ++steps;
        double squares = 0;
        for (const double element : g) squares += element * element;
        const double clip = std::min(1.0, o.max_gradient_norm / std::sqrt(squares));
        for (std::size_t i = 0; i < w.size(); ++i) {
            const bool apart = o.method == Method::adamw;
            const double d = clip * g[i] + (apart ? 0 : o.weight_decay * w[i]), old = w[i];
            switch (o.method) {
                case Method::sgd:
                    w[i] -= o.learning_rate * d;
                    break;
                case Method::momentum:
                    m[i] = o.momentum * m[i] + d;
                    w[i] -= o.learning_rate * m[i];
                    break;
                case Method::nesterov:
                    m[i] = o.momentum * m[i] + d;
                    w[i] -= o.learning_rate * (d + o.momentum * m[i]);
                    break;
                case Method::adam:
                case Method::adamw:
                    m[i] = o.beta1 * m[i] + (1 - o.beta1) * d;
                    v[i] = o.beta2 * v[i] + (1 - o.beta2) * d * d;
                    w[i] -= o.learning_rate * (m[i] / (1 - std::pow(o.beta1, steps))) /
                            (std::sqrt(v[i] / (1 - std::pow(o.beta2, steps))) + o.epsilon);
                    if (apart) w[i] -= o.learning_rate * o.weight_decay * old;
                    break;
            }
        }
    }
};

template <class T>
struct Problem {
    nn::BasicNetwork<T> net{nn::NetworkOptions{
        .inputs = 9, .layers = {{18, nn::sigmoid}, {5, nn::tanh}, {3, nn::sigmoid}}, .seed = 8}};
    nn::Matrix<T> X, Y;

    Problem() {
        Random random(11);
        X = random_matrix<T>(random, 37, 9);
        Y = random_matrix<T>(random, 37, 3, 0, 1);
    }
};

}  // namespace

TEST_CASE_TEMPLATE("train_step takes the documented steps", T, float, double) {
    for (const Optimizer& optimizer : optimizers()) {
        INFO("method ", static_cast<int>(optimizer.method), ", decay ", optimizer.weight_decay, ", limit ",
             optimizer.max_gradient_norm);
        Problem<T> p;
        PlainOptimizer plain{optimizer, {}, {}};
        nn::Workspace<T> workspace = p.net.make_workspace(4);
        std::vector<T> gradient(p.net.parameters().size());
        for (std::size_t step = 0; step < 12; ++step) {
            INFO("step ", step);
            const auto x = p.X.view().middle_rows(3 * step, 1 + step % 2),
                       y = p.Y.view().middle_rows(3 * step, 1 + step % 2);
            p.net.gradient(x, y, nn::mean_squared_error, gradient, workspace);
            const std::vector<T> before = parameters_of(p.net);
            std::vector<double> expected(before.begin(), before.end());
            plain.step({gradient.begin(), gradient.end()}, expected);
            p.net.train_step(x, y, nn::mean_squared_error, optimizer, workspace);
            // Where Adam's m and v are tiny, their roots magnify the rounding of the gradient; the rest is
            // a few roundings of numbers of about 1.
            const bool adam = optimizer.method >= Method::adam;
            const double bound = (adam ? 2000 : 20) * static_cast<double>(std::numeric_limits<T>::epsilon());
            const std::vector<T> after = parameters_of(p.net);
            CHECK(difference(std::vector<double>(after.begin(), after.end()), expected,
                             std::vector<double>(expected.size(), bound)) == "");
        }
    }
}

TEST_CASE_TEMPLATE("training goes on from a saved state, bit for bit", T, float, double) {
    for (const Optimizer& optimizer : optimizers())
        for (const std::size_t batch_size : {1u, 8u})
            for (const nn::Engine engine : every_engine) {
                const bool plain_only =
                    batch_size > 1 || optimizer.method != Method::sgd || optimizer.weight_decay > 0;
                if (plain_only && engine > nn::Engine::plain) continue;
                INFO("method ", static_cast<int>(optimizer.method), ", batch ", batch_size, ", engine ",
                     static_cast<int>(engine));
                nn::FitOptions options{.optimizer = optimizer,
                                       .batch_size = batch_size,
                                       .epochs = 10,
                                       .validation_split = 0.2,
                                       .engine = engine};
                Problem<T> whole, first_half;
                whole.net.fit(whole.X, whole.Y, options);
                options.epochs = 5;
                first_half.net.fit(first_half.X, first_half.Y, options);
                const nn::TrainingState<T> state = first_half.net.training_state();
                CHECK(state.epochs_trained == 5);
                // Another seed and another method before: nothing of them may remain.
                nn::BasicNetwork<T> other({.inputs = 9,
                                           .layers = {{18, nn::sigmoid}, {5, nn::tanh}, {3, nn::sigmoid}},
                                           .seed = 99});
                other.fit(whole.X, whole.Y, {.optimizer = nn::adam(0.5), .epochs = 2});
                other.restore(state);
                CHECK(other.training_state() == state);
                other.fit(whole.X, whole.Y, options);
                CHECK(bit_difference(parameters_of(other), parameters_of(whole.net)) == "");
                CHECK(other.training_state() == whole.net.training_state());
            }
}

TEST_CASE_TEMPLATE("an optimiser's bits do not depend on the threads", T, float, double) {
    const AllThreads all_threads;
    Random random;
    const auto X = random_matrix<T>(random, 90, 50), Y = random_matrix<T>(random, 90, 20, 0, 1);
    for (const Optimizer& optimizer : optimizers()) {
        const auto train = [&](int threads) {
            nn::BasicNetwork<T> net({.inputs = 50, .layers = {{37, nn::sigmoid}, {20, nn::sigmoid}}});
            net.fit(X, Y, {.optimizer = optimizer, .batch_size = 40, .epochs = 2, .threads = threads});
            return parameters_of(net);
        };
        const std::vector<T> one = train(1);
        for (const int threads : {2, 3, 4}) CHECK(bit_difference(train(threads), one) == "");
    }
}

TEST_CASE("another method starts from zeros, the same one goes on") {
    Problem<float> p, q;
    nn::Workspace<float> workspace = p.net.make_workspace();
    const auto step = [&](Problem<float>& on, const Optimizer& optimizer) {
        on.net.train_step(on.X.view().middle_rows(0, 1), on.Y.view().middle_rows(0, 1),
                          nn::mean_squared_error, optimizer, workspace);
    };
    step(p, nn::adam());
    CHECK(p.net.training_state().optimizer.beta1_power == 0.9f);
    step(p, nn::adam());
    CHECK(p.net.training_state().optimizer.beta1_power == 0.9f * 0.9f);
    step(p, nn::adamw());
    CHECK(p.net.training_state().optimizer.beta1_power == 0.9f);
    p.net.reset_optimizer(nn::adamw());
    CHECK(p.net.training_state().optimizer.beta1_power == 1);
    step(p, nn::sgd(0.1));
    CHECK(p.net.training_state().optimizer.first_moment.empty());
}

TEST_CASE("a step or an epoch that fails leaves the optimiser's state as it was") {
    Problem<float> p;
    p.net.fit(p.X, p.Y, {.optimizer = nn::momentum(0.1), .epochs = 1});
    const nn::TrainingState<float> before = p.net.training_state();
    p.Y(36, 0) = 1e30f;  // its squared error is infinite
    nn::Workspace<float> workspace = p.net.make_workspace();
    for (const Optimizer& optimizer : optimizers()) {
        CHECK_THROWS_AS(p.net.train_step(p.X.view().middle_rows(36, 1), p.Y.view().middle_rows(36, 1),
                                         nn::mean_squared_error, optimizer, workspace),
                        nn::Error);
        CHECK(p.net.training_state() == before);
        CHECK_THROWS_AS(p.net.fit(p.X, p.Y, {.optimizer = optimizer}), nn::TrainingDiverged);
        CHECK(p.net.training_state() == before);
    }
}

TEST_CASE_TEMPLATE("a gradient whose squares overflow is clipped, not dropped", T, float, double) {
    nn::BasicNetwork<T> net({.inputs = 1, .layers = {{2, nn::identity}}});
    nn::Workspace<T> workspace = net.make_workspace();
    for (T& parameter : net.parameters()) parameter = 0;
    const T large = sizeof(T) == sizeof(float) ? T(1e20) : T(1e150);
    nn::Matrix<T> X(1, 1), Y(1, 2);
    X(0, 0) = large;
    Y(0, 0) = -3;
    Y(0, 1) = -4;
    Optimizer optimizer = nn::sgd(1);
    optimizer.max_gradient_norm = 5;
    net.train_step(X, Y, nn::mean_squared_error, optimizer, workspace);
    const auto layer = net.layer(0);
    CHECK(std::abs(layer.weights(0, 0) + 3) < T(1e-5));
    CHECK(std::abs(layer.weights(0, 1) + 4) < T(1e-5));
}

TEST_CASE("optimisers refuse numbers out of range, engines the optimisers they cannot follow") {
    Problem<float> p;
    const auto refuse = [&p](Optimizer optimizer, std::initializer_list<const char*> parts) {
        nn::Workspace<float> workspace = p.net.make_workspace(64);
        check_refused(
            p.net, [&] { p.net.fit(p.X, p.Y, {.optimizer = optimizer}); }, parts);
        check_refused(
            p.net, [&] { p.net.reset_optimizer(optimizer); }, parts);
        check_refused(
            p.net, [&] { p.net.train_step(p.X, p.Y, nn::mean_squared_error, optimizer, workspace); }, parts);
    };
    const double nan = std::numeric_limits<double>::quiet_NaN();
    refuse(nn::sgd(1e39), {"learning_rate is 1e+39", "finite as a float"});
    refuse(nn::momentum(0.1, 1), {"momentum is 1", "less than 1"});
    refuse(nn::nesterov(0.1, -0.5), {"momentum is -0.5", "at least 0"});
    refuse({.method = Method::adam, .beta1 = nan}, {"beta1 is nan"});
    refuse({.method = Method::adam, .beta2 = 1}, {"beta2 is 1", "less than 1"});
    refuse({.method = Method::adamw, .epsilon = 0}, {"epsilon is 0", "at least 3.4"});
    refuse({.method = Method::adamw, .epsilon = 1e-60}, {"epsilon is 1e-60", "at least 3.4"});
    refuse({.weight_decay = -1}, {"weight_decay is -1", "at least 0"});
    refuse({.max_gradient_norm = 0}, {"max_gradient_norm is 0", "at least 1.1"});
    refuse({.max_gradient_norm = nan}, {"max_gradient_norm is nan"});
    refuse({.method = static_cast<Method>(7)}, {"unknown optimizer"});
    check_refused(p.net, [&] { p.net.fit(p.X, p.Y, {.optimizer = nn::adam(), .engine = nn::Engine::block}); },
                  {"engine block", "sgd"});
    CHECK(p.net.fit(p.X, p.Y, {.optimizer = nn::adam()}).engine == nn::Engine::plain);
}

TEST_CASE("a state of another network is refused") {
    Problem<float> p;
    nn::TrainingState<float> state = p.net.training_state();
    const auto refuse = [&p](const nn::TrainingState<float>& wrong,
                             std::initializer_list<const char*> parts) {
        check_refused(
            p.net, [&] { p.net.restore(wrong); }, parts);
    };
    // Of as many parameters, with the padding.
    nn::Network other({.inputs = 9, .layers = {{18, nn::sigmoid}, {5, nn::tanh}, {2, nn::sigmoid}}});
    CHECK(other.parameters().size() == p.net.parameters().size());
    refuse(other.training_state(), {"9-18-5-2", "9-18-5-3"});
    nn::Network active({.inputs = 9, .layers = {{18, nn::relu}, {5, nn::tanh}, {3, nn::sigmoid}}});
    refuse(active.training_state(), {"same activations"});
    nn::TrainingState<float> infinite = state;
    infinite.parameters[3] = std::numeric_limits<float>::infinity();
    refuse(infinite, {"inf", "value of layer 0, weight [0][3]"});
    nn::Network trained = p.net;
    trained.fit(p.X, p.Y, {.optimizer = nn::adam()});
    const nn::TrainingState<float> adam = trained.training_state();
    nn::TrainingState<float> broken = adam;
    broken.optimizer.first_moment[2] = -std::numeric_limits<float>::quiet_NaN();
    refuse(broken, {"has nan", "first moment of layer 0, weight [0][2]"});
    broken = adam;
    broken.optimizer.second_moment[0] = -1;
    refuse(broken, {"-1", "second moment of layer 0, weight [0][0]", "at least 0"});
    broken = adam;
    broken.optimizer.beta2_power = 5;
    refuse(broken, {"5", "power of beta2", "at most 1"});
    broken = adam;
    broken.optimizer.second_moment.back() = std::numeric_limits<float>::infinity();
    refuse(broken, {"inf", "second moment of layer 2, bias [15]", "finite"});
    state.optimizer.method = static_cast<Method>(9);
    refuse(state, {"unknown optimizer"});
    state.optimizer.method = Method::adam;
    refuse(state, {"first moment", "0"});
    state.optimizer.first_moment = state.parameters;
    refuse(state, {"second moment", "0"});
    state.parameters.pop_back();
    refuse(state, {"parameters", "expected"});
}

TEST_CASE("on_epoch may restore a state or change the optimiser") {
    for (const nn::Engine engine : every_engine) {
        Problem<float> p, expected;
        const nn::TrainingState<float> start = p.net.training_state();
        expected.net.fit(expected.X, expected.Y, {.engine = engine});
        int epochs = 0;
        p.net.fit(p.X, p.Y, {.epochs = 3, .engine = engine, .on_epoch = [&](const nn::EpochRecord&) {
                                 if (++epochs == 2) p.net.restore(start);
                                 return true;
                             }});
        CHECK(p.net.training_state() == expected.net.training_state());
    }
    Problem<float> p;
    p.net.fit(p.X, p.Y, {.optimizer = nn::adam(), .epochs = 3, .on_epoch = [&](const nn::EpochRecord&) {
                             p.net.reset_optimizer(nn::sgd(0.1));
                             return true;
                         }});
    CHECK(p.net.epochs_trained() == 3);
}

TEST_CASE("no epoch leaves another method's state alone") {
    Problem<float> p;
    p.net.fit(p.X, p.Y, {.optimizer = nn::momentum(0.1), .epochs = 1});
    const nn::TrainingState<float> before = p.net.training_state();
    p.net.fit(p.X, p.Y, {.optimizer = nn::adam(), .epochs = 0});
    CHECK(p.net.training_state() == before);
}
