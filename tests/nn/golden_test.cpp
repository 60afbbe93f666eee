// Bits that must never change silently: random orders, initial weights, trained weights. New values are in
// the failures; they must be the same with every compiler and on AArch64.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "support/hash.hpp"
#include "support/nn.hpp"

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
constexpr std::uint64_t pinned(std::uint64_t for_float, std::uint64_t for_double) {
    return std::is_same_v<T, float> ? for_float : for_double;
}

}  // namespace

TEST_CASE("the orders of permutation") {
    const auto text_of = [](const std::vector<std::size_t>& order) {
        std::string text;
        for (const std::size_t i : order) text += std::to_string(i) + " ";
        return text;
    };
    CHECK(text_of(nn::permutation(10, 0, 0)) == "5 3 7 1 8 4 0 2 9 6 ");
    CHECK(text_of(nn::permutation(10, 42, 7)) == "5 2 7 0 4 3 6 1 9 8 ");
}

TEST_CASE_TEMPLATE("the initial weights of a seed", T, float, double) {
    CHECK(hash_of(nn::BasicNetwork<T>(options)) == pinned<T>(12677305791519827646u, 13346671497863577898u));
}

TEST_CASE_TEMPLATE("the trained weights of a seed, on ISAs with FMA", T, float, double) {
    if (densimd::kernels::active_isa() == densimd::kernels::Isa::baseline) return;  // rounds differently
    Random random(77);
    const auto X = random_matrix<T>(random, 100, 9), Y = random_matrix<T>(random, 100, 3, 0, 1);
    nn::BasicNetwork<T> net(options);
    net.fit(X, Y, {.loss = nn::binary_cross_entropy, .epochs = 3, .validation_split = 0.1});
    net.fit(X, Y, {.loss = nn::mean_squared_error, .batch_size = 16, .epochs = 3});
    net.fit(X, Y, {.loss = nn::cosine_distance, .batch_size = 7, .epochs = 3});
    CHECK(hash_of(net) == pinned<T>(13687035061063610619u, 9054283952890478737u));
    net.fit(X, Y, {.epochs = 2, .engine = nn::Engine::block});
    CHECK(hash_of(net) == pinned<T>(467679822476682812u, 13659422372118446663u));
}

TEST_CASE_TEMPLATE("the trained weights of the other losses, on ISAs with FMA", T, float, double) {
    if (densimd::kernels::active_isa() == densimd::kernels::Isa::baseline) return;  // rounds differently
    Random random(78);
    const auto X = random_matrix<T>(random, 100, 9), Y = random_matrix<T>(random, 100, 3, 0, 3);
    nn::BasicNetwork<T> net({.inputs = 9, .layers = {{20, nn::sigmoid}, {3, nn::identity}}, .seed = 42});
    net.fit(X, Y, {.loss = nn::mean_absolute_error, .epochs = 3});
    net.fit(X, Y, {.loss = nn::huber, .batch_size = 7, .epochs = 3});
    net.fit(X, Y, {.loss = nn::categorical_cross_entropy, .epochs = 3, .validation_split = 0.1});
    CHECK(hash_of(net) == pinned<T>(17960364499379941578u, 5435576145466765339u));
}

TEST_CASE_TEMPLATE("the trained weights of tiny networks, on ISAs with FMA", T, float, double) {
    if (densimd::kernels::active_isa() == densimd::kernels::Isa::baseline) return;  // rounds differently
    Random random(79);
    const auto X = random_matrix<T>(random, 100, 9);
    const auto hash_after = [&](const std::vector<nn::LayerOptions>& layers, nn::Loss loss) {
        const auto Y = random_matrix<T>(random, 100, layers.back().units, 0, 1);
        nn::BasicNetwork<T> net({.inputs = 9, .layers = layers, .seed = 42});
        CHECK(net.fit(X, Y, {.loss = loss, .epochs = 3}).engine == nn::Engine::block);
        return hash_of(net);
    };
    CHECK(hash_after({{1, nn::sigmoid}}, nn::mean_squared_error) ==
          pinned<T>(17898251074006628603u, 3495404562684411278u));
    CHECK(hash_after({{8, nn::sigmoid}, {1, nn::sigmoid}}, nn::mean_squared_error) ==
          pinned<T>(6506605680718872497u, 15002812598498801477u));
    CHECK(hash_after({{7, nn::tanh}, {1, nn::sigmoid}}, nn::binary_cross_entropy) ==
          pinned<T>(10832169228420089266u, 12405533375779759601u));
    CHECK(hash_after({{3, nn::relu}}, nn::huber) == pinned<T>(9346882618017248740u, 14999937182287029403u));
}

TEST_CASE_TEMPLATE("one hash per engine and batch size, for 1 to 4 threads, on ISAs with FMA", T, float,
                   double) {
    if (densimd::kernels::active_isa() == densimd::kernels::Isa::baseline) return;  // rounds differently
    Random random(78);
    const auto X = random_matrix<T>(random, 75, 40), Y = random_matrix<T>(random, 75, 3, 0, 1);
    struct {
        nn::Engine engine;
        std::size_t batch_size;
        std::uint64_t hash;
    } const cases[] = {{nn::Engine::plain, 1, pinned<T>(2468605084824962062u, 7185048223224202524u)},
                       {nn::Engine::fused, 1, pinned<T>(2468605084824962062u, 7185048223224202524u)},
                       {nn::Engine::block, 1, pinned<T>(4746081018259009939u, 15282071056278975560u)},
                       {nn::Engine::automatic, 7, pinned<T>(4370360986790371810u, 17186675861140046554u)},
                       {nn::Engine::plain, 32, pinned<T>(11939062441234038241u, 11667275106002128052u)},
                       {nn::Engine::plain, 75, pinned<T>(12628314927948533276u, 17697664336487757571u)}};
    for (const double cost_of_bytes : {0, 1})
        for (const auto& c : cases)
            for (int threads = 1; threads <= 4; ++threads) {
                const AllThreads all_threads(cost_of_bytes);
                INFO("cost of bytes ", cost_of_bytes, ", engine ", static_cast<int>(c.engine), ", batch ",
                     c.batch_size, ", threads ", threads);
                nn::BasicNetwork<T> net({.inputs = 40,
                                         .layers = {{515, nn::sigmoid}, {17, nn::tanh}, {3, nn::sigmoid}},
                                         .seed = 5});
                net.fit(X, Y,
                        {.batch_size = c.batch_size, .epochs = 3, .engine = c.engine, .threads = threads});
                CHECK(hash_of(net) == c.hash);
            }
}
