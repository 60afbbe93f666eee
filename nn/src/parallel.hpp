// The threads: the only place, with training.cpp's step, that knows of OpenMP.
#pragma once

#include <algorithm>
#include <cstddef>

#include <omp.h>

namespace densimd::nn {

/// How many of the threads offered to use for so many multiply-adds. Waking a thread and waiting for it costs
/// some microseconds, which a thread must earn: 2^19 multiply-adds take about 10 to 20. Depends on the shapes
/// alone, and no result depends on it.
inline int useful_threads(int offered, double multiply_adds) {
    const double worth = multiply_adds / (1 << 19);
    return worth < 2 ? 1 : static_cast<int>(std::min<double>(offered, worth));
}

/// The part of 0 .. count - 1 that falls to one thread of a team.
struct Range {
    std::size_t first, last;

    static Range of_thread(std::size_t count) {
        const auto team = static_cast<std::size_t>(omp_get_num_threads());
        const auto thread = static_cast<std::size_t>(omp_get_thread_num());
        return {count * thread / team, count * (thread + 1) / team};
    }
    std::size_t count() const { return last - first; }
};

/// Calls body() on every thread of a team of `threads`. body must not throw.
template <class Body>
void on_team(int threads, const Body& body) {
    if (threads == 1) return body();  // outside a region a thread is a team of one
#pragma omp parallel num_threads(threads)
    body();
}

}  // namespace densimd::nn
