// The parts of the suite on whole networks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "problem.hpp"

namespace densimd::bench {

using Problems = std::vector<std::shared_ptr<const Problem>>;

/// The job's name without who does it: "train/f32/isa:avx512/net:8-1" for densimd, or
/// "train/f32/peer:fann/..."
std::string title(const char* job, const std::string& who, const Problem& problem);

/// densimd, for titles.
std::string ours();

/// The counter ns_per_sample of a benchmark whose iterations go once through all the samples.
void count_samples(benchmark::State& state);

void register_training(const Problems& problems, const NetworkPeers& peers);
void register_engines(const Problems& problems);
void register_prediction(const Problems& problems, const NetworkPeers& peers);
void register_latency();
void register_threads();

}  // namespace densimd::bench
