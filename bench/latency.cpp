// How long a single call takes, most often and at worst: each call is timed by itself. Nothing is subtracted
// for the clock, whose own time stands beside.
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "training.hpp"

namespace densimd::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t calls = 200'000;

// The smallest time that this share of the calls did not exceed. Sorts `times` in part.
double percentile(std::vector<Clock::duration>& times, double share) {
    const auto nth =
        times.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(times.size() - 1));
    std::nth_element(times.begin(), nth, times.end());
    return std::chrono::duration<double, std::nano>(*nth).count();
}

// call(i) for the i-th row.
template <class Call>
void measure(benchmark::State& state, const Call& call) {
    std::vector<Clock::duration> times(calls);
    for (auto _ : state)
        for (std::size_t i = 0; i < calls; ++i) {
            const Clock::time_point start = Clock::now();
            call(i % Problem::samples);
            times[i] = Clock::now() - start;
        }
    state.counters["p50_ns"] = percentile(times, 0.5);
    state.counters["p99_9_ns"] = percentile(times, 0.999);
}

template <class Run>
void add(const Problem& problem, const char* call, const Run& run) {
    benchmark::RegisterBenchmark((title("latency", ours(), problem) + "/call:" + call).c_str(), run)
        ->Iterations(1);
}

}  // namespace

void register_latency() {
    const auto problem = std::make_shared<const Problem>(std::vector<std::size_t>{16, 64, 32, 1});
    add(*problem, "train_step", [=](benchmark::State& state) {
        nn::Network network = problem->network();
        nn::Workspace<float> workspace = network.make_workspace();
        const auto X = problem->inputs(), Y = problem->targets();
        measure(state, [&](std::size_t i) {
            benchmark::DoNotOptimize(network.train_step(X.middle_rows(i, 1), Y.middle_rows(i, 1),
                                                        nn::mean_squared_error,
                                                        nn::sgd(Problem::learning_rate), workspace));
        });
    });
    add(*problem, "try_predict", [=](benchmark::State& state) {
        const nn::Network& network = problem->network();
        nn::Workspace<float> workspace = network.make_workspace();
        nn::Matrix<float> out(1, network.outputs());
        const auto X = problem->inputs();
        measure(state, [&](std::size_t i) {
            benchmark::DoNotOptimize(network.try_predict(X.middle_rows(i, 1), out, workspace));
            benchmark::ClobberMemory();
        });
    });
    add(*problem, "clock", [](benchmark::State& state) { measure(state, [](std::size_t) {}); });
}

}  // namespace densimd::bench
