// The engine of mini-batches: forward, backward and update of each batch, on as many threads as pay.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <densimd/nn/matrix.hpp>

#include "parallel/range.hpp"
#include "parallel/team.hpp"
#include "training/engine.hpp"
#include "training/epoch_recorder.hpp"
#include "training/sharing.hpp"

namespace densimd::nn {

// A step has two phases: each thread takes some of the rows forwards and backwards, then updates some of the
// parameters. So what a thread computes depends neither on the others nor on their number. Where that moves
// less memory between CPUs, the threads share the first layer by its outputs instead, in both phases.
template <class T>
class MinibatchEngine {
  public:
    MinibatchEngine(const EngineContext<T>& context, std::size_t batch) : c_(context), batch_(batch) {}

    int epoch(EpochRecorder<T>& recorder) const { return epoch_from(0, sharing(1), recorder); }

    /// How threads share the steps of an epoch. serial_cost_ratio: see Effort.
    Sharing sharing(double serial_cost_ratio) const {
        const std::size_t steps = (c_.pass.source.count + batch_ - 1) / batch_;
        return sharing_for<T>(c_.pass.layers, c_.pass.threads, c_.optimizer.is_plain(), batch_, steps,
                              serial_cost_ratio);
    }

    /// The rows from `first` on of an epoch.
    int epoch_from(std::size_t first, Sharing sharing, EpochRecorder<T>& recorder) const {
        const std::size_t rows = c_.pass.source.count;
        return on_team(sharing.threads, [&, this](ThreadContext thread) {
            for (std::size_t at = first; at < rows; at += batch_) {
                const std::size_t count = std::min(batch_, rows - at);
                rows_and_back(thread, sharing, at, count);
                // Every thread computes the sum, so that all stop at the same step.
                const double loss = c_.pass.sum_of_losses(c_.network, 0, count);
                if (thread.index == 0) recorder.add_step(at, count, 0, loss);
                if (!std::isfinite(loss) || !update(thread, sharing, at, count)) return;
                thread.barrier();
            }
        });
    }

    /// A thread's part of one step with the first `count` rows. Changes nothing if their loss is not finite
    /// or the optimiser then has an overflow.
    void step(ThreadContext thread, Sharing sharing, std::size_t count) const noexcept {
        rows_and_back(thread, sharing, 0, count);
        if (std::isfinite(c_.pass.sum_of_losses(c_.network, 0, count))) update(thread, sharing, 0, count);
    }

  private:
    void rows_and_back(ThreadContext thread, Sharing sharing, std::size_t first,
                       std::size_t count) const noexcept {
        if (sharing.first_layer_by_outputs)
            c_.pass.outputs_then_rows_of_thread(c_.network, thread, first, count);
        else
            c_.pass.rows_of_thread(c_.network, thread, first, count, true);
        thread.barrier();
    }

    // False, for all threads, if the optimiser has an overflow; then nothing has changed.
    bool update(ThreadContext thread, Sharing sharing, std::size_t first, std::size_t count) const noexcept {
        const MatrixView<const T> X = c_.network.inputs(c_.pass.source, first, count);
        const bool plain = c_.optimizer.is_plain();
        c_.network.for_each_gradient(
            X, [&](const Dense& layer, MatrixView<const T> input, MatrixView<const T> dZ) {
                if (sharing.first_layer_by_outputs && &layer == &c_.pass.layers.front())
                    return c_.network.update_columns(layer, outputs_of_thread<T>(layer, thread), input, dZ,
                                                     c_.scale(count), c_.parameters);
                const Range rows = thread.part_of(layer.inputs);
                input = MatrixView<const T>::unchecked(input.data() + rows.first, input.rows(), rows.count(),
                                                       input.stride());
                if (plain) return update_layer(layer, rows.first, input, dZ, thread.index == 0);
                show_gradient(layer, rows, input, dZ);
            });
        if (plain) return true;
        if (thread.index == 0) c_.optimizer.advance();
        thread.barrier();
        return c_.optimizer.step(count, thread, c_.parameters);
    }

    // Of the rows of W from `row` on, one for each column of X.
    void update_layer(const Dense& layer, std::size_t row, MatrixView<const T> X, MatrixView<const T> dZ,
                      bool biases) const noexcept {
        c_.pass.k.dense_update(X.rows(), X.cols(), layer.outputs, X.data(), X.stride(), dZ.data(),
                               dZ.stride(), c_.scale(X.rows()),
                               c_.parameters + layer.weights + row * layer.stride, layer.stride,
                               biases ? c_.parameters + layer.biases : nullptr);
    }

    // The gradient of some rows of W and, behind that of the last row, of b; the optimiser notes its size.
    void show_gradient(const Dense& layer, Range rows, MatrixView<const T> X,
                       MatrixView<const T> dZ) const noexcept {
        const bool biases = rows.last == layer.inputs;
        c_.network.weight_gradient(layer, rows.first, X, dZ, biases, c_.optimizer.gradient().data());
        const std::size_t begin = layer.weights + rows.first * layer.stride,
                          end = biases ? layer.biases + layer.outputs
                                       : layer.weights + rows.last * layer.stride;
        c_.optimizer.note_size(c_.optimizer.gradient().subspan(begin, end - begin), c_.parameters);
    }

    const EngineContext<T>& c_;
    std::size_t batch_;
};

}  // namespace densimd::nn
