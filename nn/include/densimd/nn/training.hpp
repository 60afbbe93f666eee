// What goes into training and what comes out: losses, metrics, options and the history of epochs.
#pragma once

#include <densimd/version.hpp>

#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <densimd/kernels.hpp>
#include <densimd/nn/error.hpp>
#include <densimd/nn/optimizer.hpp>

namespace densimd::nn {

/// A loss is defined for a row; the loss of several rows is their mean. Formulas, and what a loss requires of
/// targets and last layer: densimd/kernels.hpp.
using kernels::Loss;
using enum kernels::Loss;

enum class Metric {
    none,
    /// The share of right rows: one output, the same side of 1/2; several, the same largest output. Targets
    /// are from 0 to 1, and those of a row have one that is larger than the others.
    accuracy,
    r2,  ///< 1 - (sum of squared residuals) / (sum of squared distances to the targets' column means)
    /// The share of right numbers, on the same side of 1/2 as their target: for several labels of which none,
    /// one or more apply. Targets are from 0 to 1.
    label_accuracy,
};

/// A loss and, if one was asked for, a metric (NaN for Metric::none; r2 of constant targets is 0, or 1 if
/// met).
struct Evaluation {
    double loss = 0;
    double metric = std::numeric_limits<double>::quiet_NaN();
};

/// One epoch: training values are means over the samples as they were met, each before its own update;
/// validation values are those after the epoch.
struct EpochRecord {
    std::size_t epoch = 0;  ///< counted from 1 over the life of the network
    Evaluation training;
    std::optional<Evaluation> validation;
    double seconds = 0;  ///< spent on training in this epoch, without the validation
};

/// How updates after single samples (batch_size = 1) are computed. All engines take the same steps in the
/// same order. plain and fused have the same bits, those of train_step; block agrees with them up to
/// rounding. Larger batches, and optimisers other than sgd without weight decay and gradient limit, are
/// always plain: their updates are not of rank one.
enum class Engine {
    automatic,  ///< the fastest, chosen by the network's shape and the loss alone
    plain,      ///< forward, backward, update: three passes over each W
    fused,      ///< update and next forward share a pass over W, and so do backward and update
    /// Blocks of 16 to 32 samples share one GEMM of the first layer; pending rank-one updates are applied as
    /// a low-rank correction. Same trajectory up to rounding. Tiny networks (at most 64 inputs, and 16
    /// float or 8 double outputs alone or before a single one) do so for one sample ahead.
    block,
};

/// "plain", "fused" ...
std::string_view name(Engine engine) noexcept;

struct History {
    std::vector<EpochRecord> epochs;
    Engine engine = Engine::plain;  ///< the engine that computed the updates
    int threads = 1;                ///< the most threads that shared an epoch
};

/// Which rows are held back for validation.
enum class Split {
    shuffled,  ///< a random choice by the seed, so that sorted data leaves no class out
    tail,      ///< the last rows: for data in order of time
};

struct FitOptions {
    Loss loss = mean_squared_error;
    Optimizer optimizer = sgd(0.1);
    /// 1: an update after every sample. n: one with the mean gradient of n samples; all of them, if there are
    /// fewer.
    std::size_t batch_size = 1;
    std::size_t epochs = 1;       ///< 0: everything is checked, and the History has no epochs
    double validation_split = 0;  ///< share of the rows held back, in [0, 1): round(rows * share) of them
    Split split = Split::shuffled;
    /// A new order each epoch, a pure function of (the network's seed, epoch): without validation_split
    /// permutation(rows, seed, epoch), with epochs counted from 1 over all calls.
    bool shuffle = true;
    Metric metric = Metric::none;
    Engine engine = Engine::automatic;
    int threads = 1;  ///< at most so many, see ThreadCosts; never changes a bit of the result
    /// Called after every epoch, with the network as it then is, so that its training_state() can be kept;
    /// return false to stop after this one. What it throws comes out of fit, and the epoch counts.
    std::function<bool(const EpochRecord&)> on_epoch = {};
};

/// Training met a loss or weight that is not finite. The network has the weights of the last finite epoch.
class TrainingDiverged : public Error {
  public:
    TrainingDiverged(const std::string& message, std::size_t epoch, std::size_t step, History history)
        : Error(message), epoch_(epoch), step_(step), history_(std::move(history)) {}

    std::size_t epoch() const noexcept { return epoch_; }         ///< the epoch that failed, counted from 1
    std::size_t step() const noexcept { return step_; }           ///< the update within it, counted from 1
    const History& history() const noexcept { return history_; }  ///< the finite epochs before it

  private:
    std::size_t epoch_, step_;
    History history_;
};

}  // namespace densimd::nn
