// Passes over rows of a data set, split over the threads, and evaluation.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <densimd/kernels.hpp>
#include <densimd/nn/network.hpp>
#include <densimd/nn/training.hpp>
#include <densimd/subnormals.hpp>

#include "data/rows.hpp"
#include "model/forward_backward.hpp"
#include "parallel/range.hpp"
#include "parallel/team.hpp"
#include "training/metric.hpp"
#include "training/sharing.hpp"

namespace densimd::nn {

/// The mean of so many rows' losses, from their sum.
template <class T>
T mean_of(double sum, std::size_t rows) noexcept {
    const kernels::FlushSubnormals flush;
    return static_cast<T>(sum / static_cast<double>(rows));
}

/// Rows of a data set, the network and workspace that they pass through, and the threads offered. Rows are
/// split over the threads; no sum is, so no bit depends on their number.
template <class T>
struct DataParallelPass {
    const kernels::Kernels<T>& k;
    const std::vector<Dense>& layers;
    Workspace<T>& workspace;
    const Rows<T>& source;
    Loss loss;
    int threads;

    bool logits() const { return kernels::takes_logits(loss); }

    // The thread's part of the rows forward and, with `gradient`, backward.
    void rows_of_thread(const ForwardBackward<T>& network, ThreadContext thread, std::size_t first,
                        std::size_t count, bool gradient) const noexcept {
        const Range part = thread.part_of(count);
        if (network.needs_gather(source, count))
            network.gather(source, first + part.first, part.first, part.count());
        const MatrixView<const T> X =
            network.inputs(source, first, count).middle_rows(part.first, part.count());
        const MatrixView<const T> Y =
            network.targets(source, first, count).middle_rows(part.first, part.count());
        network.forward(X, part.first, network.outputs(part.first, part.count()), logits());
        network.loss(Y, part.first, loss, gradient);
        if (gradient) network.backward(part.first, part.count(), count);
    }

    // Forward and backward, but the threads share the first layer by its outputs, so that no two read the
    // same weight of it; with barriers in between.
    void outputs_then_rows_of_thread(const ForwardBackward<T>& network, ThreadContext thread,
                                     std::size_t first, std::size_t count) const noexcept {
        const Range part = thread.part_of(count);
        if (network.needs_gather(source, count)) {
            network.gather(source, first + part.first, part.first, part.count());
            thread.barrier();
        }
        network.forward_first(network.inputs(source, first, count),
                              outputs_of_thread<T>(layers.front(), thread), logits());
        thread.barrier();
        network.forward_rest(part.first, network.outputs(part.first, part.count()), logits());
        network.loss(network.targets(source, first, count).middle_rows(part.first, part.count()), part.first,
                     loss, true);
        network.backward(part.first, part.count(), count);
    }

    // The sum of the losses of the workspace's rows from `workspace_row` on, in an order that does not depend
    // on the threads.
    static double sum_of_losses(const ForwardBackward<T>& network, std::size_t workspace_row,
                                std::size_t count) {
        const T* const losses = network.losses(workspace_row);
        double sum[8] = {};  // a single sum would be bound by the latency of its additions
        std::size_t i = 0;
        for (; i + 8 <= count; i += 8)
            for (std::size_t s = 0; s < 8; ++s) sum[s] += static_cast<double>(losses[i + s]);
        for (; i < count; ++i) sum[0] += static_cast<double>(losses[i]);
        const auto every_other = [&sum](std::size_t s) {
            return (sum[s] + sum[s + 2]) + (sum[s + 4] + sum[s + 6]);
        };
        return every_other(0) + every_other(1);
    }

    // Returns the sum of the rows' losses.
    double forward(const T* parameters, std::size_t first, std::size_t count, bool gradient) const noexcept {
        const ForwardBackward<T> network(k, layers, parameters, workspace);
        const int team = useful_threads(threads, {multiply_adds(layers, count, gradient ? 2 : 1)});
        on_team(team, [&](ThreadContext thread) { rows_of_thread(network, thread, first, count, gradient); });
        return sum_of_losses(network, 0, count);
    }

    // After a forward pass of those rows: adds their metric. Their outputs are in the workspace from
    // `workspace_row` on.
    void add_metric(MetricSum<T>& sum, const T* parameters, std::size_t first, std::size_t count,
                    std::size_t workspace_row) const {
        const kernels::FlushSubnormals flush;
        const ForwardBackward<T> network(k, layers, parameters, workspace);
        if (loss == Loss::binary_cross_entropy) network.activate_logits(workspace_row, count);
        sum.add(network.outputs(workspace_row, count), network.targets(source, first, count));
    }

    Evaluation evaluate(const T* parameters, Metric metric) const {
        MetricSum<T> sum(metric, source);
        double losses = 0;
        for (std::size_t first = 0; first < source.count; first += workspace.batch()) {
            const std::size_t count = std::min(workspace.batch(), source.count - first);
            losses += forward(parameters, first, count, false);
            if (metric != Metric::none) add_metric(sum, parameters, first, count, 0);
        }
        return {mean_of<double>(losses, source.count), sum.value()};
    }
};

}  // namespace densimd::nn
