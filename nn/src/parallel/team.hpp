// Teams of threads, and how many threads pay. Only this file and team.cpp know of OpenMP; without it there is
// one thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <limits>

#include <densimd/nn/threads.hpp>
#include <densimd/subnormals.hpp>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "parallel/range.hpp"

namespace densimd::nn {

/// A barrier that spins for about 50 microseconds and then sleeps: the other threads usually arrive soon, but
/// on busy CPUs a spinning thread would keep them from running. (OpenMP's own barrier may spin for
/// milliseconds.)
class Barrier {
  public:
    void wait(std::size_t team) noexcept {
        const unsigned phase = phase_.load(std::memory_order_relaxed);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == team) {
            arrived_.store(0, std::memory_order_relaxed);
            phase_.store(phase + 1, std::memory_order_release);
            phase_.notify_all();
            return;
        }
        constexpr int about_50_microseconds = 4096;
        for (int i = 0; i < about_50_microseconds; ++i) {
            if (phase_.load(std::memory_order_acquire) != phase) return;
            pause();
        }
        while (phase_.load(std::memory_order_acquire) == phase) phase_.wait(phase, std::memory_order_acquire);
    }

  private:
    static void pause() noexcept {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("isb");
#endif
    }

    alignas(64) std::atomic<std::size_t> arrived_ = 0;
    alignas(64) std::atomic<unsigned> phase_ = 0;
};

/// What one thread of a team knows: its index, the team's size and barrier. A team of one is the calling
/// thread itself, which may belong to a parallel region of the caller's; so nothing here asks OpenMP who is
/// running.
struct ThreadContext {
    std::size_t index, team;
    Barrier* team_barrier;

    /// The part of 0 .. count - 1 that falls to this thread.
    Range part_of(std::size_t count) const {
        if (team == 1) return {0, count};  // divisions are slow
        return {count * index / team, count * (index + 1) / team};
    }

    /// The same in so many pieces of `size`, of which the last takes the rest.
    Range part_of(std::size_t count, std::size_t pieces, std::size_t size) const {
        const Range part = part_of(pieces);
        return {part.first * size, part.last == pieces ? count : part.last * size};
    }

    /// Waits for all threads of the team.
    void barrier() const {
        if (team > 1) team_barrier->wait(team);
    }
};

/// The most threads that the calling thread can have for a team; team.cpp says when that is one.
int most_threads() noexcept;

/// For on_team to call before and after a team's work. Whether so many threads can be had: OpenMP would end
/// the process if not.
bool can_form_team(int threads) noexcept;
void team_ends(int threads) noexcept;

/// Calls body(ThreadContext) on every thread of a team of at most `threads`, each with subnormal numbers
/// flushed, and returns how many they were. The caller does not flush around it: threads that the region
/// starts would inherit that for good. body must not throw.
template <class Body>
int on_team(int threads, const Body& body) {
#ifdef _OPENMP
    if (threads > 1 && can_form_team(threads)) {
        Barrier barrier;
        int team = 1;
#pragma omp parallel num_threads(threads)
        {
            const kernels::FlushSubnormals flush;
            const ThreadContext thread{static_cast<std::size_t>(omp_get_thread_num()),
                                       static_cast<std::size_t>(omp_get_num_threads()), &barrier};
            if (thread.index == 0) team = static_cast<int>(thread.team);
            body(thread);
            // Threads that are done would spin in OpenMP's implicit barrier while others wait for a CPU: on
            // busy CPUs for 5 to 20 milliseconds a region, with this barrier for half of that or less.
            thread.barrier();
        }
        team_ends(team);
        return team;
    }
#else
    static_cast<void>(threads);
#endif
    const kernels::FlushSubnormals flush;
    body(ThreadContext{0, 1, nullptr});
    return 1;
}

/// The work of a parallel region: in each of `steps` steps so many multiply-adds, which are shared among the
/// threads, and so many barriers; and so many bytes, of which each thread writes its part and reads all.
struct Effort {
    double multiply_adds;
    int barriers = 0;
    double bytes = 0;
    double steps = 1;
    double serial_cost_ratio =
        1;  // below 1 where one thread has a faster kernel: its time / that of the usual ones
};

/// The costs of thread_costs as they were last measured.
ThreadCosts known_thread_costs();

/// For a child process after a fork: the thread that held the lock does not exist there and cannot release
/// it.
void reset_thread_costs_lock() noexcept;

/// The threads for a parallel region, and its estimated time with them; infinite where it was not estimated.
struct TeamSize {
    int threads;
    double seconds;
};

/// As many of the threads offered as save time. One, unless more save at least a quarter: the costs are
/// rough.
inline TeamSize best_team_size(int offered, const Effort& effort) {
    const TeamSize unestimated = {1, std::numeric_limits<double>::infinity()};
    if (offered <= 1) return unestimated;
    int most = std::min(offered, most_threads());
    if (most <= 1) return unestimated;
    ThreadCosts costs = known_thread_costs();
    most = static_cast<int>(std::clamp<double>(costs.cpus, 1, most));
    const double shared = effort.steps * effort.multiply_adds * costs.multiply_add;
    const double serial = effort.serial_cost_ratio * shared;
    TeamSize best = {1, serial};
    double least = 0.75 * serial;
    if (shared / most + costs.wake >= least) return best;  // too little work to ask for more
    costs = thread_costs();
    for (int threads = 2; threads <= most; ++threads) {
        const double waiting = costs.wake + effort.steps * effort.barriers * costs.barrier;
        const double reading = effort.steps * effort.bytes * (1 - 1.0 / threads) * costs.byte;
        const double time = shared / threads + waiting * threads / 2 + reading;
        if (time >= least) break;
        best = {threads, time};
        least = time;
    }
    return best;
}

inline int useful_threads(int offered, const Effort& effort) {
    return best_team_size(offered, effort).threads;
}

}  // namespace densimd::nn
