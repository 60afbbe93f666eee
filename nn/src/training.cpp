// Training and evaluation: what is checked at the door, and epochs.
#include <densimd/nn/training.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include <densimd/nn/data.hpp>
#include <densimd/nn/network.hpp>

#include "block.hpp"
#include "check.hpp"
#include "check_optimizer.hpp"
#include "check_targets.hpp"
#include "clock.hpp"
#include "descent.hpp"
#include "metric.hpp"
#include "random.hpp"
#include "work.hpp"

namespace densimd::nn {
namespace {

void check_engine(const FitOptions& options) {
    if (options.engine < Engine::automatic || options.engine > Engine::block) throw Error("unknown engine");
    if (options.batch_size > 1 && options.engine > Engine::plain)
        throw Error("engine " + std::string(name(options.engine)) +
                    " is for batch_size 1; found batch_size " + std::to_string(options.batch_size));
    if (!is_plain_descent(options.optimizer) && options.engine > Engine::plain)
        throw Error("engine " + std::string(name(options.engine)) +
                    " is for sgd without weight_decay and max_gradient_norm; found another optimizer");
}

std::string text_of(const Overflow& overflow, const std::vector<Dense>& layers) {
    return std::string(overflow.state) + " of " + parameter_name(layers, overflow.parameter) +
           " (counted from 0) would become infinite, from a gradient of " + text(overflow.gradient);
}

template <class T>
bool can_look_ahead(const FitOptions& options, const std::vector<Dense>& layers) {
    return kernels::can_look_ahead<T>(layers.size(), layers.data(), options.loss);
}

// By network and loss alone: engines differ in their bits.
template <class T>
Engine engine_for(const FitOptions& options, const std::vector<Dense>& layers) {
    if (options.batch_size > 1) return Engine::plain;
    if (options.engine != Engine::automatic) return options.engine;
    if (!is_plain_descent(options.optimizer)) return Engine::plain;
    const Dense& first = layers.front();
    return can_look_ahead<T>(options, layers) || (first.inputs >= 32 && first.outputs >= 32) ? Engine::block
                                                                                             : Engine::fused;
}

// Which rows train and which validate.
struct SplitRows {
    std::vector<std::size_t> training, validation;
    bool in_order;  // training is 0, 1, 2, ...
};

SplitRows split_rows(std::size_t rows, const FitOptions& options, std::uint64_t seed) {
    const std::size_t held_back = share_of(rows, options.validation_split, "validation_split");
    if (held_back == 0 && options.validation_split > 0)
        throw Error("a validation_split of " + text(options.validation_split) + " of " +
                    std::to_string(rows) + " rows leaves no row to validate with");
    if (options.split != Split::shuffled && options.split != Split::tail) throw Error("unknown split");
    std::vector<std::size_t> order(rows);
    std::iota(order.begin(), order.end(), std::size_t{0});
    const bool in_order = options.split == Split::tail || held_back == 0;
    if (in_order)
        std::rotate(order.begin(), order.end() - static_cast<std::ptrdiff_t>(held_back), order.end());
    else
        order = permutation(rows, seed, 0);
    const auto middle = order.begin() + static_cast<std::ptrdiff_t>(held_back);
    return {{middle, order.end()}, {order.begin(), middle}, in_order};
}

}  // namespace

std::string_view name(Engine engine) noexcept {
    constexpr std::string_view names[] = {"automatic", "plain", "fused", "block"};
    return engine < Engine::automatic || engine > Engine::block ? "unknown"
                                                                : names[static_cast<std::size_t>(engine)];
}

template <class T>
template <class Report>
bool BasicNetwork<T>::check_data(const MatrixView<const T>& X, const MatrixView<const T>& Y, Loss loss,
                                 const Report& report) const {
    const kernels::FlushSubnormals flush;
    if (!check_columns("X", X.cols(), inputs(), report) || !check_columns("Y", Y.cols(), outputs(), report) ||
        !check_same_rows(X.rows(), Y.rows(), report))
        return false;
    if (X.rows() == 0) return report([] { return std::string("X and Y have no rows; expected at least 1"); });
    const auto is_finite = [&](MatrixView<const T> M, const char* name) {
        const std::size_t at_once =
            M.stride() == M.cols() ? M.rows() : 1;  // a call costs as much as checking a few
        for (std::size_t i = 0; i < M.rows(); i += at_once)
            if (!kernels_->all_finite(at_once * M.cols(), M.row(i)))
                return report([&] { return not_finite(M, name); });
        return true;
    };
    return is_finite(X, "X") && is_finite(Y, "Y") && check_loss(Y, layers_, loss, report);
}

template <class T>
template <class Report>
bool BasicNetwork<T>::check_batch(std::size_t rows, const Workspace<T>& workspace,
                                  const Report& report) const {
    if (!workspace.fits(layers_, layout_))
        return report([&] {
            return "the workspace was made for a network of another shape; expected " + shape_of(layers_);
        });
    return rows <= workspace.batch() || report([&] {
               return "a batch of " + std::to_string(rows) + " rows does not fit a workspace for " +
                      std::to_string(workspace.batch()) + "; expected one of make_workspace(" +
                      std::to_string(rows) + ")";
           });
}

template <class T>
Evaluation BasicNetwork<T>::evaluate(MatrixView<const T> X, MatrixView<const T> Y, Loss loss, Metric metric,
                                     int threads) const {
    check_threads(threads);
    check_data(X, Y, loss, Throw{});
    check_metric(metric, loss, Y);
    const Rows<T> rows{X, Y, nullptr, X.rows()};
    Workspace<T> workspace = make_workspace(std::min<std::size_t>(X.rows(), 256));
    return Work<T>{*kernels_, layers_, workspace, rows, loss, threads}.evaluate(parameters_.data(), metric);
}

template <class T>
T BasicNetwork<T>::gradient(MatrixView<const T> X, MatrixView<const T> Y, Loss loss, std::span<T> gradient,
                            Workspace<T>& workspace) const {
    const kernels::FlushSubnormals flush;
    check_data(X, Y, loss, Throw{});
    check_batch(X.rows(), workspace, Throw{});
    if (gradient.size() != parameters_.size())
        throw Error("gradient: the buffer has " + std::to_string(gradient.size()) + " elements; expected " +
                    std::to_string(parameters_.size()));
    const Rows<T> rows{X, Y, nullptr, X.rows()};
    const double losses =
        Work<T>{*kernels_, layers_, workspace, rows, loss, 1}.forward(parameters_.data(), 0, X.rows(), true);
    if (!std::isfinite(losses)) throw Error("gradient: the loss is " + text(losses));
    std::fill(gradient.begin(), gradient.end(), T(0));
    const Pass<T> pass(*kernels_, layers_, parameters_.data(), workspace);
    pass.for_each_gradient(X, [&](const Dense& layer, MatrixView<const T> input, MatrixView<const T> dZ) {
        pass.weight_gradient(layer, 0, input, dZ, true, gradient.data());
    });
    const T count = static_cast<T>(X.rows());
    for (T& g : gradient) g /= count;
    return mean_of<T>(losses, X.rows());
}

template <class T>
template <class Report>
std::optional<T> BasicNetwork<T>::step(const MatrixView<const T>& X, const MatrixView<const T>& Y, Loss loss,
                                       const Optimizer& optimizer, Workspace<T>& workspace, int threads,
                                       const Report& report) {
    // Once for all that follows; see on_team for why not with several threads.
    const kernels::FlushSubnormals flush(threads == 1);
    if (!check_threads(threads, report) || !check_data(X, Y, loss, report) ||
        !check_batch(X.rows(), workspace, report) || !check_optimizer<T>(optimizer, report))
        return {};
    const bool goes_on = optimizer.method == optimizer_state_.method;
    if (!Report::may_allocate && !(goes_on && has_memory_for(optimizer))) return {};
    OptimizerState<T> before = prepare(optimizer);
    const auto refuse = [&](const auto& message) {
        if (!goes_on) optimizer_state_ = std::move(before);
        report(message);
        return std::optional<T>();
    };
    const Rows<T> rows{X, Y, nullptr, X.rows()};
    const Work<T> work{*kernels_, layers_, workspace, rows, loss, threads};
    Descent<T> descent(*kernels_, optimizer, optimizer_state_, gradient_);
    const double losses = Trainer<T>(work, parameters_.data(), descent).step(X.rows());
    if (!std::isfinite(losses)) return refuse([&] { return "train_step: the loss is " + text(losses); });
    if (descent.overflow())
        return refuse([&] { return "train_step: " + text_of(*descent.overflow(), layers_); });
    ++steps_trained_;
    return mean_of<T>(losses, X.rows());
}

template <class T>
T BasicNetwork<T>::train_step(const MatrixView<const T>& X, const MatrixView<const T>& Y, Loss loss,
                              const Optimizer& optimizer, Workspace<T>& workspace, int threads) {
    return *step(X, Y, loss, optimizer, workspace, threads, Throw{});
}

template <class T>
std::optional<T> BasicNetwork<T>::try_train_step(const MatrixView<const T>& X, const MatrixView<const T>& Y,
                                                 Loss loss, const Optimizer& optimizer,
                                                 Workspace<T>& workspace) noexcept {
    return step(X, Y, loss, optimizer, workspace, 1, Refuse{});
}

template <class T>
History BasicNetwork<T>::fit(MatrixView<const T> X, MatrixView<const T> Y, const FitOptions& options) {
    check_threads(options.threads);
    check_optimizer<T>(options.optimizer);
    if (options.batch_size == 0) throw Error("batch_size is 0; expected at least 1");
    check_engine(options);
    check_data(X, Y, options.loss, Throw{});
    check_metric(options.metric, options.loss, Y);
    const SplitRows split = split_rows(X.rows(), options, seed_);

    std::vector<std::size_t> order = split.training;
    const std::size_t batch = std::min(options.batch_size, order.size());
    const Rows<T> training{X, Y, order.data(), order.size()};
    const Rows<T> validation{X, Y, split.validation.data(), split.validation.size()};
    const Engine engine = engine_for<T>(options, layers_);
    const bool lookahead = engine == Engine::block && can_look_ahead<T>(options, layers_);
    const bool blocks = engine == Engine::block && !lookahead;
    // Where one call takes many steps, it is worth the workspace of some more rows.
    const bool tiny = kernels::is_tiny<T>(layers_.size(), layers_.data(), options.loss);
    const bool many = engine != Engine::plain ||
                      (tiny && is_plain_descent(options.optimizer) && batch >= kernels::tiny_rows);
    const std::size_t at_once = !many ? batch : tiny ? 1024 : 256;
    const std::size_t rows = std::max(batch, std::min(at_once, order.size()));
    Workspace<T> workspace = make_workspace(blocks ? BlockEngine<T>::workspace_rows : rows);
    AlignedVector<T> block_memory(blocks ? BlockEngine<T>::memory(layers_) : 0);
    Workspace<T> validation_workspace = make_workspace(std::clamp<std::size_t>(validation.count, 1, 256));
    const Work<T> train{*kernels_, layers_, workspace, training, options.loss, options.threads};
    const Work<T> validate{*kernels_,  layers_,      validation_workspace,
                           validation, options.loss, options.threads};
    MetricSum<T> metric(options.metric, training);
    TrainingState<T> last_finite;
    History history{.epochs = {}, .engine = engine};

    for (std::size_t e = 0; e < options.epochs; ++e) {
        const Clock::time_point start = Clock::now();
        training_state(last_finite);  // on_epoch may have restored another one
        EpochRecord record;
        record.epoch = epochs_trained_ + 1;
        const auto diverged = [&](const std::string& what, std::size_t step) {
            go_back(last_finite);
            throw TrainingDiverged("training diverged in epoch " + std::to_string(record.epoch) + ", step " +
                                       std::to_string(step) + ": " + what +
                                       "; the network has the weights from before this epoch",
                                   record.epoch, step, std::move(history));
        };
        if (options.shuffle) {
            if (split.in_order)  // without their numbers the data of small sets has more of L1
                shuffle(order, seed_, record.epoch, [](std::size_t i) { return i; });
            else
                shuffle(order, seed_, record.epoch,
                        [rows = split.training.data()](std::size_t i) { return rows[i]; });
        }

        // Anew in each epoch, likewise.
        prepare(options.optimizer);
        Descent<T> descent(*kernels_, options.optimizer, optimizer_state_, gradient_);
        const Trainer<T> trainer(train, parameters_.data(), descent);
        double losses = 0;
        std::size_t step = 0;
        metric.reset();
        const auto after = [&](std::size_t first, std::size_t count, std::size_t slot, double loss) {
            ++step;
            if (!std::isfinite(loss)) diverged("the loss is " + text(loss), step);
            losses += loss;
            if (options.metric != Metric::none)
                train.add_metric(metric, parameters_.data(), first, count, slot);
        };
        const auto after_rows = [&](std::size_t first, std::size_t count, std::size_t slot,
                                    const T* row_losses) {
            double sum = losses;  // in a register: each addition waits for the one before
            std::size_t i = 0;
            for (; i < count && std::isfinite(row_losses[i]); ++i) sum += static_cast<double>(row_losses[i]);
            losses = sum;
            step += i;
            for (std::size_t row = 0; row < i && options.metric != Metric::none; ++row)
                train.add_metric(metric, parameters_.data(), first + row, 1, slot + row);
            if (i < count) after(first + i, 1, slot + i, static_cast<double>(row_losses[i]));
        };
        int team = 1;
        if (blocks)
            team = BlockEngine<T>(train, parameters_.data(), descent.learning_rate(), block_memory.data())
                       .epoch(options.metric != Metric::none, after_rows);
        else if (engine != Engine::plain)
            trainer.epoch_of_single_rows(lookahead, options.metric != Metric::none, after_rows);
        else
            team = trainer.epoch(batch, options.metric != Metric::none, after);
        if (descent.overflow()) diverged(text_of(*descent.overflow(), layers_), step);
        if (!kernels_->all_finite(parameters_.size(), parameters_.data()))
            diverged("after it a weight is not finite", step);
        record.training = {mean_of<double>(losses, order.size()), metric.value()};
        record.seconds = seconds_since(start);
        if (validation.count > 0) {
            record.validation = validate.evaluate(parameters_.data(), options.metric);
            if (!std::isfinite(record.validation->loss))
                diverged("the validation loss is " + text(record.validation->loss), step);
        }
        history.threads = std::max(history.threads, team);
        epochs_trained_ = record.epoch;
        steps_trained_ += step;
        history.epochs.push_back(record);
        if (options.on_epoch && !options.on_epoch(record)) break;
    }
    return history;
}

// Each file instantiates the members that it defines.
#define DENSIMD_INSTANTIATE(T)                                                                            \
    template Evaluation BasicNetwork<T>::evaluate(MatrixView<const T>, MatrixView<const T>, Loss, Metric, \
                                                  int) const;                                             \
    template T BasicNetwork<T>::gradient(MatrixView<const T>, MatrixView<const T>, Loss, std::span<T>,    \
                                         Workspace<T>&) const;                                            \
    template T BasicNetwork<T>::train_step(const MatrixView<const T>&, const MatrixView<const T>&, Loss,  \
                                           const Optimizer&, Workspace<T>&, int);                         \
    template std::optional<T> BasicNetwork<T>::try_train_step(const MatrixView<const T>&,                 \
                                                              const MatrixView<const T>&, Loss,           \
                                                              const Optimizer&, Workspace<T>&) noexcept;  \
    template History BasicNetwork<T>::fit(MatrixView<const T>, MatrixView<const T>, const FitOptions&);
DENSIMD_INSTANTIATE(float)
DENSIMD_INSTANTIATE(double)
#undef DENSIMD_INSTANTIATE

}  // namespace densimd::nn
