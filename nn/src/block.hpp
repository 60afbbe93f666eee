// Per-sample updates in blocks: within a block the first layer's weights stand still, and what the samples
// before one would have changed is added to its logits.
#pragma once

#include <algorithm>
#include <cmath>

#include "trainer.hpp"

namespace densimd::nn {

// With X the inputs of the block's samples and dz_s what the first layer learns from sample s, its logits are
//     z_t = x_t W + b + sum over s < t of G[t][s] dz_s,    G[t][s] = -learning_rate (x_t . x_s + 1),
// and after the block W -= learning_rate X^T dZ: products of matrices. Short blocks read and write W often;
// long ones spend block_length / 2 multiply-adds per input on G, and as many per output on the sums.
constexpr std::size_t block_length = 32;

template <class T>
class BlockEngine {
  public:
    BlockEngine(const Work<T>& work, T* parameters, T learning_rate, T* G)
        : work_(work),
          k_(work.k),
          layer_(work.layers.front()),
          pass_(work.k, work.layers, parameters, work.workspace),
          parameters_(parameters),
          rate_(learning_rate),
          G_(G) {}

    static constexpr std::size_t workspace_rows = 2 * block_length, G_size = workspace_rows * block_length;

    // Calls after as Trainer::epoch does.
    template <class After>
    void epoch(const After& after) const {
        Failure failure;
        const double product = static_cast<double>(block_length * layer_.inputs * layer_.outputs);
        const double blocks = static_cast<double>(work_.source.count) / block_length;
        on_team(useful_threads(work_.threads, {.multiply_adds = 2 * product,
                                               .barriers = 3,
                                               .bytes = product / block_length * sizeof(T),
                                               .steps = blocks}),
                [&](Member member) {
                    const std::size_t rows = work_.source.count;
                    if (member.thread == 0) prepare(0, 0);
                    member.barrier();
                    for (std::size_t first = 0, slot = 0; first < rows && !failure.happened;
                         first += block_length, slot ^= block_length) {
                        const std::size_t count = std::min(block_length, rows - first);
                        logits(slot, member.part_of(count));
                        member.barrier();
                        // One thread goes from sample to sample, another looks ahead.
                        if (member.thread + 1 == member.team)
                            prepare(first + block_length, slot ^ block_length);
                        if (member.thread == 0) samples(first, slot, count, after, failure);
                        member.barrier();
                        if (!failure.happened) update(slot, count, member);
                        member.barrier();
                    }
                });
        if (failure.happened) after(failure.row, failure.rows, failure.slot, failure.loss);
    }

  private:
    // Gathers the rows of a block and computes G, of which only what is below the diagonal will be read.
    void prepare(std::size_t first, std::size_t slot) const noexcept {
        if (first >= work_.source.count) return;
        const std::size_t count = std::min(block_length, work_.source.count - first);
        pass_.gather(work_.source, first, slot, count);
        const MatrixView<const T> X = pass_.gathered_inputs(slot, count);
        T* G = G_ + slot * block_length;
        constexpr std::size_t some = 8;
        for (std::size_t t = 0; t < count; t += some) {
            const std::size_t rows = std::min(some, count - t);
            k_.gemm_nt(rows, t + rows, layer_.inputs, X.row(t), X.stride(), X.data(), X.stride(),
                       G + t * block_length, block_length);
            for (std::size_t i = t; i < t + rows; ++i)
                for (std::size_t s = 0; s < i; ++s)
                    G[i * block_length + s] = -rate_ * (G[i * block_length + s] + 1);
        }
    }

    // X W + b of some rows, where their dz will be.
    void logits(std::size_t slot, Range rows) const noexcept {
        const MatrixView<const T> X = pass_.gathered_inputs(slot + rows.first, rows.count());
        const MatrixView<T> P = pass_.gradients(0, slot + rows.first, rows.count());
        k_.dense_forward(rows.count(), layer_.inputs, layer_.outputs, X.data(), X.stride(),
                         parameters_ + layer_.weights, layer_.stride, parameters_ + layer_.biases,
                         Activation::identity, P.data(), P.stride());
    }

    // From sample to sample, up to one whose loss is not finite.
    template <class After>
    void samples(std::size_t first, std::size_t slot, std::size_t count, const After& after,
                 Failure& failure) const {
        const MatrixView<T> dZ = pass_.gradients(0, slot, count), A = pass_.activations(0, slot, count);
        const T* G = G_ + slot * block_length;
        for (std::size_t t = 0; t < count; ++t) {
            k_.dense_forward(1, t, layer_.outputs, G + t * block_length, block_length, dZ.data(), dZ.stride(),
                             dZ.row(t), pass_.activation(0, work_.logits()), A.row(t), A.stride());
            pass_.forward(A.middle_rows(t, 1), slot + t, pass_.outputs(slot + t, 1), work_.logits(), 1);
            pass_.loss(pass_.gathered_targets(slot + t, 1), slot + t, work_.loss, true);
            const double loss = static_cast<double>(*pass_.losses(slot + t));
            if (!std::isfinite(loss)) {
                failure = {true, first + t, 1, slot + t, loss};
                return;
            }
            after(first + t, 1, slot + t, loss);
            pass_.backward_and_update(parameters_, rate_, slot + t);
        }
    }

    void update(std::size_t slot, std::size_t count, Member member) const noexcept {
        const Range rows = member.part_of(layer_.inputs);
        const MatrixView<const T> X = pass_.gathered_inputs(slot, count);
        const MatrixView<T> dZ = pass_.gradients(0, slot, count);
        k_.dense_update(count, rows.count(), layer_.outputs, X.data() + rows.first, X.stride(), dZ.data(),
                        dZ.stride(), -rate_, parameters_ + layer_.weights + rows.first * layer_.stride,
                        layer_.stride, member.thread == 0 ? parameters_ + layer_.biases : nullptr);
    }

    const Work<T>& work_;
    const kernels::Kernels<T>& k_;
    const Dense& layer_;
    Pass<T> pass_;
    T* parameters_;
    T rate_;
    T* G_;
};

}  // namespace densimd::nn
