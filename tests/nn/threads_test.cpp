// The number of threads changes no bit of any result.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "support/nn.hpp"

using namespace densimd::test;

namespace {

std::vector<nn::NetworkOptions> networks() {
    using nn::identity, nn::sigmoid;
    return {{.inputs = 3, .layers = {{1, sigmoid}}, .seed = 1},
            // a step of one thread is by kernels of its own
            {.inputs = 5, .layers = {{7, sigmoid}, {1, sigmoid}}, .seed = 5},
            {.inputs = 64, .layers = {{64, sigmoid}, {10, sigmoid}}, .seed = 2},
            {.inputs = 301, .layers = {{67, sigmoid}, {33, identity}, {5, sigmoid}}, .seed = 3},
            // wide enough to be shared by outputs
            {.inputs = 13, .layers = {{530, sigmoid}, {7, sigmoid}}, .seed = 4}};
}

// What training leaves behind, to be compared bit for bit.
template <class T>
struct Trained {
    std::vector<T> parameters;
    std::vector<double> history;
};

template <class T>
Trained<T> train(const nn::NetworkOptions& network, const nn::Matrix<T>& X, const nn::Matrix<T>& Y,
                 nn::FitOptions options, int threads) {
    nn::BasicNetwork<T> net(network);
    options.threads = threads;
    const nn::History history = net.fit(X, Y, options);
    return {parameters_of(net), numbers_of(history)};
}

}  // namespace

TEST_CASE_TEMPLATE("fit gives the same bits for 1 to 4 threads", T, float, double) {
    Random random;
    for (const nn::NetworkOptions& network : networks()) {
        const auto X = random_matrix<T>(random, 310, network.inputs);
        const auto Y = random_matrix<T>(random, 310, network.layers.back().units, 0, 1);
        // From batches that no thread is woken for to ones that keep three busy.
        for (const std::size_t batch_size : {1u, 7u, 64u, 250u})
            for (const nn::Loss loss : every_loss) {
                if (loss == nn::categorical_cross_entropy && Y.cols() < 2) continue;
                INFO("network ", network.seed, ", batch ", batch_size, ", loss ", static_cast<int>(loss));
                const nn::FitOptions options{
                    .loss = loss,
                    .batch_size = batch_size,
                    .epochs = 2,
                    .validation_split = 0.1,
                    .metric = loss == nn::categorical_cross_entropy ? nn::Metric::none : nn::Metric::r2};
                const Trained<T> one = train(suited_to(loss, network), X, Y, options, 1);
                for (const double cost_of_bytes : {0, 1})
                    for (const int threads : {2, 3, 4}) {
                        const AllThreads all_threads(cost_of_bytes);
                        INFO("cost of bytes ", cost_of_bytes, ", threads ", threads);
                        const Trained<T> several = train(suited_to(loss, network), X, Y, options, threads);
                        CHECK(bit_difference(several.parameters, one.parameters) == "");
                        CHECK(bit_difference(several.history, one.history) == "");
                    }
            }
    }
}

TEST_CASE_TEMPLATE("predict and evaluate give the same bits for 1 to 4 threads", T, float, double) {
    const AllThreads all_threads;
    Random random;
    for (const nn::NetworkOptions& options : networks()) {
        const nn::BasicNetwork<T> net(options);
        for (const std::size_t rows : {1u, 2u, 100u, 1500u}) {
            INFO("network ", options.seed, ", rows ", rows);
            const auto X = random_matrix<T>(random, rows, net.inputs());
            const auto Y = random_matrix<T>(random, rows, net.outputs(), 0, 1);
            const std::vector<T> one = values_of(net.predict(X, 1));
            const nn::Evaluation evaluation = net.evaluate(X, Y, nn::mean_squared_error, nn::Metric::r2, 1);
            for (const int threads : {2, 3, 4}) {
                INFO("threads ", threads);
                CHECK(bit_difference(values_of(net.predict(X, threads)), one) == "");
                const nn::Evaluation same =
                    net.evaluate(X, Y, nn::mean_squared_error, nn::Metric::r2, threads);
                CHECK(same.loss == evaluation.loss);
                CHECK(same.metric == evaluation.metric);
            }
        }
    }
}

TEST_CASE_TEMPLATE("train_step gives the same bits for 1 to 4 threads", T, float, double) {
    Random random;
    for (const nn::NetworkOptions& options : networks()) {
        const auto X = random_matrix<T>(random, 128, options.inputs);
        const auto Y = random_matrix<T>(random, 128, options.layers.back().units, 0, 1);
        std::vector<T> one;
        for (const double cost_of_bytes : {0, 1})
            for (const int threads : {1, 2, 3, 4}) {
                const AllThreads all_threads(cost_of_bytes);
                INFO("network ", options.seed, ", cost of bytes ", cost_of_bytes, ", threads ", threads);
                nn::BasicNetwork<T> net(options);
                nn::Workspace<T> workspace = net.make_workspace(128);
                for (int step = 0; step < 3; ++step)
                    net.train_step(X, Y, nn::mean_squared_error, nn::sgd(0.5), workspace, threads);
                if (one.empty()) one = parameters_of(net);
                CHECK(bit_difference(parameters_of(net), one) == "");
            }
    }
}

// Else the tests above would compare one thread with itself.
TEST_CASE("calls use the threads that they are offered when these cost nothing") {
    const AllThreads all_threads;
    const auto running_threads = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                             std::filesystem::directory_iterator());
    };
    Random random;
    const nn::Network net(networks().back());
    net.predict(random_matrix<float>(random, 1500, net.inputs()), 4);
    if (has_openmp) CHECK(running_threads() >= 4);  // OpenMP keeps its threads once they are there
    if (!has_openmp) CHECK(running_threads() == 1);
}

TEST_CASE("History says how many threads computed the updates") {
    Random random;
    const auto X = random_matrix<float>(random, 128, 64), Y = random_matrix<float>(random, 128, 10);
    const auto threads_of = [&](const nn::FitOptions& options) {
        nn::Network net({.inputs = 64, .layers = {{64, nn::sigmoid}, {10, nn::sigmoid}}});
        return net.fit(X, Y, options).threads;
    };
    CHECK(nn::History{}.threads == 1);
    const AllThreads all_threads;
    for (const int threads : {1, 2, 3, 4}) {
        const int expected = has_openmp ? threads : 1;
        CHECK(threads_of({.batch_size = 64, .epochs = 2, .threads = threads}) == expected);
        CHECK(threads_of({.engine = nn::Engine::block, .threads = threads}) == expected);
        CHECK(threads_of({.engine = nn::Engine::fused, .threads = threads}) == 1);
    }
    CHECK(threads_of({.batch_size = 64, .epochs = 0, .threads = 4}) == 1);
    // One epoch is enough.
    int epochs = 0;
    CHECK(threads_of({.batch_size = 64, .epochs = 2, .threads = 4, .on_epoch = [&](const nn::EpochRecord&) {
                          set_openmp_threads(1);
                          return ++epochs < 2;
                      }}) == (has_openmp ? 4 : 1));
}

// In processes of their own: costs that are measured are measured once, but for some.
TEST_CASE("what barriers and bytes cost is measured again" * doctest::skip()) {
    const nn::ThreadCosts first = nn::thread_costs();
    if (first.cpus < 2) {
        std::cout << "skipped: the time of one CPU" << std::endl;
        return;
    }
    bool changed = false;
    for (int i = 0; i < 200 && !changed; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(120));
        const nn::ThreadCosts later = nn::thread_costs();
        CHECK((later.wake == first.wake && later.multiply_add == first.multiply_add));
        CHECK((later.barrier > 0 && later.byte >= 0));
        changed = later.barrier != first.barrier || later.byte != first.byte;
    }
    CHECK(changed);
}

#ifdef _OPENMP
TEST_CASE("what threads cost is not measured where a team cannot form" * doctest::skip()) {
    omp_set_max_active_levels(1);
    nn::ThreadCosts within{};
#pragma omp parallel num_threads(2)
    if (omp_get_thread_num() == 0) within = nn::thread_costs();
    CHECK(std::isinf(within.barrier));
    if (nn::thread_costs().cpus >= 2) CHECK(std::isfinite(nn::thread_costs().barrier));
}
#endif

TEST_CASE("what threads cost is measured, and can be set") {
    const nn::ThreadCosts measured = nn::thread_costs();
    INFO("wake ", measured.wake, ", barrier ", measured.barrier, ", byte ", measured.byte, ", multiply_add ",
         measured.multiply_add);
    CHECK(measured.wake > 0);
    CHECK(measured.barrier > 0);
    CHECK(measured.byte >= 0);
    CHECK(measured.multiply_add > 0);
    {
        const AllThreads all_threads;
        CHECK(nn::thread_costs().multiply_add == 1);
        // Those that were measured would be measured anew by now.
        std::this_thread::sleep_for(std::chrono::milliseconds(150));
        CHECK(nn::thread_costs().barrier == 0);
    }
    CHECK(nn::thread_costs().wake == measured.wake);
}
