// Updates: one step, or an epoch of them, in one parallel region.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "descent.hpp"
#include "work.hpp"

namespace densimd::nn {

// A step whose loss is not finite, and which changed nothing.
struct Failure {
    bool happened = false;
    std::size_t row = 0, rows = 0, slot = 0;
    double loss = 0;
};

// A step has two phases: each thread takes some of the rows through the layers and back, then changes some of
// the parameters. So what a thread computes depends neither on the others nor on their number. Where that
// moves less memory from CPU to CPU, the threads share the first layer by its outputs instead, in both
// phases. Tiny networks have a kernel of their own for steps that one thread takes.
//
// Epochs call after(first row, rows, slot, sum of their losses) for each step, on one thread: after its
// forward pass or, where a kernel takes many, after some more of them. It throws if that is not finite; since
// nothing may throw in a parallel region, such a call comes after it.
template <class T>
class Trainer {
  public:
    Trainer(const Work<T>& work, T* parameters, Descent<T>& descent)
        : work_(work),
          descent_(descent),
          pass_(work.k, work.layers, parameters, work.workspace),
          parameters_(parameters) {}

    // One update; returns the sum of the losses before it. Changes nothing if that is not finite, or if the
    // descent has an overflow then.
    double step(std::size_t count) const noexcept {
        const Sharing sharing = sharing_for(count, 1);
        on_team(sharing.threads, [&](Member member) {
            if (count == 1 && sharing.threads == 1 && descent_.is_plain())
                return void(single_rows(0, 1, false, false));
            // Not for double, where finite losses, which the kernel sees one by one, can have an infinite
            // sum.
            if (std::is_same_v<T, float> && is_tiny(sharing, count))
                return void(tiny_steps(0, 1, count, false));
            rows_and_back(member, sharing, 0, count);
            if (std::isfinite(work_.sum_of_losses(pass_, 0, count))) update(member, sharing, 0, count);
        });
        return work_.sum_of_losses(pass_, 0, count);
    }

    // Steps of at most `batch` rows, up to one that the descent has an overflow of. The outputs are wanted
    // for a metric. Returns how many threads took them.
    template <class After>
    int epoch(std::size_t batch, bool outputs, const After& after) const {
        Failure failure;
        const Sharing sharing = sharing_for(batch, (work_.source.count + batch - 1) / batch);
        const std::size_t taken = is_tiny(sharing, batch) ? epoch_of_tiny_steps(batch, outputs, after) : 0;
        const int team = on_team(sharing.threads, [&](Member member) {
            for (std::size_t first = taken; first < work_.source.count; first += batch) {
                const std::size_t count = std::min(batch, work_.source.count - first);
                rows_and_back(member, sharing, first, count);
                const double losses = work_.sum_of_losses(pass_, 0, count);
                if (!std::isfinite(losses)) {
                    if (member.thread == 0) failure = {true, first, count, 0, losses};
                    return;
                }
                if (member.thread == 0) after(first, count, 0, losses);
                if (!update(member, sharing, first, count)) return;
                member.barrier();
            }
        });
        if (failure.happened) after(failure.row, failure.rows, failure.slot, failure.loss);
        return team;
    }

    // Steps of one row, in one call for many, on one thread; with the bits of steps one by one, unless with
    // `lookahead`. Plain descent only. The outputs are wanted for a metric. Calls after_rows(first row, rows,
    // slot, losses): up to the first that is not finite, if one is.
    template <class AfterRows>
    void epoch_of_single_rows(bool lookahead, bool outputs, const AfterRows& after_rows) const {
        const kernels::FlushSubnormals flush;
        const std::size_t at_once = work_.workspace.batch();
        for (std::size_t first = 0; first < work_.source.count; first += at_once) {
            const std::size_t count = std::min(at_once, work_.source.count - first);
            const std::size_t done = single_rows(first, count, lookahead, outputs);
            after_rows(first, std::min(done + 1, count), 0, pass_.losses(0));
        }
    }

  private:
    struct Sharing {
        int threads;
        bool first_layer_by_outputs;
    };

    // What a step of a tiny network takes with its own kernel, as a share of the others' time: as measured on
    // Zen 5, where it is 0.3 to 0.55 with one layer and 0.55 to 0.9 with two.
    double tiny_share() const { return work_.layers.size() == 1 ? 0.5 : 0.75; }

    // For so many steps of so many rows each. Each thread updates its part of the weights, from all rows:
    // these, which are only read, cost half as much a byte as weights.
    Sharing sharing_for(std::size_t rows, std::size_t steps) const {
        const Dense& first = work_.layers.front();
        double row = 0;
        for (const Dense& layer : work_.layers) row += static_cast<double>(layer.inputs + layer.outputs);
        const double weights = multiply_adds(work_.layers, 1, 1), count = static_cast<double>(rows);
        Effort effort = {.multiply_adds = multiply_adds(work_.layers, rows, 3),
                         .barriers = descent_.is_plain() ? 2 : 3,
                         .bytes = (weights + row * count / 2) * sizeof(T),
                         .steps = static_cast<double>(steps),
                         .alone = network_is_tiny_ && rows >= kernels::tiny_rows ? tiny_share() : 1};
        const Team by_rows = best_team(work_.threads, effort);
        if (!descent_.is_plain() || !has_long_rows<T>(first)) return {by_rows.threads, false};
        // Each thread then reads all inputs of all rows, but of the first layer's weights its own alone.
        const double inputs = static_cast<double>(first.inputs), outputs = static_cast<double>(first.outputs);
        effort.barriers = 4;  // one less where rows are not gathered
        effort.bytes += inputs * ((count / 2 - outputs) * sizeof(T) + strayed_bytes);
        const Team by_outputs = best_team(threads_for_outputs<T>(first, work_.threads), effort);
        if (by_outputs.seconds < by_rows.seconds) return {by_outputs.threads, by_outputs.threads > 1};
        return {by_rows.threads, false};
    }

    // Returns how many steps it took; fewer than `count` if a loss is not finite.
    std::size_t single_rows(std::size_t first, std::size_t count, bool lookahead,
                            bool outputs) const noexcept {
        kernels::PerSampleTraining<T> job =
            work_.per_sample(pass_, parameters_, descent_.learning_rate(), first, 0, count, outputs);
        job.lookahead = lookahead;
        return work_.k.train_per_sample(count, job);
    }

    bool is_tiny(Sharing sharing, std::size_t rows) const noexcept {
        return network_is_tiny_ && sharing.threads == 1 && rows >= kernels::tiny_rows;
    }

    // Returns how many of them it took; fewer than `steps` if a loss is not finite.
    std::size_t tiny_steps(std::size_t first, std::size_t steps, std::size_t batch,
                           bool outputs) const noexcept {
        return work_.k.tiny_steps(
            steps, batch,
            pass_.tiny_training(work_.source, first, batch, outputs, work_.loss, scale(batch), parameters_));
    }

    // Many steps in one call. Returns the rows that it took, unless `after` throws: all, but for a last step
    // of too few.
    template <class After>
    std::size_t epoch_of_tiny_steps(std::size_t batch, bool outputs, const After& after) const {
        const kernels::FlushSubnormals flush;
        std::size_t first = 0;
        for (const std::size_t rows = work_.source.count; first < rows;) {
            const std::size_t count = std::min(batch, rows - first);
            if (count < kernels::tiny_rows) break;
            const std::size_t steps = std::min(work_.workspace.batch(), rows - first) / count;
            const std::size_t taken = tiny_steps(first, steps, count, outputs);
            for (std::size_t step = 0; step < std::min(taken + 1, steps); ++step) {
                if (outputs && pass_.scattered(work_.source, count))
                    pass_.gather_targets(work_.source, first, 0, count);
                after(first, count, step * count, work_.sum_of_losses(pass_, step * count, count));
                first += count;
            }
        }
        return first;
    }

    void rows_and_back(Member member, Sharing sharing, std::size_t first, std::size_t count) const noexcept {
        if (sharing.first_layer_by_outputs)
            work_.outputs_then_rows_of_thread(pass_, member, first, count);
        else
            work_.rows_of_thread(pass_, member, first, count, true);
        member.barrier();
    }

    // False, for all members, if the descent has an overflow; then nothing has changed.
    bool update(Member member, Sharing sharing, std::size_t first, std::size_t count) const noexcept {
        const MatrixView<const T> X = pass_.inputs(work_.source, first, count);
        pass_.for_each_gradient(X, [&](const Dense& layer, MatrixView<const T> input,
                                       MatrixView<const T> dZ) {
            if (sharing.first_layer_by_outputs && &layer == &work_.layers.front())
                return pass_.update_columns(layer, outputs_of_thread<T>(layer, member), input, dZ,
                                            scale(count), parameters_);
            const Range rows = member.part_of(layer.inputs);
            input = MatrixView<const T>::unchecked(input.data() + rows.first, input.rows(), rows.count(),
                                                   input.stride());
            if (descent_.is_plain()) return update_layer(layer, rows.first, input, dZ, member.thread == 0);
            const bool biases = rows.last == layer.inputs;  // whose gradient is behind that of the last row
            pass_.weight_gradient(layer, rows.first, input, dZ, biases, descent_.gradient().data());
            const std::size_t begin = layer.weights + rows.first * layer.stride,
                              end = biases ? layer.biases + layer.outputs
                                           : layer.weights + rows.last * layer.stride;
            descent_.note_size(descent_.gradient().subspan(begin, end - begin), parameters_);
        });
        if (descent_.is_plain()) return true;
        if (member.thread == 0) descent_.advance();
        member.barrier();
        return descent_.step(count, member, parameters_);
    }

    // Of the rows of W from `row` on that belong to the columns of X.
    void update_layer(const Dense& layer, std::size_t row, MatrixView<const T> X, MatrixView<const T> dZ,
                      bool biases) const noexcept {
        work_.k.dense_update(X.rows(), X.cols(), layer.outputs, X.data(), X.stride(), dZ.data(), dZ.stride(),
                             scale(X.rows()), parameters_ + layer.weights + row * layer.stride, layer.stride,
                             biases ? parameters_ + layer.biases : nullptr);
    }

    T scale(std::size_t rows) const noexcept { return -descent_.learning_rate() / static_cast<T>(rows); }

    const Work<T>& work_;
    Descent<T>& descent_;
    Pass<T> pass_;
    T* parameters_;
    bool network_is_tiny_ =
        descent_.is_plain() && kernels::is_tiny<T>(work_.layers.size(), work_.layers.data(), work_.loss);
};

}  // namespace densimd::nn
