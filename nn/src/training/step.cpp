// Single steps: train_step and try_train_step.
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

#include <densimd/nn/network.hpp>
#include <densimd/subnormals.hpp>

#include "check.hpp"
#include "data/rows.hpp"
#include "parallel/team.hpp"
#include "training/check_batch.hpp"
#include "training/check_data.hpp"
#include "training/check_optimizer.hpp"
#include "training/data_parallel_pass.hpp"
#include "training/engine.hpp"
#include "training/minibatch.hpp"
#include "training/optimizer_step.hpp"
#include "training/per_sample.hpp"
#include "training/plan.hpp"
#include "training/sharing.hpp"
#include "training/tiny.hpp"

namespace densimd::nn {
namespace {

// One update with all rows of the pass; returns the sum of the losses before it. Changes nothing if that is
// not finite, or if the optimiser has an overflow then.
template <class T>
double take_step(const EngineContext<T>& c) noexcept {
    const std::size_t rows = c.pass.source.count;
    const bool plain = c.optimizer.is_plain(),
               tiny = takes_tiny_steps<T>(c.pass.k, c.pass.layers, c.pass.loss, plain, rows);
    const Sharing sharing = sharing_for<T>(c.pass.layers, c.pass.threads, plain, rows, 1,
                                           tiny ? minibatch_tiny_cost_ratio(c.pass.layers) : 1);
    const EngineKind kind = plan_step<T>(tiny, plain, rows, sharing.threads);
    on_team(sharing.threads, [&](ThreadContext thread) {
        if (kind == EngineKind::per_sample)
            step_with_row(c);
        else if (kind == EngineKind::tiny)
            TinyEngine<T>(c, rows).steps(0, 1, rows, false);
        else
            MinibatchEngine<T>(c, rows).step(thread, sharing, rows);
    });
    return c.pass.sum_of_losses(c.network, 0, rows);
}

}  // namespace

template <class T>
template <class Report>
std::optional<T> BasicNetwork<T>::step(const MatrixView<const T>& X, const MatrixView<const T>& Y, Loss loss,
                                       const Optimizer& optimizer, Workspace<T>& workspace, int threads,
                                       const Report& report) {
    // Once for all that follows. Not with several threads: see on_team.
    const kernels::FlushSubnormals flush(threads == 1);
    if (!check_threads(threads, report) || !check_data(*kernels_, layers_, X, Y, loss, report) ||
        !check_batch(layers_, X.rows(), workspace, workspace.fits(layers_, layout_), report) ||
        !check_optimizer<T>(optimizer, report))
        return {};
    const bool goes_on = optimizer.method == optimizer_state_.method;
    if (!Report::may_allocate && !(goes_on && has_memory_for(optimizer))) return {};
    OptimizerState<T> before = prepare(optimizer);
    const auto refuse = [&](const auto& message) {
        if (!goes_on) optimizer_state_ = std::move(before);
        report(message);
        return std::optional<T>();
    };
    const Rows<T> rows{X, Y, nullptr, X.rows()};
    const DataParallelPass<T> pass{*kernels_, layers_, workspace, rows, loss, threads};
    OptimizerStep<T> optimizer_step(*kernels_, optimizer, optimizer_state_, gradient_);
    const double losses = take_step(EngineContext<T>(pass, parameters_.data(), optimizer_step));
    if (!std::isfinite(losses)) return refuse([&] { return "train_step: the loss is " + text(losses); });
    if (optimizer_step.overflow())
        return refuse([&] { return "train_step: " + text(*optimizer_step.overflow(), layers_); });
    ++steps_trained_;
    return mean_of<T>(losses, X.rows());
}

template <class T>
T BasicNetwork<T>::train_step(const MatrixView<const T>& X, const MatrixView<const T>& Y, Loss loss,
                              const Optimizer& optimizer, Workspace<T>& workspace, int threads) {
    return *step(X, Y, loss, optimizer, workspace, threads, Throw{});
}

template <class T>
std::optional<T> BasicNetwork<T>::try_train_step(const MatrixView<const T>& X, const MatrixView<const T>& Y,
                                                 Loss loss, const Optimizer& optimizer,
                                                 Workspace<T>& workspace) noexcept {
    return step(X, Y, loss, optimizer, workspace, 1, Refuse{});
}

// Each file instantiates the members that it defines.
#define DENSIMD_INSTANTIATE(T)                                                                           \
    template T BasicNetwork<T>::train_step(const MatrixView<const T>&, const MatrixView<const T>&, Loss, \
                                           const Optimizer&, Workspace<T>&, int);                        \
    template std::optional<T> BasicNetwork<T>::try_train_step(const MatrixView<const T>&,                \
                                                              const MatrixView<const T>&, Loss,          \
                                                              const Optimizer&, Workspace<T>&) noexcept;
DENSIMD_INSTANTIATE(float)
#if DENSIMD_DOUBLE
DENSIMD_INSTANTIATE(double)
#endif
#undef DENSIMD_INSTANTIATE

}  // namespace densimd::nn
