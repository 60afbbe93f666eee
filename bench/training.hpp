// The parts of the suite on whole networks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "problem.hpp"

namespace densimd::bench {

using Problems = std::vector<std::shared_ptr<const Problem>>;

void register_training(const Problems& problems, const NetworkPeers& peers);
void register_engines(const Problems& problems);
void register_prediction(const Problems& problems, const NetworkPeers& peers);
void register_latency();
void register_threads();

}  // namespace densimd::bench
