// A network inside a program with threads of its own.
#ifdef _OPENMP
#include <omp.h>
#endif

#include <vector>

#include <doctest/doctest.h>
#include <densimd/nn.hpp>

namespace nn = densimd::nn;

namespace {

struct Outcome {
    float loss;
    std::vector<float> parameters, predictions;

    bool operator==(const Outcome&) const = default;
};

// All that a thread of a caller's may do with a network of its own.
Outcome use_a_network(std::uint64_t seed, int threads) {
    constexpr std::size_t rows = 8, in = 5, out = 3;
    nn::Matrix<float> X(rows, in), Y(rows, out);
    for (std::size_t i = 0; i < rows * in; ++i) X.data()[i] = static_cast<float>(i % 7) / 8;
    for (std::size_t i = 0; i < rows * out; ++i) Y.data()[i] = static_cast<float>(i % 5) / 8;
    nn::Network net({.inputs = in, .layers = {{4, nn::sigmoid}, {out, nn::sigmoid}}, .seed = seed});
    auto workspace = net.make_workspace(rows);
    Outcome outcome;
    outcome.loss = net.train_step(X, Y, nn::mean_squared_error, nn::sgd(0.5), workspace, threads);
    net.fit(X, Y, {.batch_size = 3, .epochs = 2, .threads = threads});
    auto small_workspace = net.make_workspace(1);
    nn::Matrix<float> predictions(rows, out);
    net.predict(X, predictions, small_workspace, threads);
    outcome.predictions.assign(predictions.data(), predictions.data() + rows * out);
    outcome.parameters.assign(net.parameters().begin(), net.parameters().end());
    return outcome;
}

}  // namespace

#ifdef _OPENMP
TEST_CASE("calls from threads of the caller's own OpenMP region give what one thread gives") {
    constexpr int team = 3;
    for (const int threads : {1, 2}) {
        std::vector<Outcome> found(team);
#pragma omp parallel num_threads(team)
        {
            const int thread = omp_get_thread_num();
            found[static_cast<std::size_t>(thread)] =
                use_a_network(static_cast<std::uint64_t>(thread), threads);
        }
        for (int thread = 0; thread < team; ++thread)
            CHECK(found[static_cast<std::size_t>(thread)] ==
                  use_a_network(static_cast<std::uint64_t>(thread), 1));
    }
}

TEST_CASE("one thread of a region alone may train") {
    Outcome found;
#pragma omp parallel num_threads(2)
    {
        if (omp_get_thread_num() == 0) found = use_a_network(7, 1);
    }
    CHECK(found == use_a_network(7, 1));
}

#endif

TEST_CASE("more threads than any machine has are no reason to fail") {
    CHECK(use_a_network(7, 1 << 20) == use_a_network(7, 1));
    nn::Network net({.inputs = 512, .layers = {{512, nn::sigmoid}}});
    nn::Matrix<float> X(4096, 512);
    CHECK(net.predict(X, 1 << 20).rows() == 4096);
}
