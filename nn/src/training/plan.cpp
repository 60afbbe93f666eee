// The choice of the training engine, by network, loss, optimiser and batch size, but never by threads or
// time.
#include "training/plan.hpp"

#include <algorithm>

#include "training/optimizer_step.hpp"

namespace densimd::nn {
namespace {

// In tiny networks a call takes little time for each row, and there is room for more of them in the cache.
constexpr std::size_t rows_per_call = 256, tiny_rows_per_call = 1024;

// Short blocks read and write W often; long ones spend length / 2 multiply-adds per input on the products of
// samples, and as many per output on the corrections. The more outputs, the more of W there is for each
// product.
std::size_t block_length_for(const Dense& first) {
    if (first.inputs <= 256) return longest_block_length / 2;
    return first.outputs < 512 ? longest_block_length - longest_block_length / 4 : longest_block_length;
}

struct Choice {
    Engine engine;
    std::string_view reason;
};

Choice choose(const FitOptions& options, const Dense& first, bool can_look_ahead) {
    if (options.batch_size > 1) return {Engine::plain, "batch_size is more than 1"};
    if (options.engine != Engine::automatic) return {options.engine, "the options ask for it"};
    if (!is_plain_descent(options.optimizer))
        return {Engine::plain, "the optimizer is not sgd without weight_decay and max_gradient_norm"};
    if (can_look_ahead) return {Engine::block, "the network is tiny enough to look one sample ahead"};
    if (first.inputs >= 32 && first.outputs >= 32)
        return {Engine::block, "the first layer has at least 32 inputs and 32 outputs"};
    return {Engine::fused, "the first layer is too small for blocks and cannot look ahead"};
}

}  // namespace

template <class T>
TrainingPlan plan_training(const std::vector<Dense>& layers, const FitOptions& options, std::size_t rows) {
    static_assert(longest_block_length <= kernels::longest_block);
    const std::size_t depth = layers.size();
    const bool can_look_ahead = kernels::can_look_ahead<T>(depth, layers.data(), options.loss);
    const Choice choice = choose(options, layers.front(), can_look_ahead);
    TrainingPlan plan{.engine = choice.engine, .reason = choice.reason};
    plan.batch = plan.workspace_rows = std::min(options.batch_size, rows);

    if (plan.engine == Engine::block && !can_look_ahead) {
        plan.kind = EngineKind::block;
        plan.block_length = block_length_for(layers.front());
        plan.transposed_last = kernels::has_transposable_last<T>(depth, layers.data());
        plan.workspace_rows = 2 * longest_block_length;
        plan.memory =
            block_products_size + (plan.transposed_last ? kernels::transposed_size<T>(layers.back()) : 0);
        return plan;
    }
    if (plan.engine != Engine::plain) {
        plan.kind = EngineKind::per_sample;
        plan.lookahead = plan.engine == Engine::block;
    } else if (takes_tiny_steps<T>(layers, options.loss, is_plain_descent(options.optimizer), plan.batch)) {
        plan.kind = EngineKind::tiny;
    } else {
        return plan;
    }
    // A call takes as many rows as the workspace has.
    const bool is_tiny = kernels::is_tiny<T>(depth, layers.data(), options.loss);
    plan.workspace_rows = std::max(plan.batch, std::min(is_tiny ? tiny_rows_per_call : rows_per_call, rows));
    return plan;
}

template TrainingPlan plan_training<float>(const std::vector<Dense>&, const FitOptions&, std::size_t);
#if DENSIMD_DOUBLE
template TrainingPlan plan_training<double>(const std::vector<Dense>&, const FitOptions&, std::size_t);
#endif

std::string_view name(EngineKind kind) noexcept {
    constexpr std::string_view names[] = {"minibatch", "tiny", "per_sample", "block"};
    return names[static_cast<std::size_t>(kind)];
}

std::string_view name(Engine engine) noexcept {
    constexpr std::string_view names[] = {"automatic", "plain", "fused", "block"};
    return engine < Engine::automatic || engine > Engine::block ? "unknown"
                                                                : names[static_cast<std::size_t>(engine)];
}

std::string text(const TrainingPlan& plan) {
    std::string text = "engine " + std::string(name(plan.engine)) + " by " + std::string(name(plan.kind));
    if (plan.kind == EngineKind::block)
        text += ", blocks of " + std::to_string(plan.block_length) + " rows" +
                (plan.transposed_last ? ", last layer transposed" : "");
    else
        text += ", steps of " + std::to_string(plan.batch) + (plan.batch == 1 ? " row" : " rows") +
                (plan.lookahead ? ", looks ahead" : "");
    return text + "; workspace of " + std::to_string(plan.workspace_rows) + " rows, " +
           std::to_string(plan.memory) + " elements of memory; because " + std::string(plan.reason);
}

}  // namespace densimd::nn
