// Training time per sample of whole networks: per-sample against mini-batch updates, densimd against its
// peers. One iteration is an epoch of 1024 samples in a new order, on weights that carry over, as in real
// training. The order is drawn within the time, as fit does it, and for everyone by the same function.
#include "training.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "suite.hpp"

namespace densimd::bench {
namespace {

using Clock = std::chrono::steady_clock;

nn::FitOptions one_epoch(std::size_t batch, int threads) {
    return {
        .optimizer = nn::sgd(Problem::learning_rate), .batch_size = batch, .epochs = 1, .threads = threads};
}

void train(benchmark::State& state, const Problem& problem, const nn::FitOptions& epoch) {
    nn::Network network = problem.network();
    for (auto _ : state)
        state.SetIterationTime(network.fit(problem.inputs(), problem.targets(), epoch).epochs.back().seconds);
    count_samples(state);
}

// Checks before the first of its runs that a peer's epoch is ours.
class PeerTraining {
  public:
    PeerTraining(std::shared_ptr<const Problem> problem, const NetworkPeer& peer, std::size_t batch)
        : problem_(std::move(problem)), peer_(peer), batch_(batch) {}

    void operator()(benchmark::State& state) {
        if (!checked_) {
            nn::Network network = problem_->network();
            const nn::History history =
                network.fit(problem_->inputs(), problem_->targets(), one_epoch(batch_, 1));
            check(title("train", "peer:" + peer_.name, *problem_) + ", mean loss of an epoch",
                  history.epochs.back().training.loss, train(*make(), 1));
            checked_ = true;
        }
        const auto network = make();
        std::size_t epoch = 0;
        for (auto _ : state) {
            const Clock::time_point start = Clock::now();
            train(*network, ++epoch);
            state.SetIterationTime(std::chrono::duration<double>(Clock::now() - start).count());
        }
        count_samples(state);
    }

  private:
    std::unique_ptr<PeerNetwork> make() const {
        return std::unique_ptr<PeerNetwork>(peer_.make(problem_->job(batch_)));
    }

    static double train(PeerNetwork& network, std::size_t epoch) {
        return network.train(nn::permutation(Problem::samples, Problem::seed, epoch).data());
    }

    std::shared_ptr<const Problem> problem_;
    NetworkPeer peer_;
    std::size_t batch_;
    bool checked_ = false;
};

}  // namespace

void register_training(const Problems& problems, const NetworkPeers& peers) {
    const int most_threads = std::max(2, static_cast<int>(std::thread::hardware_concurrency()));
    for (const auto& problem : problems)
        for (const std::size_t batch : {std::size_t{1}, std::size_t{32}, std::size_t{256}}) {
            const auto add = [&](const std::string& who, int threads, const auto& run) {
                const std::string full = title("train", who, *problem) + "/batch:" + std::to_string(batch) +
                                         "/threads:" + std::to_string(threads);
                benchmark::RegisterBenchmark(full.c_str(), run)->UseManualTime();
            };
            for (int threads = 1; threads <= most_threads; threads *= 2)
                add(ours(), threads,
                    [=](benchmark::State& state) { train(state, *problem, one_epoch(batch, threads)); });
            for (const NetworkPeer& peer : peers.present)
                if (peer.takes(problem->name(), batch))
                    add("peer:" + peer.name, 1, PeerTraining(problem, peer, batch));
        }
}

void register_engines(const Problems& problems) {
    constexpr std::pair<const char*, nn::Engine> engines[] = {
        {"plain", nn::Engine::plain}, {"fused", nn::Engine::fused}, {"block", nn::Engine::block}};
    for (const auto& problem : problems)
        for (const auto& engine : engines)
            for (const int threads : {1, 2}) {
                nn::FitOptions epoch = one_epoch(1, threads);
                epoch.engine = engine.second;
                const std::string full = title("engine", ours() + "/name:" + engine.first, *problem) +
                                         "/threads:" + std::to_string(threads);
                benchmark::RegisterBenchmark(full.c_str(), [=](benchmark::State& state) {
                    train(state, *problem, epoch);
                })->UseManualTime();
            }
}

void register_all() {
    const NetworkPeers peers = find_network_peers();
    for (const auto& [name, text] : peers.remarks) benchmark::AddCustomContext("peer " + name, text);
    const std::vector<std::size_t> networks[] = {
        {8, 1}, {8, 16, 1}, {64, 64, 10}, {784, 128, 10}, {1024, 1024, 10}};
    Problems problems;
    for (const auto& widths : networks) problems.push_back(std::make_shared<const Problem>(widths));
    register_training(problems, peers);
    register_engines(problems);
    register_prediction({problems[1], problems[2], problems[3]}, peers);
    register_latency();
    register_threads();
}

}  // namespace densimd::bench
