// Training a network on a task: the calls of densimd::nn that this program is about.
#include "training.hpp"

#include <algorithm>
#include <cmath>

#include "common/names.hpp"

namespace train {
namespace {

constexpr double validation_split = 0.2;

double training_seconds(const nn::History& history) {
    double seconds = 0;
    for (const nn::EpochRecord& record : history.epochs) seconds += record.seconds;
    return seconds;
}

// Training again gives the same bits, but not the same times: other programs can only make an epoch slower,
// so that the least of several times is the best measure of it. Long trainings are not worth the wait.
void time_again(nn::History& history, int timings, const std::function<nn::History()>& train) {
    constexpr double long_training = 0.3;
    for (int timing = 1; timing < timings && training_seconds(history) < long_training; ++timing) {
        const nn::History repeated = train();
        for (std::size_t i = 0; i < history.epochs.size(); ++i)
            history.epochs[i].seconds = std::min(history.epochs[i].seconds, repeated.epochs[i].seconds);
    }
}

}  // namespace

Outcome train_network(const Task& task, const Task::Batching& batching, std::uint64_t seed, int threads,
                      int timings, const std::function<void(const nn::EpochRecord&)>& on_epoch) {
    const nn::TrainTest<float>& data = task.data;
    const nn::Network untrained({.inputs = data.X_train.cols(), .layers = task.layers, .seed = seed});
    nn::FitOptions options{.loss = task.loss,
                           .optimizer = nn::sgd(batching.learning_rate),
                           .batch_size = batching.batch_size,
                           .epochs = task.epochs,
                           .validation_split = validation_split,
                           .threads = threads};
    options.on_epoch = [&](const nn::EpochRecord& record) {
        on_epoch(record);
        return true;
    };
    nn::Network network = untrained;
    nn::History history = network.fit(data.X_train, data.Y_train, options);
    time_again(history, timings, [&] {
        nn::Network another = untrained;
        return another.fit(data.X_train, data.Y_train, options);
    });

    const double seconds = training_seconds(history);
    const auto rows = static_cast<double>(data.X_train.rows());
    const double samples = (rows - std::round(rows * validation_split)) * static_cast<double>(task.epochs);
    return {.network = common::network_name(network),
            .batching = batching,
            .history = std::move(history),
            .test = network.evaluate(data.X_test, data.Y_test, task.loss, task.metric, threads),
            .predictions = network.predict(data.X_test, threads),
            .seconds = seconds,
            .nanoseconds_per_sample = seconds / samples * 1e9};
}

}  // namespace train
