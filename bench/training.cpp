// Training time per sample of whole networks: per-sample against mini-batch updates. One iteration is an
// epoch of 1024 samples in a new order, on weights that carry over, as in real training.
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <densimd/nn.hpp>

#include "data.hpp"
#include "suite.hpp"

namespace densimd::bench {
namespace {

constexpr std::size_t samples = 1024;

void train(benchmark::State& state, const std::vector<std::size_t>& widths, std::size_t batch, int threads) {
    nn::NetworkOptions options{.inputs = widths.front(), .layers = {}, .seed = 1};
    for (std::size_t l = 1; l < widths.size(); ++l) options.layers.push_back({widths[l], nn::sigmoid});
    nn::Network network(options);
    const auto X = numbers<float>(samples * widths.front(), 0, 1, 1);
    const auto Y = numbers<float>(samples * widths.back(), 0, 1, 2);
    const nn::MatrixView<const float> inputs(X.data(), samples, widths.front());
    const nn::MatrixView<const float> targets(Y.data(), samples, widths.back());
    const nn::FitOptions epoch{.optimizer = nn::sgd(0.05), .batch_size = batch, .epochs = 1, .threads = threads};
    for (auto _ : state) state.SetIterationTime(network.fit(inputs, targets, epoch).epochs.back().seconds);
    state.counters["ns_per_sample"] =
        benchmark::Counter(1e-9 * static_cast<double>(samples) * static_cast<double>(state.iterations()),
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

}  // namespace

void register_all() {
    const std::vector<std::size_t> networks[] = {
        {8, 1}, {8, 16, 1}, {64, 64, 10}, {784, 128, 10}, {1024, 1024, 10}};
    const std::string isa(name(kernels::active_isa()));
    for (const auto& widths : networks)
        for (const std::size_t batch : {std::size_t{1}, std::size_t{32}, std::size_t{256}})
            for (const int threads : {1, 2}) {
                std::string net;
                for (const std::size_t width : widths)
                    net.append(net.empty() ? "" : "-").append(std::to_string(width));
                const std::string title = "train/f32/isa:" + isa + "/net:" + net +
                                          "/batch:" + std::to_string(batch) +
                                          "/threads:" + std::to_string(threads);
                benchmark::RegisterBenchmark(title.c_str(), [=](benchmark::State& state) {
                    train(state, widths, batch, threads);
                })->UseManualTime();
            }
}

}  // namespace densimd::bench
