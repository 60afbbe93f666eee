// Bits that must never change silently: random orders, initial weights, trained weights. Those of ISAs with
// FMA are the same with every compiler and on AArch64; the baseline has its own.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "support/golden.hpp"
#include "support/hash.hpp"
#include "support/nn.hpp"
#include "support/tables.hpp"

using namespace densimd::test;

namespace {

const nn::NetworkOptions options{
    .inputs = 9, .layers = {{20, nn::sigmoid}, {7, nn::identity}, {3, nn::sigmoid}}, .seed = 42};

// Without padding, which is free to change.
template <class T>
std::uint64_t hash_of(const nn::BasicNetwork<T>& net) {
    Hash hash;
    for (std::size_t l = 0; l < net.layers().size(); ++l) {
        const auto layer = net.layer(l);
        for (std::size_t k = 0; k < layer.weights.rows(); ++k)
            hash.add(std::span<const T>(layer.weights.row(k), layer.weights.cols()));
        hash.add(layer.biases);
    }
    return hash.value();
}

template <class T>
std::string type() {
    return std::is_same_v<T, float> ? " float" : " double";
}

// Places are drawn 6, 5, 4, 3 and 2 at a time.
void add_orders(GoldenLines& lines) {
    for (const std::size_t count : {500u, 2000u, 16000u, 500000u, 600001u}) {
        Hash hash;
        hash.add(std::span<const std::size_t>(nn::permutation(count, 42, 7)));
        lines["permutation " + std::to_string(count)] = hash.value();
    }
}

template <class T>
void add_losses(GoldenLines& lines) {
    lines["initial weights" + type<T>()] = hash_of(nn::BasicNetwork<T>(options));
    {
        Random random(77);
        const auto X = random_matrix<T>(random, 100, 9), Y = random_matrix<T>(random, 100, 3, 0, 1);
        nn::BasicNetwork<T> net(options);
        net.fit(X, Y, {.loss = nn::binary_cross_entropy, .epochs = 3, .validation_split = 0.1});
        net.fit(X, Y, {.loss = nn::mean_squared_error, .batch_size = 16, .epochs = 3});
        net.fit(X, Y, {.loss = nn::cosine_distance, .batch_size = 7, .epochs = 3});
        const std::string name = "fit binary_cross_entropy, mean_squared_error, cosine_distance";
        lines[name + type<T>()] = hash_of(net);
        net.fit(X, Y, {.epochs = 2, .engine = nn::Engine::block});
        lines[name + ", then block" + type<T>()] = hash_of(net);
    }
    Random random(78);
    const auto X = random_matrix<T>(random, 100, 9), Y = random_matrix<T>(random, 100, 3, 0, 3);
    nn::BasicNetwork<T> net({.inputs = 9, .layers = {{20, nn::sigmoid}, {3, nn::identity}}, .seed = 42});
    net.fit(X, Y, {.loss = nn::mean_absolute_error, .epochs = 3});
    net.fit(X, Y, {.loss = nn::huber, .batch_size = 7, .epochs = 3});
    net.fit(X, Y, {.loss = nn::categorical_cross_entropy, .epochs = 3, .validation_split = 0.1});
    lines["fit mean_absolute_error, huber, categorical_cross_entropy" + type<T>()] = hash_of(net);
}

template <class T>
void add_tiny_networks(GoldenLines& lines) {
    Random random(79);
    const auto X = random_matrix<T>(random, 100, 9);
    const auto add = [&](const std::string& name, const std::vector<nn::LayerOptions>& layers,
                         nn::Loss loss) {
        const auto Y = random_matrix<T>(random, 100, layers.back().units, 0, 1);
        nn::BasicNetwork<T> net({.inputs = 9, .layers = layers, .seed = 42});
        CHECK(net.fit(X, Y, {.loss = loss, .epochs = 3}).engine == nn::Engine::block);
        lines["tiny " + name + type<T>()] = hash_of(net);
    };
    add("9-1 sigmoid, mean_squared_error", {{1, nn::sigmoid}}, nn::mean_squared_error);
    add("9-8-1 sigmoid, mean_squared_error", {{8, nn::sigmoid}, {1, nn::sigmoid}}, nn::mean_squared_error);
    add("9-7-1 tanh, binary_cross_entropy", {{7, nn::tanh}, {1, nn::sigmoid}}, nn::binary_cross_entropy);
    add("9-3 relu, huber", {{3, nn::relu}}, nn::huber);
}

// One hash per engine and batch size, for 1 to 4 threads.
template <class T>
void add_engines(GoldenLines& lines) {
    Random random(78);
    const auto X = random_matrix<T>(random, 75, 40), Y = random_matrix<T>(random, 75, 3, 0, 1);
    struct {
        const char* name;
        nn::Engine engine;
        std::size_t batch_size;
    } const cases[] = {{"plain", nn::Engine::plain, 1},  {"fused", nn::Engine::fused, 1},
                       {"block", nn::Engine::block, 1},  {"automatic", nn::Engine::automatic, 7},
                       {"plain", nn::Engine::plain, 32}, {"plain", nn::Engine::plain, 75}};
    for (const double cost_of_bytes : {0, 1})
        for (const auto& c : cases)
            for (int threads = 1; threads <= 4; ++threads) {
                const AllThreads all_threads(cost_of_bytes);
                nn::BasicNetwork<T> net({.inputs = 40,
                                         .layers = {{515, nn::sigmoid}, {17, nn::tanh}, {3, nn::sigmoid}},
                                         .seed = 5});
                net.fit(X, Y,
                        {.batch_size = c.batch_size, .epochs = 3, .engine = c.engine, .threads = threads});
                const std::string name =
                    std::string("engine ") + c.name + ", batch " + std::to_string(c.batch_size) + type<T>();
                INFO(name, ", threads ", threads, ", cost of bytes ", cost_of_bytes);
                CHECK(lines.emplace(name, hash_of(net)).first->second == hash_of(net));
            }
}

}  // namespace

TEST_CASE("the orders of permutation") {
    const auto text_of = [](const std::vector<std::size_t>& order) {
        std::string text;
        for (const std::size_t i : order) text += std::to_string(i) + " ";
        return text;
    };
    CHECK(text_of(nn::permutation(10, 0, 0)) == "2 1 4 9 8 3 0 7 6 5 ");
    CHECK(text_of(nn::permutation(10, 42, 7)) == "0 4 5 7 9 1 8 3 6 2 ");
}

TEST_CASE("orders, initial weights and trained weights have the pinned bits") {
    GoldenLines lines;
    add_orders(lines);
    const auto add = [&]<class T>(T) {
        add_losses<T>(lines);
        add_tiny_networks<T>(lines);
        add_engines<T>(lines);
    };
    add(float{});
    add(double{});
    check_golden(has_fma(densimd::kernels::active_isa()) ? "nn.txt" : "nn_baseline.txt", lines);
}
