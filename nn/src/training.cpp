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

void check_metric(Metric metric) {
    if (metric != Metric::none && metric != Metric::accuracy && metric != Metric::r2)
        throw Error("unknown metric");
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
void BasicNetwork<T>::check_data(const MatrixView<const T>& X, const MatrixView<const T>& Y,
                                 Loss loss) const {
    check_columns("X", X.cols(), inputs());
    check_columns("Y", Y.cols(), outputs());
    check_same_rows(X.rows(), Y.rows());
    if (X.rows() == 0) throw Error("X and Y have no rows; expected at least 1");
    const auto check = [this](MatrixView<const T> M, const char* name) {
        const std::size_t at_once =
            M.stride() == M.cols() ? M.rows() : 1;  // a call costs as much as checking a few
        for (std::size_t i = 0; i < M.rows(); i += at_once)
            if (!kernels_->all_finite(at_once * M.cols(), M.row(i))) check_finite(M, name);  // says where
    };
    check(X, "X");
    check(Y, "Y");
    const auto last_layer_is = [this](Activation activation, const char* name, const char* of_loss) {
        if (layers_.back().activation != activation)
            throw Error(std::string(of_loss) + " needs a last layer with " + name + "; layer " +
                        std::to_string(layers_.size() - 1) + " (counted from 0) has another activation");
    };
    const auto targets_are = [&Y](T lowest, T highest, const char* range, const char* of_loss) {
        for (std::size_t i = 0; i < Y.rows(); ++i)
            for (std::size_t j = 0; j < Y.cols(); ++j)
                if (Y(i, j) < lowest || Y(i, j) > highest)
                    throw Error(std::string(of_loss) + ": Y has " + text(static_cast<double>(Y(i, j))) +
                                " in row " + std::to_string(i) + ", column " + std::to_string(j) +
                                " (counted from 0); expected numbers " + range);
    };
    switch (loss) {
        case Loss::mean_squared_error:
        case Loss::mean_absolute_error:
        case Loss::huber:
        case Loss::cosine_distance:
            return;
        case Loss::binary_cross_entropy:
            last_layer_is(Activation::sigmoid, "sigmoid", "binary_cross_entropy");
            return targets_are(0, 1, "from 0 to 1", "binary_cross_entropy");
        case Loss::categorical_cross_entropy:
            last_layer_is(Activation::identity, "identity", "categorical_cross_entropy");
            if (outputs() < 2)
                throw Error("categorical_cross_entropy needs an output for each class; found " +
                            std::to_string(outputs()) + ", expected at least 2");
            return targets_are(0, std::numeric_limits<T>::max(), "of at least 0",
                               "categorical_cross_entropy");
    }
    throw Error("unknown loss");
}

template <class T>
void BasicNetwork<T>::check_batch(std::size_t rows, const Workspace<T>& workspace) const {
    if (!workspace.fits(layers_))
        throw Error("the workspace was made for a network of another shape; expected " + shape_of(layers_));
    if (rows > workspace.batch())
        throw Error("a batch of " + std::to_string(rows) + " rows does not fit a workspace for " +
                    std::to_string(workspace.batch()) + "; expected one of make_workspace(" +
                    std::to_string(rows) + ")");
}

template <class T>
Evaluation BasicNetwork<T>::evaluate(MatrixView<const T> X, MatrixView<const T> Y, Loss loss, Metric metric,
                                     int threads) const {
    check_threads(threads);
    check_metric(metric);
    check_data(X, Y, loss);
    const Rows<T> rows{X, Y, nullptr, X.rows()};
    Workspace<T> workspace = make_workspace(std::min<std::size_t>(X.rows(), 256));
    return Work<T>{*kernels_, layers_, workspace, rows, loss, threads}.evaluate(parameters_.data(), metric);
}

template <class T>
T BasicNetwork<T>::gradient(MatrixView<const T> X, MatrixView<const T> Y, Loss loss, std::span<T> gradient,
                            Workspace<T>& workspace) const {
    check_data(X, Y, loss);
    check_batch(X.rows(), workspace);
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
    return static_cast<T>(losses / static_cast<double>(X.rows()));
}

template <class T>
T BasicNetwork<T>::train_step(const MatrixView<const T>& X, const MatrixView<const T>& Y, Loss loss,
                              const Optimizer& optimizer, Workspace<T>& workspace, int threads) {
    check_threads(threads);
    check_data(X, Y, loss);
    check_batch(X.rows(), workspace);
    check_optimizer<T>(optimizer);
    const bool goes_on = optimizer.method == optimizer_state_.method;
    OptimizerState<T> before = prepare(optimizer);
    const Rows<T> rows{X, Y, nullptr, X.rows()};
    const Work<T> work{*kernels_, layers_, workspace, rows, loss, threads};
    const Descent<T> descent(*kernels_, optimizer, optimizer_state_, gradient_);
    const double losses = Trainer<T>(work, parameters_.data(), descent).step(X.rows());
    if (!std::isfinite(losses)) {
        if (!goes_on) optimizer_state_ = std::move(before);
        throw Error("train_step: the loss is " + text(losses));
    }
    return static_cast<T>(losses / static_cast<double>(X.rows()));
}

template <class T>
History BasicNetwork<T>::fit(MatrixView<const T> X, MatrixView<const T> Y, const FitOptions& options) {
    check_threads(options.threads);
    check_metric(options.metric);
    check_optimizer<T>(options.optimizer);
    if (options.batch_size == 0) throw Error("batch_size is 0; expected at least 1");
    check_engine(options);
    check_data(X, Y, options.loss);
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
    TrainingState<T> last_finite = training_state();
    History history{.epochs = {}, .engine = engine};

    for (std::size_t e = 0; e < options.epochs; ++e) {
        const Clock::time_point start = Clock::now();
        EpochRecord record;
        record.epoch = epochs_trained_ + 1;
        const auto diverged = [&](const std::string& what, std::size_t step) {
            restore(last_finite);
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

        // Anew in each epoch: on_epoch may have restored another state.
        prepare(options.optimizer);
        const Descent<T> descent(*kernels_, options.optimizer, optimizer_state_, gradient_);
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
        if (blocks)
            BlockEngine<T>(train, parameters_.data(), descent.learning_rate(), block_memory.data())
                .epoch(options.metric != Metric::none, after_rows);
        else if (engine != Engine::plain)
            trainer.epoch_of_single_rows(lookahead, options.metric != Metric::none, after_rows);
        else
            trainer.epoch(batch, options.metric != Metric::none, after);
        if (!kernels_->all_finite(parameters_.size(), parameters_.data()))
            diverged("after it a weight is not finite", step);
        record.training = {losses / static_cast<double>(order.size()), metric.value()};
        record.seconds = seconds_since(start);
        if (validation.count > 0) {
            record.validation = validate.evaluate(parameters_.data(), options.metric);
            if (!std::isfinite(record.validation->loss))
                diverged("the validation loss is " + text(record.validation->loss), step);
        }
        epochs_trained_ = record.epoch;
        last_finite = training_state();
        history.epochs.push_back(record);
        if (options.on_epoch && !options.on_epoch(record)) break;
    }
    return history;
}

// Each file instantiates the members that it defines.
#define DENSIMD_INSTANTIATE(T)                                                                              \
    template void BasicNetwork<T>::check_data(const MatrixView<const T>&, const MatrixView<const T>&, Loss) \
        const;                                                                                              \
    template void BasicNetwork<T>::check_batch(std::size_t, const Workspace<T>&) const;                     \
    template Evaluation BasicNetwork<T>::evaluate(MatrixView<const T>, MatrixView<const T>, Loss, Metric,   \
                                                  int) const;                                               \
    template T BasicNetwork<T>::gradient(MatrixView<const T>, MatrixView<const T>, Loss, std::span<T>,      \
                                         Workspace<T>&) const;                                              \
    template T BasicNetwork<T>::train_step(const MatrixView<const T>&, const MatrixView<const T>&, Loss,    \
                                           const Optimizer&, Workspace<T>&, int);                           \
    template History BasicNetwork<T>::fit(MatrixView<const T>, MatrixView<const T>, const FitOptions&);
DENSIMD_INSTANTIATE(float)
DENSIMD_INSTANTIATE(double)
#undef DENSIMD_INSTANTIATE

}  // namespace densimd::nn
