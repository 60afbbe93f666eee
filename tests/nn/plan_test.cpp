// The choice of the training engine, and that the engines which it chooses between agree where they should.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "support/nn.hpp"
#include "training/plan.hpp"

using namespace densimd::test;

namespace {

namespace kernels = densimd::kernels;
using nn::Engine;
using nn::EngineKind;

template <class T>
nn::TrainingPlan plan_for(const nn::NetworkOptions& network, const nn::FitOptions& options,
                          std::size_t rows) {
    return nn::plan_training<T>(kernels::active<T>(), nn::BasicNetwork<T>(network).layers(), options, rows);
}

nn::NetworkOptions network(std::size_t inputs, const std::vector<nn::LayerOptions>& layers) {
    return {.inputs = inputs, .layers = layers};
}

const nn::NetworkOptions single = network(8, {{1}}), tiny = network(8, {{16}, {1}}),
                         small = network(8, {{20}, {1}}), hidden = network(64, {{64}, {10}}),
                         digits = network(784, {{128}, {10}}), wide = network(784, {{512}, {40}});

}  // namespace

TEST_CASE("automatic choices of the engine") {
    struct Case {
        const nn::NetworkOptions& network;
        nn::FitOptions options;
        EngineKind kind;
        Engine engine;
    };
    const std::vector<Case> cases = {
        {tiny, {}, EngineKind::per_sample, Engine::block},
        {small, {}, EngineKind::per_sample, Engine::fused},
        {tiny, {.loss = nn::cosine_distance}, EngineKind::per_sample, Engine::fused},
        {hidden, {}, EngineKind::per_sample, Engine::block},
        {digits, {}, EngineKind::per_sample, Engine::block},
        {digits, {.optimizer = nn::adam()}, EngineKind::minibatch, Engine::plain},
        {digits, {.batch_size = 32}, EngineKind::minibatch, Engine::plain},
        {digits, {.engine = Engine::fused}, EngineKind::per_sample, Engine::fused},
        {digits, {.engine = Engine::plain}, EngineKind::minibatch, Engine::plain},
        {small, {.engine = Engine::block}, EngineKind::per_sample, Engine::block},
        {tiny, {.engine = Engine::block}, EngineKind::per_sample, Engine::block},
        {tiny, {.engine = Engine::fused}, EngineKind::per_sample, Engine::fused},
        {tiny, {.batch_size = 16}, EngineKind::tiny, Engine::plain},
        {tiny, {.batch_size = 15}, EngineKind::minibatch, Engine::plain},
        {tiny, {.optimizer = nn::momentum(0.1), .batch_size = 16}, EngineKind::minibatch, Engine::plain},
        {tiny, {.loss = nn::cosine_distance, .batch_size = 16}, EngineKind::minibatch, Engine::plain},
        {small, {.batch_size = 16}, EngineKind::minibatch, Engine::plain},
    };
    std::set<EngineKind> reached;
    for (const Case& c : cases) {
        const nn::TrainingPlan plan = plan_for<float>(c.network, c.options, 1000);
        INFO("case ", &c - cases.data(), ": ", nn::text(plan));
        CHECK(plan.kind == c.kind);
        CHECK(plan.engine == c.engine);
        CHECK((plan.method == kernels::Method::delayed_updates) == (c.engine == Engine::block));
        CHECK((plan.block > 1) == (c.engine == Engine::block && &c.network != &tiny));
        CHECK(plan.batch == c.options.batch_size);
        CHECK_FALSE(plan.reason.empty());
        reached.insert(plan.kind);
        // The threads offered and the threads' costs choose nothing: no bit may depend on them.
        const AllThreads all_threads;
        nn::FitOptions with_threads = c.options;
        with_threads.threads = 4;
        CHECK(nn::text(plan_for<float>(c.network, with_threads, 1000)) == nn::text(plan));
    }
    CHECK(reached == std::set{EngineKind::minibatch, EngineKind::tiny, EngineKind::per_sample});
}

TEST_CASE("lengths of blocks, rows and memory of a plan") {
    CHECK(plan_for<float>(hidden, {}, 1000).block == 16);
    CHECK(plan_for<float>(digits, {}, 1000).block == 24);
    CHECK(plan_for<float>(wide, {}, 1000).block == 32);
    CHECK(plan_for<float>(network(257, {{40}}), {}, 1000).block == 24);
    CHECK(plan_for<float>(network(256, {{600}}), {}, 1000).block == 16);

    // Last layers of 2 to 16 floats or 8 doubles are transposed.
    CHECK(plan_for<float>(digits, {}, 1000).note == "last layer transposed");
    CHECK(plan_for<double>(digits, {}, 1000).note == "");
    CHECK(plan_for<float>(wide, {}, 1000).note == "");
    CHECK(plan_for<float>(tiny, {}, 1000).note == "looks ahead");
    CHECK(plan_for<float>(digits, {}, 1000).memory > 2 * 24 * (784 + 128));
    CHECK(plan_for<float>(digits, {.batch_size = 8}, 1000).memory == 0);

    const auto rows_of = [](const nn::NetworkOptions& net, const nn::FitOptions& options, std::size_t rows) {
        return plan_for<float>(net, options, rows).workspace_rows;
    };
    CHECK(rows_of(digits, {}, 1000) == 24);
    CHECK(rows_of(wide, {}, 1) == 32);
    CHECK(rows_of(small, {}, 1000) == 256);
    CHECK(rows_of(small, {}, 100) == 100);
    CHECK(rows_of(single, {}, 5000) == 1024);
    CHECK(rows_of(tiny, {.batch_size = 16}, 5000) == 1024);
    CHECK(rows_of(tiny, {.batch_size = 2000}, 5000) == 2000);
    CHECK(rows_of(tiny, {.batch_size = 2000}, 500) == 500);
    CHECK(rows_of(digits, {.batch_size = 32}, 1000) == 32);
    CHECK(plan_for<float>(digits, {.batch_size = 32}, 10).batch == 10);
    // A batch of more rows than there are is still no single row.
    CHECK(plan_for<float>(digits, {.batch_size = 32}, 1).kind == EngineKind::minibatch);
}

TEST_CASE("a plan as text") {
    CHECK(nn::text(plan_for<float>(wide, {}, 1000)) ==
          "engine block by per_sample, blocks of 32 rows; workspace of 32 rows, " +
              std::to_string(plan_for<float>(wide, {}, 1000).memory) +
              " elements of memory; because the first layer has at least 32 inputs and 32 outputs");
    CHECK(nn::text(plan_for<float>(tiny, {}, 1000)) ==
          "engine block by per_sample, steps of 1 row, looks ahead; workspace of 1000 rows, 0 elements of "
          "memory; "
          "because the network is tiny enough to look one sample ahead");
    CHECK(contains(nn::text(plan_for<float>(digits, {}, 1000)), "blocks of 24 rows, last layer transposed;"));
}

TEST_CASE("the engine of a single step") {
    const auto kind = [](bool tiny_steps, bool plain, std::size_t rows, int threads) {
        return nn::plan_step<float>(tiny_steps, plain, rows, threads);
    };
    CHECK(kind(false, true, 1, 1) == EngineKind::per_sample);
    CHECK(kind(false, false, 1, 1) == EngineKind::minibatch);
    CHECK(kind(false, true, 1, 2) == EngineKind::minibatch);
    CHECK(kind(false, true, 2, 1) == EngineKind::minibatch);
    CHECK(kind(true, true, 16, 1) == EngineKind::tiny);
    CHECK(kind(true, true, 16, 2) == EngineKind::minibatch);
    CHECK(nn::plan_step<double>(true, true, 16, 1) == EngineKind::minibatch);
}

TEST_CASE_TEMPLATE("mini-batches of tiny networks have the bits of single steps, whatever the threads", T,
                   float, double) {
    const AllThreads all_threads;
    Random random;
    for (const nn::NetworkOptions& options : {single, tiny})
        for (const std::size_t rows : {15u, 16u, 17u, 75u, 1100u}) {
            INFO("layers ", options.layers.size(), ", rows ", rows);
            const auto X = random_matrix<T>(random, rows, 8), Y = random_matrix<T>(random, rows, 1, 0, 1);
            const auto fitted = [&](int threads) {
                nn::BasicNetwork<T> net(options);
                const nn::History history = net.fit(X, Y,
                                                    {.batch_size = 16,
                                                     .epochs = 2,
                                                     .shuffle = false,
                                                     .metric = nn::Metric::r2,
                                                     .threads = threads});
                std::vector<T> all = parameters_of(net);
                for (const double number : numbers_of(history)) all.push_back(static_cast<T>(number));
                return all;
            };
            const std::vector<T> one = fitted(1);
            CHECK(bit_difference(fitted(4), one) == "");  // by the mini-batch engine

            nn::BasicNetwork<T> net(options);
            nn::Workspace<T> workspace = net.make_workspace(16);
            for (int epoch = 0; epoch < 2; ++epoch)
                for (std::size_t first = 0; first < rows; first += 16) {
                    const std::size_t count = std::min<std::size_t>(16, rows - first);
                    net.train_step(X.view().middle_rows(first, count), Y.view().middle_rows(first, count),
                                   nn::mean_squared_error, nn::sgd(0.1), workspace);
                }
            std::vector<T> trained = one;
            trained.resize(net.parameters().size());
            CHECK(bit_difference(parameters_of(net), trained) == "");
        }
}
