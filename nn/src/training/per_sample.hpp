// The engine of steps with single rows, many in one call of a kernel, on one thread.
#pragma once

#include <algorithm>
#include <cstddef>

#include <densimd/kernels.hpp>
#include <densimd/nn/matrix.hpp>
#include <densimd/subnormals.hpp>

#include "data/rows.hpp"
#include "training/engine.hpp"
#include "training/epoch_recorder.hpp"

namespace densimd::nn {

/// The kernel's arguments for steps with rows from `first` on of the pass. Losses and, if wanted, outputs go
/// to the workspace's rows from `workspace_row` on.
template <class T>
kernels::PerSampleTraining<T> per_sample_training(const EngineContext<T>& c, std::size_t first,
                                                  std::size_t workspace_row, std::size_t count,
                                                  bool wants_outputs) noexcept {
    const Rows<T>& source = c.pass.source;
    const MatrixView<T> A = c.network.outputs(workspace_row, count);
    const std::size_t row = source.order ? 0 : first;
    return {.layers = c.pass.layers.data(),
            .depth = c.pass.layers.size(),
            .parameters = c.parameters,
            .loss = c.pass.loss,
            .learning_rate = c.optimizer.learning_rate(),
            .X = source.X.row(row),
            .ldx = source.X.stride(),
            .Y = source.Y.row(row),
            .ldy = source.Y.stride(),
            .order = source.order ? source.order + first : nullptr,
            .losses = c.network.losses(workspace_row),
            .outputs = wants_outputs ? A.data() : nullptr,
            .ldo = A.stride(),
            .scratch = c.network.scratch()};
}

/// Plain descent only. Without look-ahead the bits are those of MinibatchEngine with batches of one row.
template <class T>
class PerSampleEngine {
  public:
    PerSampleEngine(const EngineContext<T>& context, bool lookahead) : c_(context), lookahead_(lookahead) {}

    int epoch(EpochRecorder<T>& recorder) const {
        const kernels::FlushSubnormals flush;
        const std::size_t rows = c_.pass.source.count, rows_per_call = c_.pass.workspace.batch();
        for (std::size_t first = 0; first < rows; first += rows_per_call) {
            const std::size_t count = std::min(rows_per_call, rows - first);
            const std::size_t done = steps(first, count, recorder.wants_outputs());
            // A step that was not taken, because its loss is not finite, is reported, too.
            if (!recorder.add_row_steps(first, std::min(done + 1, count), 0, c_.network.losses(0))) break;
        }
        return 1;
    }

    /// Returns how many steps it took; fewer than `count` if a loss is not finite.
    std::size_t steps(std::size_t first, std::size_t count, bool wants_outputs) const noexcept {
        kernels::PerSampleTraining<T> training = per_sample_training(c_, first, 0, count, wants_outputs);
        training.lookahead = lookahead_;
        return c_.pass.k.train_per_sample(count, training);
    }

  private:
    const EngineContext<T>& c_;
    bool lookahead_;
};

}  // namespace densimd::nn
