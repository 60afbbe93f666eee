// The choice of the training engine, by network, loss, optimiser and batch size, but never by threads or
// time.
#include "training/plan.hpp"

#include <algorithm>

#include "training/optimizer_step.hpp"

namespace densimd::nn {
namespace {

// In tiny networks a call takes little time for each row, and there is room for more of them in the cache.
constexpr std::size_t rows_per_call = 256, tiny_rows_per_call = 1024;

struct Choice {
    Engine engine;
    std::string_view reason;
};

Choice choose(const FitOptions& options, const Dense& first, const kernels::TrainingProgram& delayed) {
    if (options.batch_size > 1) return {Engine::plain, "batch_size is more than 1"};
    if (options.engine != Engine::automatic) return {options.engine, "the options ask for it"};
    if (!is_plain_descent(options.optimizer))
        return {Engine::plain, "the optimizer is not sgd without weight_decay and max_gradient_norm"};
    if (delayed.block == 1) return {Engine::block, "the network is tiny enough to look one sample ahead"};
    if (first.inputs >= 32 && first.outputs >= 32)
        return {Engine::block, "the first layer has at least 32 inputs and 32 outputs"};
    return {Engine::fused, "the first layer is too small for blocks and cannot look ahead"};
}

}  // namespace

template <class T>
TrainingPlan plan_training(const kernels::Kernels<T>& k, const std::vector<Dense>& layers,
                           const FitOptions& options, std::size_t rows) {
    const auto program = [&](kernels::Method method, std::size_t batch) {
        return k.training_program(layers.size(), layers.data(), options.loss, method, batch);
    };
    const Choice choice =
        choose(options, layers.front(), program(kernels::Method::delayed_updates, 1));
    TrainingPlan plan{.engine = choice.engine, .reason = choice.reason};
    plan.batch = plan.workspace_rows = std::min(options.batch_size, rows);
    const bool is_tiny = program(kernels::Method::minibatch, tiny_rows_per_call).exists;
    if (plan.engine != Engine::plain) {
        plan.kind = EngineKind::per_sample;
        plan.method =
            plan.engine == Engine::block ? kernels::Method::delayed_updates : kernels::Method::per_sample;
        const kernels::TrainingProgram chosen = program(plan.method, 1);
        plan.block = chosen.block;
        plan.note = chosen.note;
        plan.memory = chosen.memory;
    } else if (takes_tiny_steps<T>(k, layers, options.loss, is_plain_descent(options.optimizer), plan.batch)) {
        plan.kind = EngineKind::tiny;
    } else {
        return plan;
    }
    // A call takes a block, or as many rows as the workspace has.
    if (plan.block > 1)
        plan.workspace_rows = plan.block;
    else
        plan.workspace_rows =
            std::max(plan.batch, std::min(is_tiny ? tiny_rows_per_call : rows_per_call, rows));
    return plan;
}

template TrainingPlan plan_training<float>(const kernels::Kernels<float>&, const std::vector<Dense>&,
                                           const FitOptions&, std::size_t);
#if DENSIMD_DOUBLE
template TrainingPlan plan_training<double>(const kernels::Kernels<double>&, const std::vector<Dense>&,
                                            const FitOptions&, std::size_t);
#endif

std::string_view name(EngineKind kind) noexcept {
    constexpr std::string_view names[] = {"minibatch", "tiny", "per_sample"};
    return names[static_cast<std::size_t>(kind)];
}

std::string_view name(Engine engine) noexcept {
    constexpr std::string_view names[] = {"automatic", "plain", "fused", "block"};
    return engine < Engine::automatic || engine > Engine::block ? "unknown"
                                                                : names[static_cast<std::size_t>(engine)];
}

std::string text(const TrainingPlan& plan) {
    std::string text = "engine " + std::string(name(plan.engine)) + " by " + std::string(name(plan.kind));
    if (plan.block > 1)
        text += ", blocks of " + std::to_string(plan.block) + " rows";
    else
        text += ", steps of " + std::to_string(plan.batch) + (plan.batch == 1 ? " row" : " rows");
    if (!plan.note.empty()) text += ", " + std::string(plan.note);
    return text + "; workspace of " + std::to_string(plan.workspace_rows) + " rows, " +
           std::to_string(plan.memory) + " elements of memory; because " + std::string(plan.reason);
}

}  // namespace densimd::nn
