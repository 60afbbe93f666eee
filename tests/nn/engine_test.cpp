// Engines of per-sample training: the bits they share, what they refuse, where they stop.
#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "support/nn.hpp"

using namespace densimd::test;

namespace {

using nn::Engine;

std::vector<nn::NetworkOptions> networks() {
    using nn::identity, nn::sigmoid, nn::tanh;
    return {{.inputs = 8, .layers = {{1, sigmoid}}, .seed = 1},
            {.inputs = 1, .layers = {{16, tanh}, {1, sigmoid}}, .seed = 2},
            {.inputs = 33, .layers = {{40, sigmoid}, {17, nn::relu}, {3, sigmoid}}, .seed = 3},
            {.inputs = 257, .layers = {{129, sigmoid}}, .seed = 4},
            {.inputs = 9, .layers = {{5, nn::relu}, {1, identity}}, .seed = 5},
            // Tiny, but not for looking ahead.
            {.inputs = 1, .layers = {{16, tanh}, {2, sigmoid}}, .seed = 6},
            {.inputs = 9, .layers = {{20, sigmoid}, {1, sigmoid}}, .seed = 7}};
}

template <class T>
std::vector<T> train(const nn::NetworkOptions& network, std::size_t rows, const nn::FitOptions& options) {
    Random random(rows);
    const auto X = random_matrix<T>(random, rows, network.inputs);
    const auto Y = random_matrix<T>(random, rows, network.layers.back().units, 0, 1);
    nn::BasicNetwork<T> net(network);
    const nn::History history = net.fit(X, Y, options);
    std::vector<T> all = parameters_of(net);
    for (const double number : numbers_of(history)) all.push_back(static_cast<T>(number));
    return all;
}

// About a block of 16 or 32 samples, and about two.
constexpr std::size_t row_counts[] = {1, 2, 15, 16, 17, 31, 32, 33, 64, 65, 100};

}  // namespace

TEST_CASE_TEMPLATE("plain and fused give the same bits", T, float, double) {
    for (const nn::NetworkOptions& network : networks())
        for (const std::size_t rows : row_counts)
            for (const nn::Loss loss : every_loss) {
                if (loss == nn::categorical_cross_entropy && network.layers.back().units < 2) continue;
                INFO("network ", network.seed, ", rows ", rows, ", loss ", static_cast<int>(loss));
                nn::FitOptions options{
                    .loss = loss,
                    .epochs = 2,
                    .metric = loss == nn::categorical_cross_entropy ? nn::Metric::none : nn::Metric::r2};
                options.engine = Engine::plain;
                const std::vector<T> plain = train<T>(suited_to(loss, network), rows, options);
                options.engine = Engine::fused;
                CHECK(bit_difference(train<T>(suited_to(loss, network), rows, options), plain) == "");
            }
}

TEST_CASE_TEMPLATE("no engine's bits depend on the threads", T, float, double) {
    const AllThreads all_threads;
    for (const nn::NetworkOptions& network : networks())
        for (const Engine engine : every_engine) {
            INFO("network ", network.seed, ", engine ", static_cast<int>(engine));
            nn::FitOptions options{.epochs = 2, .metric = nn::Metric::r2, .engine = engine};
            const std::vector<T> one = train<T>(network, 75, options);
            for (options.threads = 2; options.threads <= 4; ++options.threads)
                CHECK(bit_difference(train<T>(network, 75, options), one) == "");
        }
}

TEST_CASE_TEMPLATE("blocks stay close to plain, also after many updates", T, float, double) {
    const nn::NetworkOptions several[] = {{.inputs = 64, .layers = {{64, nn::sigmoid}, {10, nn::sigmoid}}},
                                          // These look one sample ahead.
                                          {.inputs = 8, .layers = {{1, nn::sigmoid}}},
                                          {.inputs = 8, .layers = {{8, nn::sigmoid}, {1, nn::sigmoid}}},
                                          {.inputs = 17, .layers = {{3, nn::sigmoid}}}};
    for (const nn::NetworkOptions& network : several) {
        INFO("inputs ", network.inputs);
        nn::FitOptions options{.optimizer = nn::sgd(0.5), .epochs = 20, .engine = Engine::plain};
        const std::vector<T> plain = train<T>(network, 333, options);
        options.engine = Engine::block;
        const std::vector<T> blocks = train<T>(network, 333, options);
        // Rounding errors of 6660 updates; without the sums of low rank the weights would differ by 0.01 and
        // more.
        const T bound = 6660 * std::numeric_limits<T>::epsilon();
        CHECK(difference(blocks, plain, std::vector<T>(plain.size(), bound)) == "");
    }
}

TEST_CASE("the history tells the engine") {
    Random random;
    const auto engine_of = [&](std::size_t inputs, std::size_t units, const nn::FitOptions& options) {
        const auto X = random_matrix<float>(random, 5, inputs), Y = random_matrix<float>(random, 5, units);
        return nn::Network({.inputs = inputs, .layers = {{units, nn::sigmoid}}}).fit(X, Y, options).engine;
    };
    CHECK(engine_of(8, 1, {}) == Engine::block);
    CHECK(engine_of(8, 4, {.loss = nn::cosine_distance}) == Engine::fused);
    CHECK(engine_of(8, 20, {}) == Engine::fused);
    CHECK(engine_of(65, 1, {}) == Engine::fused);
    CHECK(engine_of(784, 128, {}) == Engine::block);
    CHECK(engine_of(784, 128, {.threads = 4}) == Engine::block);
    CHECK(engine_of(784, 128, {.batch_size = 2}) == Engine::plain);
    CHECK(engine_of(784, 128, {.engine = Engine::plain}) == Engine::plain);
}

TEST_CASE("an engine for single samples refuses larger batches") {
    Random random;
    nn::Network net({.inputs = 3, .layers = {{2, nn::sigmoid}}});
    const auto X = random_matrix<float>(random, 5, 3), Y = random_matrix<float>(random, 5, 2);
    for (const Engine engine : {Engine::fused, Engine::block})
        check_refused(net, [&] { net.fit(X, Y, {.batch_size = 2, .engine = engine}); },
                      {"batch_size 2", "batch_size 1"});
    check_refused(net, [&] { net.fit(X, Y, {.engine = static_cast<Engine>(9)}); }, {"unknown engine"});
}

TEST_CASE("every engine stops at the sample whose loss is not finite") {
    const AllThreads all_threads;
    // A weight of 1e38 and an input of 100 make an infinity, but only in the 50th row.
    for (const Engine engine : every_engine)
        for (const int threads : {1, 2}) {
            INFO("engine ", static_cast<int>(engine), ", threads ", threads);
            nn::Network net({.inputs = 200, .layers = {{200, nn::identity}}});
            net.layer(0).weights(0, 0) = 1e38f;
            nn::Matrix<float> X(70, 200), Y(70, 200);
            X(49, 0) = 100;
            const std::vector<float> before = parameters_of(net);
            try {
                net.fit(X, Y, {.epochs = 1, .shuffle = false, .engine = engine, .threads = threads});
                FAIL("no exception");
            } catch (const nn::TrainingDiverged& diverged) {
                CHECK(diverged.step() == 50);
            }
            CHECK(bit_difference(parameters_of(net), before) == "");
        }
}

TEST_CASE_TEMPLATE("inputs whose products overflow are trained with as by the other engines", T, float,
                   double) {
    const T large = sizeof(T) == sizeof(float) ? T(1e19) : T(1e160);
    Random random;
    const auto Y = random_matrix<T>(random, 70, 1, 0, 1);
    nn::Matrix<T> X(70, 32);
    for (std::size_t i = 20; i < 30; ++i)  // in the second block of five
        for (std::size_t k = 0; k < 32; ++k) X(i, k) = large;
    for (const std::size_t units : {std::size_t{32}, std::size_t{7}}) {
        INFO("units ", units);
        const auto trained = [&](Engine engine) {
            nn::BasicNetwork<T> net(
                {.inputs = 32, .layers = {{units, nn::sigmoid}, {1, nn::sigmoid}}, .seed = 9});
            net.fit(X, Y, {.optimizer = nn::sgd(0.01), .epochs = 2, .shuffle = false, .engine = engine});
            return parameters_of(net);
        };
        const std::vector<T> plain = trained(Engine::plain);
        CHECK(bit_difference(trained(Engine::fused), plain) == "");
        CHECK(difference(trained(Engine::block), plain,
                         std::vector<T>(plain.size(), 1000 * std::numeric_limits<T>::epsilon())) == "");
    }
}
