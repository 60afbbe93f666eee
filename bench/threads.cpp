// Two threads against one: how many times faster an epoch is, from tiny layers and batches to large ones. The
// two take turns, and the median of their ratios counts.
#include <algorithm>
#include <thread>
#include <vector>

#include "training.hpp"

namespace densimd::bench {
namespace {

double seconds(nn::Network& network, const Problem& problem, const nn::FitOptions& options) {
    double sum = 0;
    for (const nn::EpochRecord& epoch : network.fit(problem.inputs(), problem.targets(), options).epochs)
        sum += epoch.seconds;
    return sum;
}

void compare(benchmark::State& state, const Problem& problem, std::size_t batch) {
    const double products = static_cast<double>(problem.network().parameters().size() * Problem::samples);
    nn::FitOptions one{.optimizer = nn::sgd(Problem::learning_rate), .batch_size = batch};
    one.epochs = static_cast<std::size_t>(std::clamp(2e7 / products, 1.0, 50.0));
    nn::FitOptions two = one;
    two.threads = 2;
    nn::Network on_one = problem.network(), on_two = problem.network();
    std::vector<double> ratios(7);
    for (auto _ : state)
        for (double& ratio : ratios) ratio = seconds(on_one, problem, one) / seconds(on_two, problem, two);
    std::ranges::nth_element(ratios, ratios.begin() + 3);
    state.counters["times_faster"] = ratios[3];
}

}  // namespace

void register_threads() {
    if (std::thread::hardware_concurrency() < 2) return;
    for (std::size_t width = 8; width <= 1024; width *= 2) {
        const auto problem = std::make_shared<const Problem>(std::vector<std::size_t>{width, width, 10});
        for (std::size_t batch = 1; batch <= 512; batch *= 2)
            benchmark::RegisterBenchmark(
                (title("threads", ours(), *problem) + "/batch:" + std::to_string(batch)).c_str(),
                [=](benchmark::State& state) { compare(state, *problem, batch); })
                ->Iterations(1);
    }
}

}  // namespace densimd::bench
