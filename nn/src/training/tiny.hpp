// The engine of mini-batches of tiny networks: many steps in one call of a kernel, on one thread.
#pragma once

#include <algorithm>
#include <cstddef>

#include <densimd/kernels.hpp>
#include <densimd/subnormals.hpp>

#include "data/rows.hpp"
#include "training/engine.hpp"
#include "training/epoch_recorder.hpp"
#include "training/minibatch.hpp"
#include "training/per_sample.hpp"
#include "training/plan.hpp"

namespace densimd::nn {

/// Has the bits of MinibatchEngine, which takes over where several threads save time, and for a last batch of
/// too few rows.
template <class T>
class TinyEngine {
  public:
    TinyEngine(const EngineContext<T>& context, std::size_t batch) : c_(context), batch_(batch) {}

    int epoch(EpochRecorder<T>& recorder) const {
        const MinibatchEngine<T> minibatch(c_, batch_);
        const Sharing sharing = minibatch.sharing(minibatch_tiny_cost_ratio(c_.pass.layers));
        const std::size_t done = sharing.threads == 1 ? whole_batches(recorder) : 0;
        return recorder.failed() ? 1 : minibatch.epoch_from(done, sharing, recorder);
    }

    /// Returns how many steps of `rows` rows each it took; fewer than `steps` if a loss is not finite.
    std::size_t steps(std::size_t first, std::size_t steps, std::size_t rows, bool wants_outputs) const noexcept {
        return c_.pass.k.tiny_steps(training_of(c_, kernels::Method::minibatch, rows, c_.network.scratch()), first,
                                    steps, c_.network.losses(0),
                                    wants_outputs ? c_.network.outputs(0, steps * rows).data() : nullptr);
    }

  private:
    // Returns how many rows it took: all, but for a last batch of too few, unless a loss is not finite.
    std::size_t whole_batches(EpochRecorder<T>& recorder) const {
        const kernels::FlushSubnormals flush;
        const Rows<T>& source = c_.pass.source;
        std::size_t first = 0;
        while (first < source.count) {
            const std::size_t rows = std::min(batch_, source.count - first);
            if (!takes_tiny_steps(c_.pass.k, c_.pass.layers, c_.pass.loss, true, rows)) break;
            const std::size_t count = std::min(c_.pass.workspace.batch(), source.count - first) / rows;
            const std::size_t taken = steps(first, count, rows, recorder.wants_outputs());
            for (std::size_t step = 0; step < std::min(taken + 1, count); ++step, first += rows) {
                if (recorder.wants_outputs() && c_.network.needs_gather(source, rows))
                    c_.network.gather_targets(source, first, 0, rows);
                const double loss = c_.pass.sum_of_losses(c_.network, step * rows, rows);
                if (!recorder.add_step(first, rows, step * rows, loss)) return first;
            }
        }
        return first;
    }

    const EngineContext<T>& c_;
    std::size_t batch_;
};

}  // namespace densimd::nn
