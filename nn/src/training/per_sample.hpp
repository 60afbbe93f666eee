// The engine of steps with single rows: a kernels' program, whose phases the threads share.
#pragma once

#include <algorithm>
#include <cstddef>

#include <densimd/kernels.hpp>
#include <densimd/nn/matrix.hpp>

#include "data/rows.hpp"
#include "parallel/range.hpp"
#include "parallel/team.hpp"
#include "training/engine.hpp"
#include "training/epoch_recorder.hpp"
#include "training/plan.hpp"
#include "training/sharing.hpp"

namespace densimd::nn {

/// The rows of the pass for kernels that train whole networks.
template <class T>
kernels::Training<T> training_of(const EngineContext<T>& c, kernels::Method method, std::size_t batch,
                                 T* memory) noexcept {
    const Rows<T>& source = c.pass.source;
    return {.layers = c.pass.layers.data(),
            .depth = c.pass.layers.size(),
            .parameters = c.parameters,
            .loss = c.pass.loss,
            .method = method,
            .batch = batch,
            .learning_rate = c.optimizer.learning_rate(),
            .X = source.X.data(),
            .ldx = source.X.stride(),
            .Y = source.Y.data(),
            .ldy = source.Y.stride(),
            .order = source.order,
            .memory = memory};
}

/// Plain descent only. With Method::per_sample the bits are those of MinibatchEngine with batches of one row.
template <class T>
class PerSampleEngine {
  public:
    /// memory: plan.memory elements.
    PerSampleEngine(const EngineContext<T>& context, const TrainingPlan& plan, T* memory)
        : c_(context),
          k_(context.pass.k),
          training_(training_of(context, plan.method, 1, memory)),
          has_blocks_(plan.block > 1),
          rows_per_call_(has_blocks_ ? plan.block : context.pass.workspace.batch()) {}

    int epoch(EpochRecorder<T>& recorder) const {
        k_.training_begin(training_);
        const int team = on_team(threads(), [&, this](ThreadContext thread) {
            const std::size_t rows = c_.pass.source.count;
            const Range columns = outputs_of_thread<T>(first_layer(), thread);
            const auto rows_from = [&](std::size_t first) {
                return first < rows ? std::min(rows_per_call_, rows - first) : 0;
            };
            if (thread.index == 0) k_.training_gather(training_, 0, rows_from(0));
            thread.barrier();
            for (std::size_t first = 0;; first += rows_per_call_) {
                const std::size_t count = recorder.failed() ? 0 : rows_from(first);
                k_.training_advance(training_, first, count, columns.first, columns.count());
                if (count == 0) break;
                thread.barrier();
                // One thread goes from row to row, another prepares the next block.
                const std::size_t next = first + rows_per_call_;
                if (thread.index + 1 == thread.team) k_.training_gather(training_, next, rows_from(next));
                if (thread.index == 0) steps(first, count, recorder);
                // No barrier behind training_advance: a thread's next logits are those of the columns that it
                // updates, and what others still read of this block is not written before all are here.
                thread.barrier();
            }
        });
        k_.training_end(training_);
        return team;
    }

  private:
    const Dense& first_layer() const { return c_.pass.layers.front(); }

    int threads() const {
        if (!has_blocks_) return 1;
        const double inputs = static_cast<double>(first_layer().inputs), length = static_cast<double>(rows_per_call_);
        const Effort effort = {
            .multiply_adds = 2 * length * inputs * static_cast<double>(first_layer().outputs),
            .barriers = 2,
            .bytes = length * inputs * sizeof(T) + inputs * overfetch_bytes,
            .steps = static_cast<double>(c_.pass.source.count) / length};
        return useful_threads(threads_for_outputs<T>(first_layer(), c_.pass.threads), effort);
    }

    // Up to a row whose loss is not finite.
    void steps(std::size_t first, std::size_t count, EpochRecorder<T>& recorder) const noexcept {
        const MatrixView<T> A = c_.network.outputs(0, count);
        T* const losses = c_.network.losses(0);
        const std::size_t done = k_.train_per_sample(
            training_, first, count, losses, recorder.wants_outputs() ? A.data() : nullptr, A.stride());
        // A step that was not taken, because its loss is not finite, is reported, too.
        recorder.add_row_steps(first, std::min(done + 1, count), 0, losses);
    }

    const EngineContext<T>& c_;
    const kernels::Kernels<T>& k_;
    kernels::Training<T> training_;
    bool has_blocks_;
    std::size_t rows_per_call_;
};

/// One step with one row, in the workspace's memory; none if the loss is not finite.
template <class T>
void step_with_row(const EngineContext<T>& c) noexcept {
    c.pass.k.train_per_sample(training_of(c, kernels::Method::per_sample, 1, c.network.scratch()), 0, 1,
                              c.network.losses(0), nullptr, 0);
}

}  // namespace densimd::nn
