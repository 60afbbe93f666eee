// Prediction time per sample of whole networks, one row per call: densimd against its peers. One iteration
// goes through 1024 different rows.
#include "training.hpp"

namespace densimd::bench {
namespace {

// predict(x) returns the outputs for the row x.
template <class Predict>
void measure(benchmark::State& state, const Problem& problem, const Predict& predict) {
    const nn::MatrixView<const float> X = problem.inputs();
    for (auto _ : state)
        for (std::size_t i = 0; i < X.rows(); ++i) {
            benchmark::DoNotOptimize(predict(X.row(i)));
            benchmark::ClobberMemory();
        }
    count_samples(state);
}

void predict(benchmark::State& state, const Problem& problem) {
    const nn::Network& network = problem.network();
    nn::Workspace<float> workspace = network.make_workspace();
    nn::Matrix<float> out(1, network.outputs());
    measure(state, problem, [&](const float* x) {
        return network.try_predict({x, 1, network.inputs()}, out, workspace) ? out.data() : nullptr;
    });
}

// Checks before the first of its runs that a peer predicts what we do.
class PeerPrediction {
  public:
    PeerPrediction(std::shared_ptr<const Problem> problem, const NetworkPeer& peer)
        : problem_(std::move(problem)), peer_(peer) {}

    void operator()(benchmark::State& state) {
        const std::unique_ptr<PeerNetwork> network(peer_.make(problem_->job(1)));
        if (!checked_) check_outputs(*network);
        checked_ = true;
        measure(state, *problem_, [&](const float* x) { return network->predict(x); });
    }

  private:
    void check_outputs(PeerNetwork& network) const {
        const std::string what = title("predict", "peer:" + peer_.name, *problem_) + ", an output";
        const nn::Matrix<float> expected = problem_->network().predict(problem_->inputs());
        for (std::size_t i = 0; i < expected.rows(); ++i) {
            const float* const found = network.predict(problem_->inputs().row(i));
            for (std::size_t j = 0; j < expected.cols(); ++j)
                check(what, static_cast<double>(expected(i, j)), static_cast<double>(found[j]));
        }
    }

    std::shared_ptr<const Problem> problem_;
    NetworkPeer peer_;
    bool checked_ = false;
};

}  // namespace

void register_prediction(const Problems& problems, const NetworkPeers& peers) {
    for (const auto& problem : problems) {
        const auto add = [&](const std::string& who, const auto& run) {
            benchmark::RegisterBenchmark((title("predict", who, *problem) + "/batch:1/threads:1").c_str(),
                                         run)
                ->UseRealTime();
        };
        add(ours(), [=](benchmark::State& state) { predict(state, *problem); });
        for (const NetworkPeer& peer : peers.present)
            if (peer.takes(problem->name(), 1)) add("peer:" + peer.name, PeerPrediction(problem, peer));
    }
}

}  // namespace densimd::bench
