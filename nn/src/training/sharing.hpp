// How the threads of a team share a layer and a mini-batch step.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <densimd/nn/network.hpp>

#include "parallel/range.hpp"
#include "parallel/team.hpp"

namespace densimd::nn {

/// Of so many passes of so many rows through the layers: forward, backward and update are a pass each.
inline double multiply_adds(const std::vector<Dense>& layers, std::size_t rows, int passes) {
    double sum = 0;
    for (const Dense& layer : layers)
        sum += static_cast<double>(layer.inputs) * static_cast<double>(layer.outputs);
    return sum * static_cast<double>(rows) * passes;
}

// Threads that share a layer by its outputs take whole cache lines of the rows of W; the last thread also
// takes the outputs that are left. A piece of a single output would be summed in another order (see
// dense_update).
template <class T>
std::size_t pieces_of_outputs(const Dense& layer) {
    constexpr std::size_t line = 64 / sizeof(T);
    return std::max<std::size_t>(1, layer.outputs / line);
}
template <class T>
Range outputs_of_thread(const Dense& layer, ThreadContext thread) {
    return thread.part_of(layer.outputs, pieces_of_outputs<T>(layer), 64 / sizeof(T));
}
template <class T>
int threads_for_outputs(const Dense& layer, int offered) {
    return static_cast<int>(std::min(pieces_of_outputs<T>(layer), static_cast<std::size_t>(offered)));
}

// Hardware prefetch past the end of a thread's part of a row of W causes false sharing: its cost in bytes per
// row. Estimated on a Xeon of 2023, where mini-batch steps with rows of W shorter than 2 KiB became up to
// twice as slow; layers with such rows are not shared by outputs.
constexpr double overfetch_bytes = 320;
template <class T>
bool has_long_rows(const Dense& layer) {
    return layer.outputs * sizeof(T) >= 2048;
}

/// The threads of a mini-batch step, and whether they share the first layer by its outputs instead of by rows
/// of the batch (forward) and of W (update).
struct Sharing {
    int threads;
    bool first_layer_by_outputs;
};

/// For `steps` steps of `rows` rows each, with the threads offered. Each thread updates its part of the
/// weights, from all rows of the batch: rows are only read, so a byte of them counts half. serial_cost_ratio:
/// see Effort.
template <class T>
Sharing sharing_for(const std::vector<Dense>& layers, int offered, bool plain_descent, std::size_t rows,
                    std::size_t steps, double serial_cost_ratio) {
    if (offered <= 1) return {1, false};
    const Dense& first = layers.front();
    double row = 0;
    for (const Dense& layer : layers) row += static_cast<double>(layer.inputs + layer.outputs);
    const double weights = multiply_adds(layers, 1, 1), count = static_cast<double>(rows);
    Effort effort = {.multiply_adds = multiply_adds(layers, rows, 3),
                     .barriers = plain_descent ? 2 : 3,
                     .bytes = (weights + row * count / 2) * sizeof(T),
                     .steps = static_cast<double>(steps),
                     .serial_cost_ratio = serial_cost_ratio};
    const TeamSize by_rows = best_team_size(offered, effort);
    if (!plain_descent || !has_long_rows<T>(first)) return {by_rows.threads, false};
    // By outputs each thread reads all inputs of all rows, but only its own weights of the first layer.
    const double inputs = static_cast<double>(first.inputs), outputs = static_cast<double>(first.outputs);
    effort.barriers = 4;  // 3 where rows are not gathered
    effort.bytes += inputs * ((count / 2 - outputs) * sizeof(T) + overfetch_bytes);
    const TeamSize by_outputs = best_team_size(threads_for_outputs<T>(first, offered), effort);
    if (by_outputs.seconds < by_rows.seconds) return {by_outputs.threads, by_outputs.threads > 1};
    return {by_rows.threads, false};
}

}  // namespace densimd::nn
