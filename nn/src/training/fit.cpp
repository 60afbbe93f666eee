// Fit: check, plan, then epoch after epoch.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <densimd/nn/network.hpp>

#include "check.hpp"
#include "data/rows.hpp"
#include "parallel/clock.hpp"
#include "training/check_data.hpp"
#include "training/check_options.hpp"
#include "training/check_targets.hpp"
#include "training/data_parallel_pass.hpp"
#include "training/engine.hpp"
#include "training/epoch_recorder.hpp"
#include "training/minibatch.hpp"
#include "training/optimizer_step.hpp"
#include "training/per_sample.hpp"
#include "training/plan.hpp"
#include "training/split.hpp"
#include "training/tiny.hpp"

namespace densimd::nn {
namespace {

// Returns how many threads took part.
template <class T>
int run_epoch(const TrainingPlan& plan, const EngineContext<T>& context, T* memory,
              EpochRecorder<T>& recorder) {
    switch (plan.kind) {
        case EngineKind::minibatch:
            return MinibatchEngine<T>(context, plan.batch).epoch(recorder);
        case EngineKind::tiny:
            return TinyEngine<T>(context, plan.batch).epoch(recorder);
        case EngineKind::per_sample:
            return PerSampleEngine<T>(context, plan, memory).epoch(recorder);
    }
    return 0;
}

// What makes an epoch useless; empty if nothing does.
template <class T>
std::string failure_of(const EpochRecorder<T>& recorder, const EngineContext<T>& context,
                       std::size_t parameters) {
    if (recorder.failed()) return "the loss is " + text(recorder.failed_loss());
    if (context.optimizer.overflow()) return text(*context.optimizer.overflow(), context.pass.layers);
    if (!context.pass.k.all_finite(parameters, context.parameters)) return "after it a weight is not finite";
    return {};
}

template <class T>
std::string add_validation(const DataParallelPass<T>& pass, const T* parameters, Metric metric,
                           EpochRecord& record) {
    record.validation = pass.evaluate(parameters, metric);
    const double loss = record.validation->loss;
    return std::isfinite(loss) ? "" : "the validation loss is " + text(loss);
}

TrainingDiverged divergence(const std::string& failure, std::size_t epoch, std::size_t step,
                            History history) {
    return TrainingDiverged("training diverged in epoch " + std::to_string(epoch) + ", step " +
                                std::to_string(step) + ": " + failure +
                                "; the network has the weights from before this epoch",
                            epoch, step, std::move(history));
}

}  // namespace

template <class T>
History BasicNetwork<T>::fit(MatrixView<const T> X, MatrixView<const T> Y, const FitOptions& options) {
    check_options<T>(options);
    check_data(*kernels_, layers_, X, Y, options.loss, Throw{});
    check_metric(options.metric, options.loss, Y);
    const SplitRows split = split_rows(X.rows(), options, seed_);
    std::vector<std::size_t> order = split.training;
    const Rows<T> training{X, Y, order.data(), order.size()},
        held_back{X, Y, split.validation.data(), split.validation.size()};
    const TrainingPlan plan = plan_training<T>(*kernels_, layers_, options, training.count);
    Workspace<T> workspace = make_workspace(plan.workspace_rows);
    Workspace<T> validation_workspace = make_workspace(std::clamp<std::size_t>(held_back.count, 1, 256));
    AlignedVector<T> memory(plan.memory);
    const DataParallelPass<T> train{*kernels_, layers_, workspace, training, options.loss, options.threads};
    const DataParallelPass<T> validate{*kernels_, layers_,      validation_workspace,
                                       held_back, options.loss, options.threads};
    EpochRecorder<T> recorder(options.metric, train);
    TrainingState<T> last_finite;
    History history{.epochs = {}, .engine = plan.engine};
    for (std::size_t e = 0; e < options.epochs; ++e) {
        const Clock::time_point start = Clock::now();
        training_state(last_finite);  // anew, as is `optimizer`: on_epoch may have restored another one
        EpochRecord record{.epoch = epochs_trained_ + 1, .training = {}, .validation = {}};
        if (options.shuffle) split.shuffle_into(order, seed_, record.epoch);
        prepare(options.optimizer);
        OptimizerStep<T> optimizer(*kernels_, options.optimizer, optimizer_state_, gradient_);
        const EngineContext<T> context(train, parameters_.data(), optimizer);
        recorder.start(parameters_.data());
        const int threads = run_epoch(plan, context, memory.data(), recorder);
        std::string failure = failure_of(recorder, context, parameters_.size());
        record.training = recorder.evaluation();
        record.seconds = seconds_since(start);
        if (failure.empty() && held_back.count > 0)
            failure = add_validation(validate, parameters_.data(), options.metric, record);
        if (!failure.empty()) {
            roll_back(last_finite);
            throw divergence(failure, record.epoch, recorder.steps(), std::move(history));
        }
        history.threads = std::max(history.threads, threads);
        epochs_trained_ = record.epoch;
        steps_trained_ += recorder.steps();
        history.epochs.push_back(record);
        if (options.on_epoch && !options.on_epoch(record)) break;
    }
    return history;
}

template History BasicNetwork<float>::fit(MatrixView<const float>, MatrixView<const float>,
                                          const FitOptions&);
#if DENSIMD_DOUBLE
template History BasicNetwork<double>::fit(MatrixView<const double>, MatrixView<const double>,
                                           const FitOptions&);
#endif

}  // namespace densimd::nn
