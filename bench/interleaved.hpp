// Times of several calls, measured against one another: in turn, in short blocks, so that what the machine does to one
// it does to all.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace densimd::bench {

/// Does its work `times` times. The loop is its own, so that small work is not measured with a call around it.
using Repeated = std::function<void(std::size_t times)>;

/// Makes a Repeated of a call.
template <class Call>
Repeated repeated(Call call) {
    return [call](std::size_t times) mutable {
        for (std::size_t i = 0; i < times; ++i) {
            call();
            asm volatile("" ::: "memory");
        }
    };
}

/// ns of each call: the median over `rounds` of its blocks of at least `block_ns`. Each round has a block of every
/// call, and begins with another call than the round before.
std::vector<double> interleaved_ns(const std::vector<Repeated>& calls, std::size_t rounds, double block_ns);

double median(std::vector<double> values);

/// exp of the mean of the logarithms.
double geometric_mean(const std::vector<double>& values);

/// The value that a share of `values` does not exceed.
double quantile(std::vector<double> values, double share);

}  // namespace densimd::bench
