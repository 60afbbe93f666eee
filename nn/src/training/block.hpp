// The engine of per-sample steps in blocks: within a block the first layer's weights stand still, and a
// low-rank correction adds to each sample's logits what the steps of the samples before would have changed.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

#include <densimd/kernels.hpp>
#include <densimd/nn/matrix.hpp>

#include "model/forward_backward.hpp"
#include "parallel/range.hpp"
#include "parallel/team.hpp"
#include "training/engine.hpp"
#include "training/epoch_recorder.hpp"
#include "training/per_sample.hpp"
#include "training/plan.hpp"
#include "training/sharing.hpp"

namespace densimd::nn {

// With X the inputs of the block's samples and dz_s the first layer's gradient for sample s, its logits are
//     z_t = x_t W + b + sum over s < t of G[t][s] dz_s,    G[t][s] = -learning_rate (x_t . x_s + 1),
// and after the block W -= learning_rate X^T dZ: products of matrices. Where inputs are so large that G could
// overflow, a block is trained sample after sample as by PerSampleEngine.
//
// The workspace has two halves: while the samples of one block are trained, the next block's inputs are
// gathered in the other half.
template <class T>
class BlockEngine {
  public:
    /// memory: plan.memory elements that begin as zeros.
    BlockEngine(const EngineContext<T>& context, const TrainingPlan& plan, T* memory)
        : c_(context),
          k_(context.pass.k),
          network_(context.network),
          layer_(context.pass.layers.front()),
          rate_(context.optimizer.learning_rate()),
          length_(plan.block_length),
          products_(memory),
          last_(plan.transposed_last ? memory + block_products_size : nullptr) {}

    int epoch(EpochRecorder<T>& recorder) const {
        Finite finite = {true, true};
        transpose_last([](T& transposed, T& weight) { transposed = weight; });
        const int team = on_team(threads(), [&, this](ThreadContext thread) {
            const std::size_t rows = c_.pass.source.count;
            const Range columns = outputs_of_thread<T>(layer_, thread);
            if (thread.index == 0) prepare(0, 0, finite);
            thread.barrier();
            for (std::size_t first = 0, half = 0; first < rows && !recorder.failed();
                 first += length_, half ^= half_rows) {
                const std::size_t count = std::min(length_, rows - first);
                logits(half, count, columns);
                thread.barrier();
                // One thread goes from sample to sample, another prepares the next block.
                if (thread.index + 1 == thread.team) prepare(first + length_, half ^ half_rows, finite);
                if (thread.index == 0) samples(first, half, count, finite, recorder);
                thread.barrier();
                // No barrier behind this: a thread's next logits are those of the columns that it updates
                // here, and nothing that others still read of this block is written before all have their
                // logits.
                if (!recorder.failed() && finite[half / half_rows]) update(half, count, columns);
            }
        });
        transpose_last([](T& transposed, T& weight) { weight = transposed; });
        return team;
    }

  private:
    static constexpr std::size_t half_rows = longest_block_length;

    int threads() const {
        const double inputs = static_cast<double>(layer_.inputs), length = static_cast<double>(length_);
        const Effort effort = {.multiply_adds = 2 * length * inputs * static_cast<double>(layer_.outputs),
                               .barriers = 2,
                               .bytes = length * inputs * sizeof(T) + inputs * overfetch_bytes,
                               .steps = static_cast<double>(c_.pass.source.count) / length};
        return useful_threads(threads_for_outputs<T>(layer_, c_.pass.threads), effort);
    }

    // Calls copy(transposed, weight) for the last layer's weights, if they are transposed during an epoch.
    template <class Copy>
    void transpose_last(const Copy& copy) const noexcept {
        if (!last_) return;
        const Dense& layer = c_.pass.layers.back();
        for (std::size_t k = 0; k < layer.inputs; ++k)
            for (std::size_t j = 0; j < layer.outputs; ++j)
                copy(last_[kernels::transposed_at<T>(layer, k, j)],
                     c_.parameters[layer.weights + k * layer.stride + j]);
    }

    // Whether G is sure to be finite, for the two halves of the workspace.
    using Finite = std::array<bool, 2>;

    // Gathers the inputs of a block and computes their products, of which only what is below the diagonal
    // will be read. None is larger than the largest on the diagonal, by Cauchy and Schwarz.
    void prepare(std::size_t first, std::size_t half, Finite& finite_G) const noexcept {
        if (first >= c_.pass.source.count) return;
        const std::size_t count = std::min(length_, c_.pass.source.count - first);
        network_.gather_inputs(c_.pass.source, first, half, count);
        const MatrixView<const T> X = network_.batch_inputs(half, count);
        T* const products = products_ + half * half_rows;
        constexpr std::size_t rows_per_call = 4;
        constexpr T largest = std::numeric_limits<T>::max() / 4;  // far from where rounding could matter
        bool finite = true;
        for (std::size_t t = 0; t < count; t += rows_per_call) {
            const std::size_t rows = std::min(rows_per_call, count - t);
            k_.gemm_nt(rows, t + rows, layer_.inputs, X.row(t), X.stride(), X.data(), X.stride(),
                       products + t * half_rows, half_rows);
            for (std::size_t i = t; i < t + rows; ++i) {
                const T square = products[i * half_rows + i] + 1;
                finite = finite && square <= largest && rate_ * square <= largest;
            }
        }
        finite_G[half / half_rows] = finite;
    }

    // Columns of X W + b, where their dz will be.
    void logits(std::size_t half, std::size_t count, Range columns) const noexcept {
        const MatrixView<const T> X = network_.batch_inputs(half, count);
        const MatrixView<T> P = network_.gradients(0, half, count);
        k_.dense_forward_columns(count, layer_.inputs, layer_.outputs, columns.first, columns.count(),
                                 X.data(), X.stride(), c_.parameters + layer_.weights, layer_.stride,
                                 c_.parameters + layer_.biases, Activation::identity, P.data(), P.stride());
    }

    // From sample to sample, up to one whose loss is not finite.
    void samples(std::size_t first, std::size_t half, std::size_t count, const Finite& finite_G,
                 EpochRecorder<T>& recorder) const noexcept {
        const MatrixView<T> dZ = network_.gradients(0, half, count);
        kernels::PerSampleTraining<T> training =
            per_sample_training(c_, first, half, count, recorder.wants_outputs());
        if (finite_G[half / half_rows]) {
            training.products = products_ + half * half_rows;
            training.ldp = half_rows;
            training.dZ = dZ.data();
            training.lddz = dZ.stride();
        }
        training.transposed = last_;
        const std::size_t done = k_.train_per_sample(count, training);
        // A step that was not taken, because its loss is not finite, is reported, too.
        recorder.add_row_steps(first, std::min(done + 1, count), half, network_.losses(half));
    }

    void update(std::size_t half, std::size_t count, Range columns) const noexcept {
        network_.update_columns(layer_, columns, network_.batch_inputs(half, count),
                                network_.gradients(0, half, count), -rate_, c_.parameters);
    }

    const EngineContext<T>& c_;
    const kernels::Kernels<T>& k_;
    const ForwardBackward<T>& network_;
    const Dense& layer_;
    T rate_;
    std::size_t length_;
    T* products_;
    T* last_;  // the last layer's weights, transposed; null: they stay in place
};

}  // namespace densimd::nn
