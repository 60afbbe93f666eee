// The threads: the only place that knows of OpenMP.
#pragma once

#include <algorithm>
#include <cstddef>

#include <omp.h>

namespace densimd::nn {

/// How many of the threads offered to use for so many multiply-adds. Waking a thread and waiting for it costs
/// some microseconds, and far more when other programs want the CPUs, which a thread must earn: 2^21
/// multiply-adds take it about 20 to 80. More threads than twice the CPUs would only wait for each other. No
/// result depends on the number.
inline int useful_threads(int offered, double multiply_adds) {
    const double worth = multiply_adds / (1 << 21);
    return worth < 2 ? 1
                     : static_cast<int>(std::min<double>(std::min(offered, 2 * omp_get_num_procs()), worth));
}

struct Range {
    std::size_t first, last;

    std::size_t count() const { return last - first; }
};

/// One of the threads that share a piece of work. A team of one is the calling thread itself, which may be a
/// thread of a parallel region of the caller's; so nothing here asks OpenMP who is running.
struct Member {
    std::size_t thread, team;

    /// The part of 0 .. count - 1 that falls to this thread.
    Range part_of(std::size_t count) const { return {count * thread / team, count * (thread + 1) / team}; }

    /// Waits for all threads of the team.
    void barrier() const {
        if (team > 1) {
#pragma omp barrier
        }
    }
};

/// Calls body(Member) on every thread of a team of at most `threads`. body must not throw.
template <class Body>
void on_team(int threads, const Body& body) {
    if (threads == 1) return body(Member{0, 1});
#pragma omp parallel num_threads(threads)
    body(Member{static_cast<std::size_t>(omp_get_thread_num()),
                static_cast<std::size_t>(omp_get_num_threads())});
}

}  // namespace densimd::nn
