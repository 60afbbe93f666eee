// fit follows the article's loop: the same updates in the same order, to rounding.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "plain_network.hpp"
#include "support/nn.hpp"

using namespace densimd::test;

namespace {

struct Case {
    nn::NetworkOptions network;
    nn::Loss loss;
    double highest_target = 0.95;
};

std::vector<Case> cases() {
    using nn::identity, nn::sigmoid;
    return {
        {{.inputs = 8, .layers = {{1, sigmoid}}, .seed = 1}, nn::mean_squared_error},
        {{.inputs = 8, .layers = {{16, sigmoid}, {1, sigmoid}}, .seed = 2}, nn::mean_squared_error},
        {{.inputs = 3, .layers = {{5, identity}, {9, sigmoid}, {2, identity}}, .seed = 3},
         nn::mean_squared_error},
        {{.inputs = 40, .layers = {{35, sigmoid}, {3, sigmoid}}, .seed = 7}, nn::mean_squared_error},
        {{.inputs = 2, .layers = {{7, sigmoid}, {1, sigmoid}}, .seed = 4}, nn::binary_cross_entropy},
        {{.inputs = 17, .layers = {{6, sigmoid}, {10, sigmoid}}, .seed = 5}, nn::binary_cross_entropy},
        {{.inputs = 5, .layers = {{11, sigmoid}, {4, identity}}, .seed = 6}, nn::cosine_distance},
        {{.inputs = 6, .layers = {{9, sigmoid}, {3, sigmoid}}, .seed = 8}, nn::mean_absolute_error},
        {{.inputs = 7, .layers = {{5, sigmoid}, {2, identity}}, .seed = 9}, nn::huber, 3},
        {{.inputs = 17, .layers = {{8, sigmoid}, {1, identity}}, .seed = 11}, nn::huber, 3},
        {{.inputs = 1, .layers = {{3, sigmoid}}, .seed = 12}, nn::mean_squared_error},
        {{.inputs = 40, .layers = {{7, sigmoid}, {1, sigmoid}}, .seed = 13}, nn::binary_cross_entropy},
        {{.inputs = 4, .layers = {{12, sigmoid}, {5, identity}}, .seed = 10}, nn::categorical_cross_entropy}};
}

// The documented rows and orders: the validation rows come first in permutation(rows, seed, 0), the order of
// epoch e is permutation(training rows, seed, e).
struct Order {
    std::vector<std::size_t> training, validation;

    Order(std::size_t rows, const nn::FitOptions& options, std::uint64_t seed) {
        const auto held_back =
            static_cast<std::size_t>(static_cast<double>(rows) * options.validation_split + 0.5);
        std::vector<std::size_t> all(rows);
        std::iota(all.begin(), all.end(), std::size_t{0});
        if (held_back > 0 && options.split == nn::Split::shuffled) all = nn::permutation(rows, seed, 0);
        for (std::size_t i = 0; i < rows; ++i) {
            const bool validates =
                options.split == nn::Split::shuffled ? i < held_back : i >= rows - held_back;
            (validates ? validation : training).push_back(all[i]);
        }
    }

    std::vector<std::size_t> of_epoch(std::size_t epoch, bool shuffle, std::uint64_t seed) const {
        if (!shuffle) return training;
        std::vector<std::size_t> order;
        for (const std::size_t i : nn::permutation(training.size(), seed, epoch))
            order.push_back(training[i]);
        return order;
    }
};

template <class T>
PlainNetwork::Row row_of(const nn::Matrix<T>& matrix, std::size_t i) {
    return {matrix.row(i), matrix.row(i) + matrix.cols()};
}

struct PlainHistory {
    std::vector<double> training, validation;
};

template <class T>
PlainHistory plain_fit(PlainNetwork& plain, const nn::Matrix<T>& X, const nn::Matrix<T>& Y,
                       const nn::FitOptions& options, std::uint64_t seed) {
    const Order rows(X.rows(), options, seed);
    PlainHistory history;
    for (std::size_t epoch = 1; epoch <= options.epochs; ++epoch) {
        const std::vector<std::size_t> order = rows.of_epoch(epoch, options.shuffle, seed);
        double losses = 0;
        for (std::size_t first = 0; first < order.size(); first += options.batch_size) {
            std::vector<PlainNetwork::Row> x, y;
            for (std::size_t i = first; i < std::min(first + options.batch_size, order.size()); ++i) {
                x.push_back(row_of(X, order[i]));
                y.push_back(row_of(Y, order[i]));
            }
            losses += plain.step(x, y, options.loss,
                                 static_cast<double>(static_cast<T>(options.optimizer.learning_rate)));
        }
        history.training.push_back(losses / static_cast<double>(order.size()));
        double validation = 0;
        for (const std::size_t i : rows.validation)
            validation += plain.loss(row_of(X, i), row_of(Y, i), options.loss);
        history.validation.push_back(validation / static_cast<double>(rows.validation.size()));
    }
    return history;
}

template <class T>
std::vector<double> parameters_by_layer(const nn::BasicNetwork<T>& net) {
    return PlainNetwork(net).parameters();
}

template <class T>
void check_follows(const nn::FitOptions& common) {
    Random random;
    for (const Case& c : cases()) {
        nn::FitOptions options = common;
        options.loss = c.loss;
        const std::size_t rows = 43;
        const auto X = random_matrix<T>(random, rows, c.network.inputs);
        const auto Y = random_matrix<T>(random, rows, c.network.layers.back().units, T{0.05f},
                                        static_cast<T>(c.highest_target));
        nn::BasicNetwork<T> net(c.network);
        PlainNetwork plain(net);
        INFO("network ", c.network.seed, ", batch ", options.batch_size);

        const nn::History history = net.fit(X, Y, options);
        const PlainHistory expected = plain_fit(plain, X, Y, options, c.network.seed);

        // Every update rounds the weights, of about 1, by half a ULP, and its own terms by a few of theirs.
        const auto updates = static_cast<double>(options.epochs * rows);
        const double bound = updates * static_cast<double>(std::numeric_limits<T>::epsilon());
        const std::vector<double> trained = parameters_by_layer(net);
        CHECK(difference(trained, plain.parameters(), std::vector<double>(trained.size(), bound)) == "");
        REQUIRE(history.epochs.size() == options.epochs);
        for (std::size_t e = 0; e < options.epochs; ++e) {
            INFO("epoch ", e + 1);
            CHECK(std::abs(history.epochs[e].training.loss - expected.training[e]) <= bound);
            REQUIRE(history.epochs[e].validation.has_value() == (options.validation_split > 0));
            if (options.validation_split > 0)
                CHECK(std::abs(history.epochs[e].validation->loss - expected.validation[e]) <= bound);
        }
    }
}

}  // namespace

TEST_CASE_TEMPLATE("per-sample fit is the article's loop, whatever the engine", T, float, double) {
    for (const nn::Engine engine : every_engine) {
        INFO("engine ", static_cast<int>(engine));
        check_follows<T>({.optimizer = nn::sgd(0.5),
                          .batch_size = 1,
                          .epochs = 4,
                          .validation_split = 0.2,
                          .engine = engine});
        check_follows<T>(
            {.optimizer = nn::sgd(0.1), .batch_size = 1, .epochs = 2, .shuffle = false, .engine = engine});
    }
}

TEST_CASE_TEMPLATE("mini-batch fit is the article's loop with mean gradients", T, float, double) {
    for (const std::size_t batch_size : {2u, 4u, 10u, 32u, 1000u})  // 43 rows: the last batch is incomplete
        check_follows<T>(
            {.optimizer = nn::sgd(1), .batch_size = batch_size, .epochs = 5, .validation_split = 0.1});
    check_follows<T>({.optimizer = nn::sgd(1), .batch_size = 7, .epochs = 3, .shuffle = false});
}

TEST_CASE_TEMPLATE("a split of the tail trains on the rows before it", T, float, double) {
    check_follows<T>({.batch_size = 1, .epochs = 2, .validation_split = 0.3, .split = nn::Split::tail});
    check_follows<T>(
        {.batch_size = 8, .epochs = 2, .validation_split = 0.3, .split = nn::Split::tail, .shuffle = false});
}
