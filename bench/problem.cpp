// A network and data to train it with.
#include "problem.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "data.hpp"

namespace densimd::bench {
namespace {

nn::Network build(const std::vector<std::size_t>& widths) {
    nn::NetworkOptions options{.inputs = widths.front(), .layers = {}, .seed = Problem::seed};
    for (std::size_t l = 1; l < widths.size(); ++l) options.layers.push_back({widths[l], nn::sigmoid});
    return nn::Network(options);
}

}  // namespace

Problem::Problem(const std::vector<std::size_t>& widths)
    : network_(build(widths)),
      X_(numbers<float>(samples * widths.front(), 0, 1, 1)),
      Y_(numbers<float>(samples * widths.back(), 0, 1, 2)) {
    for (const std::size_t width : widths)
        name_.append(name_.empty() ? "" : "-").append(std::to_string(width));
    for (std::size_t l = 0; l < network_.layers().size(); ++l) {
        const auto parameters = std::as_const(network_).layer(l);
        std::vector<float>& packed = weights_.emplace_back();
        for (std::size_t k = 0; k < parameters.weights.rows(); ++k)
            packed.insert(packed.end(), parameters.weights.row(k),
                          parameters.weights.row(k) + parameters.weights.cols());
        layers_.push_back(
            {parameters.weights.rows(), parameters.weights.cols(), packed.data(), parameters.biases.data()});
    }
}

NetworkJob Problem::job(std::size_t batch) const {
    return {.layers = layers_.data(),
            .depth = layers_.size(),
            .X = X_.data(),
            .Y = Y_.data(),
            .samples = samples,
            .batch = batch,
            .learning_rate = static_cast<float>(learning_rate)};
}

void check(const std::string& what, double expected, double found) {
    if (std::abs(found - expected) <= 1e-3 * std::abs(expected)) return;
    std::fprintf(stderr, "%s: the result is %g, expected %g\n", what.c_str(), found, expected);
    std::exit(1);
}

std::string title(const char* job, const std::string& who, const Problem& problem) {
    return std::string(job) + "/f32/" + who + "/net:" + problem.name();
}

std::string ours() { return "isa:" + std::string(name(kernels::active_isa())); }

void count_samples(benchmark::State& state) {
    state.counters["ns_per_sample"] = benchmark::Counter(
        1e-9 * static_cast<double>(Problem::samples) * static_cast<double>(state.iterations()),
        benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

}  // namespace densimd::bench
