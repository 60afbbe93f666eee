// Per-sample updates in blocks: within a block the first layer's weights stand still, and what the samples
// before one would have changed is added to its logits.
#pragma once

#include <algorithm>
#include <array>
#include <limits>

#include "trainer.hpp"

namespace densimd::nn {

// With X the inputs of the block's samples and dz_s what the first layer learns from sample s, its logits are
//     z_t = x_t W + b + sum over s < t of G[t][s] dz_s,    G[t][s] = -learning_rate (x_t . x_s + 1),
// and after the block W -= learning_rate X^T dZ: products of matrices. Short blocks read and write W often;
// long ones spend length / 2 multiply-adds per input on the products of samples, and as many per output on
// the sums. Where inputs are so large that G could overflow, a block is trained sample after sample as by the
// fused engine.
template <class T>
class BlockEngine {
  public:
    BlockEngine(const Work<T>& work, T* parameters, T learning_rate, T* memory)
        : work_(work),
          k_(work.k),
          layer_(work.layers.front()),
          pass_(work.k, work.layers, parameters, work.workspace),
          parameters_(parameters),
          rate_(learning_rate),
          products_(memory),
          last_(has_transposable_last(work.layers) ? memory + products_size : nullptr),
          length_(length_for(layer_)) {}

    static constexpr std::size_t longest = 32;
    static_assert(longest <= kernels::longest_block);
    static constexpr std::size_t workspace_rows = 2 * longest;

    // Elements of the memory that an engine is given: they begin as zeros.
    static std::size_t memory(const std::vector<Dense>& layers) {
        return products_size +
               (has_transposable_last(layers) ? kernels::transposed_size<T>(layers.back()) : 0);
    }

    // As Trainer::epoch_of_single_rows. Returns how many threads took the steps.
    template <class AfterRows>
    int epoch(bool outputs, const AfterRows& after_rows) const {
        Failure failure;
        Finite finite = {true, true};
        transpose_last([](T& transposed, T& weight) { transposed = weight; });
        const double inputs = static_cast<double>(layer_.inputs), length = static_cast<double>(length_);
        const Effort effort = {.multiply_adds = 2 * length * inputs * static_cast<double>(layer_.outputs),
                               .barriers = 2,
                               .bytes = length * inputs * sizeof(T) + inputs * strayed_bytes,
                               .steps = static_cast<double>(work_.source.count) / length};
        const int threads = useful_threads(threads_for_outputs<T>(layer_, work_.threads), effort);
        const int team = on_team(threads, [&](Member member) {
            const std::size_t rows = work_.source.count;
            const Range columns = outputs_of_thread<T>(layer_, member);
            if (member.thread == 0) prepare(0, 0, finite);
            member.barrier();
            for (std::size_t first = 0, slot = 0; first < rows && !failure.happened;
                 first += length_, slot ^= longest) {
                const std::size_t count = std::min(length_, rows - first);
                logits(slot, count, columns);
                member.barrier();
                // One thread goes from sample to sample, another looks ahead.
                if (member.thread + 1 == member.team) prepare(first + length_, slot ^ longest, finite);
                if (member.thread == 0) samples(first, slot, count, outputs, finite, after_rows, failure);
                member.barrier();
                // A thread's next logits are those of the weights that it has updated itself, and
                // what others still read of this block is not written before all have their logits.
                if (!failure.happened && finite[slot / longest]) update(slot, count, columns);
            }
        });
        transpose_last([](T& transposed, T& weight) { weight = transposed; });
        if (failure.happened) after_rows(failure.row, 1, failure.slot, pass_.losses(failure.slot));
        return team;
    }

  private:
    static constexpr std::size_t products_size = workspace_rows * longest;

    static bool has_transposable_last(const std::vector<Dense>& layers) {
        return kernels::has_transposable_last<T>(layers.size(), layers.data());
    }

    // Calls copy(transposed, weight) for the last layer's weights, which are transposed during an epoch.
    template <class Copy>
    void transpose_last(const Copy& copy) const noexcept {
        if (!last_) return;
        const Dense& layer = work_.layers.back();
        for (std::size_t k = 0; k < layer.inputs; ++k)
            for (std::size_t j = 0; j < layer.outputs; ++j)
                copy(last_[kernels::transposed_at<T>(layer, k, j)],
                     parameters_[layer.weights + k * layer.stride + j]);
    }

    // By shape alone, as bits depend on it. The more outputs, the more there is of W for each element of G.
    static std::size_t length_for(const Dense& layer) {
        if (layer.inputs <= 256) return longest / 2;
        return layer.outputs < 512 ? longest - longest / 4 : longest;
    }

    // Whether G is sure to be finite, for the two halves of the workspace.
    using Finite = std::array<bool, 2>;

    // Gathers the inputs of a block and computes their products, of which only what is below the diagonal
    // will be read. None is larger than the largest on the diagonal, by Cauchy and Schwarz.
    void prepare(std::size_t first, std::size_t slot, Finite& finite_G) const noexcept {
        if (first >= work_.source.count) return;
        const std::size_t count = std::min(length_, work_.source.count - first);
        pass_.gather_inputs(work_.source, first, slot, count);
        const MatrixView<const T> X = pass_.gathered_inputs(slot, count);
        T* const products = products_ + slot * longest;
        constexpr std::size_t some = 4;
        constexpr T largest = std::numeric_limits<T>::max() / 4;  // far from where rounding could matter
        bool finite = true;
        for (std::size_t t = 0; t < count; t += some) {
            const std::size_t rows = std::min(some, count - t);
            k_.gemm_nt(rows, t + rows, layer_.inputs, X.row(t), X.stride(), X.data(), X.stride(),
                       products + t * longest, longest);
            for (std::size_t i = t; i < t + rows; ++i) {
                const T square = products[i * longest + i] + 1;
                finite = finite && square <= largest && rate_ * square <= largest;
            }
        }
        finite_G[slot / longest] = finite;
    }

    // Columns of X W + b, where their dz will be.
    void logits(std::size_t slot, std::size_t count, Range columns) const noexcept {
        const MatrixView<const T> X = pass_.gathered_inputs(slot, count);
        const MatrixView<T> P = pass_.gradients(0, slot, count);
        k_.dense_forward_columns(count, layer_.inputs, layer_.outputs, columns.first, columns.count(),
                                 X.data(), X.stride(), parameters_ + layer_.weights, layer_.stride,
                                 parameters_ + layer_.biases, Activation::identity, P.data(), P.stride());
    }

    // From sample to sample, up to one whose loss is not finite.
    template <class AfterRows>
    void samples(std::size_t first, std::size_t slot, std::size_t count, bool outputs, const Finite& finite_G,
                 const AfterRows& after_rows, Failure& failure) const {
        const MatrixView<T> dZ = pass_.gradients(0, slot, count);
        kernels::PerSampleTraining<T> job =
            work_.per_sample(pass_, parameters_, rate_, first, slot, count, outputs);
        if (finite_G[slot / longest]) {
            job.products = products_ + slot * longest;
            job.ldp = longest;
            job.dZ = dZ.data();
            job.lddz = dZ.stride();
        }
        job.transposed = last_;
        const std::size_t done = k_.train_per_sample(count, job);
        const T* const losses = pass_.losses(slot);
        after_rows(first, done, slot, losses);
        if (done < count) failure = {true, first + done, 1, slot + done, static_cast<double>(losses[done])};
    }

    void update(std::size_t slot, std::size_t count, Range columns) const noexcept {
        pass_.update_columns(layer_, columns, pass_.gathered_inputs(slot, count),
                             pass_.gradients(0, slot, count), -rate_, parameters_);
    }

    const Work<T>& work_;
    const kernels::Kernels<T>& k_;
    const Dense& layer_;
    Pass<T> pass_;
    T* parameters_;
    T rate_;
    T* products_;
    T* last_;  // the last layer's weights, transposed; null: it has too many outputs
    std::size_t length_;
};

}  // namespace densimd::nn
