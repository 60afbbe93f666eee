// Which engine trains, and with how much memory: chosen here, once per fit or step, and nowhere else.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <densimd/kernels.hpp>
#include <densimd/nn/network.hpp>
#include <densimd/nn/training.hpp>

namespace densimd::nn {

enum class EngineKind {
    minibatch,   ///< minibatch.hpp: forward, backward, update
    tiny,        ///< tiny.hpp: many steps of a tiny network in one call, with the bits of minibatch
    per_sample,  ///< per_sample.hpp: many steps of one row in one call of a kernel
};
std::string_view name(EngineKind kind) noexcept;

/// What an engine is to do. The bits of training depend on the plan; so the plan depends only on the network,
/// the options without their `threads`, and the number of rows.
struct TrainingPlan {
    EngineKind kind = EngineKind::minibatch;
    Engine engine = Engine::plain;  ///< what the History calls it
    std::string_view reason;        ///< why this engine: a clause
    std::size_t batch = 1;          ///< rows of a step
    kernels::Method method = kernels::Method::minibatch;
    std::size_t block = 1;  ///< rows that share the first layer's products
    std::string_view note = {};  ///< what the kernels say of their program
    std::size_t workspace_rows = 1;
    std::size_t memory = 0;  ///< elements that the engine needs beside the workspace
};

/// `rows`: those that train, at least 1. The options have been checked.
template <class T>
TrainingPlan plan_training(const kernels::Kernels<T>& k, const std::vector<Dense>& layers,
                           const FitOptions& options, std::size_t rows);

/// One line: "engine block by per_sample, blocks of 24 rows, last layer transposed; workspace of 24 rows, 48192
/// elements of memory; because the first layer has ...".
std::string text(const TrainingPlan& plan);

/// Whether the kernels have a program for such mini-batches.
template <class T>
bool takes_tiny_steps(const kernels::Kernels<T>& k, const std::vector<Dense>& layers, Loss loss, bool plain_descent,
                      std::size_t batch) {
    return plain_descent && batch > 1 &&
           k.training_program(layers.size(), layers.data(), loss, kernels::Method::minibatch, batch).exists;
}

/// The time of a step with the kernel for tiny networks / that of a mini-batch step on one thread: measured
/// on Zen 5 as 0.3 to 0.55 with one layer and 0.55 to 0.9 with two. Only the number of threads depends on it.
inline double minibatch_tiny_cost_ratio(const std::vector<Dense>& layers) {
    return layers.size() == 1 ? 0.5 : 0.75;
}

/// The engine of a single step by so many threads; inline, because steps of tiny networks are short. All have
/// the same bits.
template <class T>
EngineKind plan_step(bool takes_tiny_steps, bool plain_descent, std::size_t rows, int threads) {
    if (threads > 1) return EngineKind::minibatch;
    if (rows == 1 && plain_descent) return EngineKind::per_sample;
    // In double, finite losses, which the kernel checks one by one, can have an infinite sum.
    return takes_tiny_steps && sizeof(T) == sizeof(float) ? EngineKind::tiny : EngineKind::minibatch;
}

}  // namespace densimd::nn
