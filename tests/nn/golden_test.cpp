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
    CHECK(text_of(nn::permutation(10, 0, 0)) == "2 1 4 9 8 3 0 7 6 5 ");
    CHECK(text_of(nn::permutation(10, 42, 7)) == "0 4 5 7 9 1 8 3 6 2 ");
    const auto hash_of_order = [](std::size_t count) {
        Hash hash;
        hash.add(std::span<const std::size_t>(nn::permutation(count, 42, 7)));
        return hash.value();
    };
    // Places are drawn 6, 5, 4, 3 and 2 at a time.
    CHECK(hash_of_order(500) == 15693415168583526101u);
    CHECK(hash_of_order(2000) == 9951857751193765029u);
    CHECK(hash_of_order(16000) == 15796342500617688753u);
    CHECK(hash_of_order(500000) == 17975101731612852761u);
    CHECK(hash_of_order(600001) == 4342678704121554373u);
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
    CHECK(hash_of(net) == pinned<T>(6643747175056751634u, 10352915745912487250u));
    net.fit(X, Y, {.epochs = 2, .engine = nn::Engine::block});
    CHECK(hash_of(net) == pinned<T>(13210095479696644212u, 15076586946631612138u));
}

TEST_CASE_TEMPLATE("the trained weights of the other losses, on ISAs with FMA", T, float, double) {
    if (densimd::kernels::active_isa() == densimd::kernels::Isa::baseline) return;  // rounds differently
    Random random(78);
    const auto X = random_matrix<T>(random, 100, 9), Y = random_matrix<T>(random, 100, 3, 0, 3);
    nn::BasicNetwork<T> net({.inputs = 9, .layers = {{20, nn::sigmoid}, {3, nn::identity}}, .seed = 42});
    net.fit(X, Y, {.loss = nn::mean_absolute_error, .epochs = 3});
    net.fit(X, Y, {.loss = nn::huber, .batch_size = 7, .epochs = 3});
    net.fit(X, Y, {.loss = nn::categorical_cross_entropy, .epochs = 3, .validation_split = 0.1});
    CHECK(hash_of(net) == pinned<T>(536148426181986472u, 4922059421483761880u));
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
          pinned<T>(14709561063037452974u, 15877817306096029983u));
    CHECK(hash_after({{8, nn::sigmoid}, {1, nn::sigmoid}}, nn::mean_squared_error) ==
          pinned<T>(15706540704654821517u, 8627906202791877047u));
    CHECK(hash_after({{7, nn::tanh}, {1, nn::sigmoid}}, nn::binary_cross_entropy) ==
          pinned<T>(10098210342579503558u, 11173573197341630281u));
    CHECK(hash_after({{3, nn::relu}}, nn::huber) == pinned<T>(17951688146102953630u, 2621346757125346965u));
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
    } const cases[] = {{nn::Engine::plain, 1, pinned<T>(1897747582050247514u, 5168761842208149335u)},
                       {nn::Engine::fused, 1, pinned<T>(1897747582050247514u, 5168761842208149335u)},
                       {nn::Engine::block, 1, pinned<T>(16222827962219937885u, 1876212174191680138u)},
                       {nn::Engine::automatic, 7, pinned<T>(10217237835905678302u, 8857836409652863896u)},
                       {nn::Engine::plain, 32, pinned<T>(8436540252680236620u, 972179304047956166u)},
                       {nn::Engine::plain, 75, pinned<T>(3023571509433369927u, 475399793131935660u)}};
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
