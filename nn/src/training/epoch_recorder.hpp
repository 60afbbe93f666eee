// What an epoch adds up while its steps are taken: their number, losses and metric.
#pragma once

#include <cmath>
#include <cstddef>

#include <densimd/nn/training.hpp>

#include "training/data_parallel_pass.hpp"
#include "training/metric.hpp"

namespace densimd::nn {

/// Engines report each step, in order and from one thread, and stop at the first step that is not accepted:
/// its loss is not finite.
template <class T>
class EpochRecorder {
  public:
    EpochRecorder(Metric metric, const DataParallelPass<T>& pass)
        : pass_(pass), metric_(metric, pass.source), has_metric_(metric != Metric::none) {}

    void start(const T* parameters) noexcept {
        parameters_ = parameters;
        steps_ = 0;
        losses_ = 0;
        failed_ = false;
        metric_.clear();
    }

    /// Whether the last layer's outputs must be in the workspace when a step is reported.
    bool wants_outputs() const noexcept { return has_metric_; }

    /// A step with rows first .. first + count - 1 of the pass, whose outputs are in the workspace from
    /// `workspace_row` on. `loss`: the sum of the rows' losses before the step. False if it is not finite.
    bool add_step(std::size_t first, std::size_t count, std::size_t workspace_row, double loss) noexcept {
        ++steps_;
        if (!std::isfinite(loss)) {
            failed_ = true;
            failed_loss_ = loss;
            return false;
        }
        losses_ += loss;
        if (has_metric_) pass_.add_metric(metric_, parameters_, first, count, workspace_row);
        return true;
    }

    /// Steps with one row each.
    bool add_row_steps(std::size_t first, std::size_t count, std::size_t workspace_row,
                       const T* losses) noexcept {
        double sum = losses_;  // in a register: the additions depend on each other
        std::size_t finite = 0;
        for (; finite < count && std::isfinite(losses[finite]); ++finite)
            sum += static_cast<double>(losses[finite]);
        losses_ = sum;
        steps_ += finite;
        for (std::size_t i = 0; i < finite && has_metric_; ++i)
            pass_.add_metric(metric_, parameters_, first + i, 1, workspace_row + i);
        return finite == count ||
               add_step(first + finite, 1, workspace_row + finite, static_cast<double>(losses[finite]));
    }

    bool failed() const noexcept { return failed_; }
    double failed_loss() const noexcept { return failed_loss_; }  ///< of the last step, if it failed
    std::size_t steps() const noexcept { return steps_; }

    Evaluation evaluation() const { return {mean_of<double>(losses_, pass_.source.count), metric_.value()}; }

  private:
    const DataParallelPass<T>& pass_;
    MetricSum<T> metric_;
    bool has_metric_, failed_ = false;
    const T* parameters_ = nullptr;
    std::size_t steps_ = 0;
    double losses_ = 0, failed_loss_ = 0;
};

}  // namespace densimd::nn
