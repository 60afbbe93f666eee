// What passes over rows of a data set share, and evaluation, on as many threads as pay.
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

// Threads that share a layer by its outputs take whole cache lines of the rows of W, the last one with the
// outputs that are left: a single one of several would be summed in another order (see dense_update).
template <class T>
std::size_t pieces_of_outputs(const Dense& layer) {
    constexpr std::size_t line = 64 / sizeof(T);
    return std::max<std::size_t>(1, layer.outputs / line);
}
template <class T>
Range outputs_of_thread(const Dense& layer, Member member) {
    return member.part_of(layer.outputs, pieces_of_outputs<T>(layer), 64 / sizeof(T));
}
template <class T>
int threads_for_outputs(const Dense& layer, int offered) {
    return static_cast<int>(std::min(pieces_of_outputs<T>(layer), static_cast<std::size_t>(offered)));
}

// What prefetchers then take of a row of W that another thread is about to change, in bytes: they do not know
// where a thread's part ends. Estimated on a Xeon of 2023, where mini-batch steps with rows of W shorter than
// 2 KiB became up to twice as slow; so those do not share layers this way.
constexpr double strayed_bytes = 320;
template <class T>
bool has_long_rows(const Dense& layer) {
    return layer.outputs * sizeof(T) >= 2048;
}

/// Of so many rows' losses.
template <class T>
T mean_of(double sum, std::size_t rows) noexcept {
    const kernels::FlushSubnormals flush;
    return static_cast<T>(sum / static_cast<double>(rows));
}

// The rows are split over the threads, and no sum is.
template <class T>
struct Work {
    const kernels::Kernels<T>& k;
    const std::vector<Dense>& layers;
    Workspace<T>& workspace;
    const Rows<T>& source;
    Loss loss;
    int threads;

    bool logits() const { return kernels::takes_logits(loss); }

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

    // The same, but the threads share the first layer by its outputs, so that no two need the same weight of
    // it, and all meet in between.
    void outputs_then_rows_of_thread(const Pass<T>& pass, Member member, std::size_t first,
                                     std::size_t count) const noexcept {
        const Range part = member.part_of(count);
        if (pass.scattered(source, count)) {
            pass.gather(source, first + part.first, part.first, part.count());
            member.barrier();
        }
        pass.forward_first(pass.inputs(source, first, count), outputs_of_thread<T>(layers.front(), member),
                           logits());
        member.barrier();
        pass.forward_rest(part.first, pass.outputs(part.first, part.count()), logits());
        pass.loss(pass.targets(source, first, count).middle_rows(part.first, part.count()), part.first, loss,
                  true);
        pass.backward(part.first, part.count());
    }

    // The sum of the losses of the workspace's rows from `slot` on, in one order whatever the threads.
    static double sum_of_losses(const Pass<T>& pass, std::size_t slot, std::size_t count) {
        const T* const losses = pass.losses(slot);
        double sum[8] = {};  // one alone would wait for each of its additions
        std::size_t i = 0;
        for (; i + 8 <= count; i += 8)
            for (std::size_t s = 0; s < 8; ++s) sum[s] += static_cast<double>(losses[i + s]);
        for (; i < count; ++i) sum[0] += static_cast<double>(losses[i]);
        const auto every_other = [&sum](std::size_t s) {
            return (sum[s] + sum[s + 2]) + (sum[s + 4] + sum[s + 6]);
        };
        return every_other(0) + every_other(1);
    }

    double forward(const T* parameters, std::size_t first, std::size_t count, bool gradient) const noexcept {
        const Pass<T> pass(k, layers, parameters, workspace);
        const int team = useful_threads(threads, {multiply_adds(layers, count, gradient ? 2 : 1)});
        on_team(team, [&](Member member) { rows_of_thread(pass, member, first, count, gradient); });
        return sum_of_losses(pass, 0, count);
    }

    // Steps with single rows, `count` of them from row `first` on, for the kernel that takes many; losses
    // and, if wanted, outputs go to the workspace's rows from `slot` on.
    kernels::PerSampleTraining<T> per_sample(const Pass<T>& pass, T* parameters, T learning_rate,
                                             std::size_t first, std::size_t slot, std::size_t count,
                                             bool outputs) const noexcept {
        const MatrixView<T> A = pass.outputs(slot, count);
        const std::size_t row = source.order ? 0 : first;
        return {.layers = layers.data(),
                .depth = layers.size(),
                .parameters = parameters,
                .loss = loss,
                .learning_rate = learning_rate,
                .X = source.X.row(row),
                .ldx = source.X.stride(),
                .Y = source.Y.row(row),
                .ldy = source.Y.stride(),
                .order = source.order ? source.order + first : nullptr,
                .losses = pass.losses(slot),
                .outputs = outputs ? A.data() : nullptr,
                .ldo = A.stride(),
                .scratch = pass.scratch()};
    }

    // After forward or step: the metric of the rows that it saw, which are in the workspace from `slot` on.
    void add_metric(MetricSum<T>& sum, const T* parameters, std::size_t first, std::size_t count,
                    std::size_t slot) const {
        const kernels::FlushSubnormals flush;
        const Pass<T> pass(k, layers, parameters, workspace);
        if (loss == Loss::binary_cross_entropy) pass.activate_logits(slot, count);
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
        return {mean_of<double>(losses, source.count), sum.value()};
    }
};

}  // namespace densimd::nn
