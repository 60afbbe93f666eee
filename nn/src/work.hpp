// Passes over rows of a data set, on as many threads as pay: losses, one update, evaluation.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "metric.hpp"
#include "parallel.hpp"
#include "pass.hpp"

namespace densimd::nn {

inline double multiply_adds(const std::vector<Dense>& layers, std::size_t rows, int passes) {
    double sum = 0;
    for (const Dense& layer : layers)
        sum += static_cast<double>(layer.inputs) * static_cast<double>(layer.outputs);
    return sum * static_cast<double>(rows) * passes;
}

// What all passes over rows of a data set share. One parallel region per pass; the rows are split over the
// threads for everything that belongs to a row, the rows of each W for the update, and no sum is split.
template <class T>
struct Work {
    const kernels::Kernels<T>& k;
    const std::vector<Dense>& layers;
    Workspace<T>& workspace;
    const Rows<T>& source;
    Loss loss;
    int threads;

    bool logits() const { return loss == Loss::binary_cross_entropy; }

    void rows_of_thread(const Pass<T>& pass, Member member, std::size_t first, std::size_t count,
                        bool gradient) const noexcept {
        const Range part = member.part_of(count);
        if (pass.scattered(source, count)) pass.gather(source, first + part.first, part.first, part.count());
        const MatrixView<const T> X = pass.inputs(source, first, count).middle_rows(part.first, part.count());
        const MatrixView<const T> Y =
            pass.targets(source, first, count).middle_rows(part.first, part.count());
        pass.forward(X, part.first, pass.outputs(part.first, part.count()), logits());
        pass.loss(Y, part.first, loss, gradient);
        if (gradient) pass.backward(part.first, part.count());
    }

    // The sum of the losses of rows first .. first + count - 1, in their order whatever the threads.
    static double sum_of_losses(const Pass<T>& pass, std::size_t count) {
        double sum = 0;
        for (std::size_t i = 0; i < count; ++i) sum += static_cast<double>(pass.losses(0)[i]);
        return sum;
    }

    double forward(const T* parameters, std::size_t first, std::size_t count, bool gradient) const noexcept {
        const Pass<T> pass(k, layers, parameters, workspace);
        const int team = useful_threads(threads, multiply_adds(layers, count, gradient ? 2 : 1));
        on_team(team, [&](Member member) { rows_of_thread(pass, member, first, count, gradient); });
        return sum_of_losses(pass, count);
    }

    // One update; returns the sum of the losses before it. Changes nothing if that is not finite.
    double step(T* parameters, std::size_t first, std::size_t count, T learning_rate) const noexcept {
        const Pass<T> pass(k, layers, parameters, workspace);
        on_team(useful_threads(threads, multiply_adds(layers, count, 3)), [&](Member member) {
            rows_of_thread(pass, member, first, count, true);
            member.barrier();
            if (std::isfinite(sum_of_losses(pass, count)))
                update(pass, member, parameters, pass.inputs(source, first, count), learning_rate);
        });
        return sum_of_losses(pass, count);
    }

    // An epoch of steps of at most `batch` rows. Calls after(first row, rows, slot, sum of their losses)
    // after the forward pass of each; it throws if that is not finite, and then the step has changed nothing.
    template <class After>
    void epoch(T* parameters, std::size_t batch, T learning_rate, const After& after) const {
        for (std::size_t first = 0; first < source.count; first += batch) {
            const std::size_t count = std::min(batch, source.count - first);
            after(first, count, 0, step(parameters, first, count, learning_rate));
        }
    }

    // The same bits as from steps of one row, with two passes over each W instead of three.
    template <class After>
    void epoch_of_single_rows(T* parameters, T learning_rate, const After& after) const {
        const Pass<T> pass(k, layers, parameters, workspace);
        MatrixView<const T> x = pass.inputs(source, 0, 1);
        pass.forward(x, 0, pass.outputs(0, 1), logits());
        for (std::size_t i = 0; i < source.count; ++i) {
            pass.loss(pass.targets(source, i, 1), 0, loss, true);
            after(i, 1, 0, static_cast<double>(*pass.losses(0)));
            pass.backward_and_update(parameters, learning_rate, 0);
            if (i + 1 == source.count) break;
            const MatrixView<const T> next = pass.inputs(source, i + 1, 1);
            pass.update_and_forward(parameters, learning_rate, x.data(), next.data(), logits());
            x = next;
        }
        const Dense& layer = layers.front();
        k.dense_update(1, layer.inputs, layer.outputs, x.data(), x.stride(), pass.gradients(0, 0, 1).data(),
                       layer.outputs, -learning_rate, parameters + layer.weights, layer.stride,
                       parameters + layer.biases);
    }

    void update(const Pass<T>& pass, Member member, T* parameters, MatrixView<const T> X,
                T learning_rate) const noexcept {
        pass.for_each_gradient(X, [&](const Dense& layer, MatrixView<const T> input, MatrixView<const T> dZ) {
            const Range rows = member.part_of(layer.inputs);
            T* biases = member.thread == 0 ? parameters + layer.biases : nullptr;
            k.dense_update(X.rows(), rows.count(), layer.outputs, input.data() + rows.first, input.stride(),
                           dZ.data(), dZ.stride(), -learning_rate / static_cast<T>(X.rows()),
                           parameters + layer.weights + rows.first * layer.stride, layer.stride, biases);
        });
    }

    // After forward or step: the metric of the rows that it saw, which are in the workspace from `slot` on.
    void add_metric(MetricSum<T>& sum, const T* parameters, std::size_t first, std::size_t count,
                    std::size_t slot) const {
        const Pass<T> pass(k, layers, parameters, workspace);
        if (logits()) pass.activate_logits(slot, count);
        sum.add(pass.outputs(slot, count), pass.targets(source, first, count));
    }

    Evaluation evaluate(const T* parameters, Metric metric) const {
        MetricSum<T> sum(metric, source);
        double losses = 0;
        for (std::size_t first = 0; first < source.count; first += workspace.batch()) {
            const std::size_t count = std::min(workspace.batch(), source.count - first);
            losses += forward(parameters, first, count, false);
            if (metric != Metric::none) add_metric(sum, parameters, first, count, 0);
        }
        return {losses / static_cast<double>(source.count), sum.value()};
    }
};

}  // namespace densimd::nn
