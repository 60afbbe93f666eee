// A network and data to train it with, the same for densimd and its peers; how runs on it are named.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <densimd/nn.hpp>

#include "peers/networks.hpp"

namespace densimd::bench {

class Problem {
  public:
    static constexpr std::size_t samples = 1024;
    static constexpr std::size_t seed = 1;
    static constexpr double learning_rate = 0.05;

    /// Layers with sigmoid; widths[0] inputs.
    explicit Problem(const std::vector<std::size_t>& widths);
    Problem(const Problem&) = delete;
    Problem& operator=(const Problem&) = delete;

    /// "8-16-1"
    const std::string& name() const { return name_; }

    /// Before training. Everyone starts from its weights.
    const nn::Network& network() const { return network_; }
    nn::MatrixView<const float> inputs() const { return {X_.data(), samples, network_.inputs()}; }
    nn::MatrixView<const float> targets() const { return {Y_.data(), samples, network_.outputs()}; }

    /// For a peer that does not outlive this.
    NetworkJob job(std::size_t batch) const;

  private:
    std::string name_;
    nn::Network network_;
    nn::AlignedVector<float> X_, Y_;
    std::vector<std::vector<float>> weights_;  // without densimd's padding
    std::vector<NetworkLayer> layers_;
};

/// A benchmark of another job would be worthless: ends the program, naming `what`, if two results differ.
void check(const std::string& what, double expected, double found);

/// The job's name without who does it: "train/f32/isa:avx512/net:8-1" for densimd, or
/// "train/f32/peer:fann/..."
std::string title(const char* job, const std::string& who, const Problem& problem);

/// densimd, for titles.
std::string ours();

/// The counter ns_per_sample of a benchmark whose iterations go once through all the samples.
void count_samples(benchmark::State& state);

}  // namespace densimd::bench
