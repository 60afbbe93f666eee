// How interleaved times are taken.
#include "interleaved.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace densimd::bench {
namespace {

double ns_of(const Repeated& call, std::size_t times) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    call(times);
    return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

// How often a call is repeated in a block.
std::size_t times_for(const Repeated& call, double block_ns) {
    call(1);
    std::size_t times = 1;
    for (double ns; (ns = ns_of(call, times)) < block_ns / 2; )
        times = static_cast<std::size_t>(static_cast<double>(times) * std::clamp(0.75 * block_ns / ns, 2.0, 20.0));
    return times;
}

}  // namespace

std::vector<double> interleaved_ns(const std::vector<Repeated>& calls, std::size_t rounds, double block_ns) {
    std::vector<std::size_t> times;
    for (const Repeated& call : calls) times.push_back(times_for(call, block_ns));
    std::vector<std::vector<double>> samples(calls.size());
    for (std::size_t round = 0; round < rounds; ++round)
        for (std::size_t turn = 0; turn < calls.size(); ++turn) {
            const std::size_t i = (round + turn) % calls.size();
            samples[i].push_back(ns_of(calls[i], times[i]) / static_cast<double>(times[i]));
        }
    std::vector<double> medians;
    for (auto& of_call : samples) medians.push_back(median(std::move(of_call)));
    return medians;
}

double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

double geometric_mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += std::log(value);
    return std::exp(sum / static_cast<double>(values.size()));
}

double quantile(std::vector<double> values, double share) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
    const auto nth = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
    std::nth_element(values.begin(), nth, values.end());
    return *nth;
}

}  // namespace densimd::bench
