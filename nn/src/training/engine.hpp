// What all engines are given, and what an engine is.
#pragma once

#include <cstddef>

#include "model/forward_backward.hpp"
#include "training/data_parallel_pass.hpp"
#include "training/optimizer_step.hpp"

namespace densimd::nn {

// An engine carries out an epoch of a TrainingPlan. Each has the method
//
//     int epoch(EpochRecorder<T>& recorder) const;
//
// which takes a step for each row or mini-batch of the pass, in their order, reports it to the recorder, and
// stops at a step that the recorder does not accept or that would make the optimiser's state infinite. It
// returns how many threads took part. An engine chooses nothing but the number of threads, on which no bit
// depends.

template <class T>
struct EngineContext {
    EngineContext(const DataParallelPass<T>& data_pass, T* network_parameters, OptimizerStep<T>& step)
        : pass(data_pass),
          parameters(network_parameters),
          optimizer(step),
          network(pass.k, pass.layers, parameters, pass.workspace) {}

    /// Of the gradient of a step with so many rows.
    T scale(std::size_t rows) const noexcept { return -optimizer.learning_rate() / static_cast<T>(rows); }

    const DataParallelPass<T>& pass;
    T* parameters;
    OptimizerStep<T>& optimizer;
    ForwardBackward<T> network;
};

}  // namespace densimd::nn
