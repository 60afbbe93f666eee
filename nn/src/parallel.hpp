// The threads: the only place, with team.cpp, that knows of OpenMP. Without it there is one thread.
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

namespace densimd::nn {

struct Range {
    std::size_t first, last;

    std::size_t count() const { return last - first; }
};

/// Where the threads of a team wait for each other: for a while awake, because the others are about as far,
/// then asleep, so that on busy CPUs it is not the waiting that keeps the others from running. (OpenMP's own
/// barrier may stay awake for milliseconds.)
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

/// One of the threads that share a piece of work. A team of one is the calling thread itself, which may be a
/// thread of a parallel region of the caller's; so nothing here asks OpenMP who is running.
struct Member {
    std::size_t thread, team;
    Barrier* meeting_point;

    /// The part of 0 .. count - 1 that falls to this thread.
    Range part_of(std::size_t count) const {
        if (team == 1) return {0, count};  // divisions are slow
        return {count * thread / team, count * (thread + 1) / team};
    }

    /// The same in so many pieces of `size`, of which the last takes the rest.
    Range part_of(std::size_t count, std::size_t pieces, std::size_t size) const {
        const Range part = part_of(pieces);
        return {part.first * size, part.last == pieces ? count : part.last * size};
    }

    /// Waits for all threads of the team.
    void barrier() const {
        if (team > 1) meeting_point->wait(team);
    }
};

/// The most threads that the calling thread can have for a team; team.cpp says when that is one.
int most_threads() noexcept;

/// For on_team to call before and after a team's work. Whether so many threads can be had: OpenMP would end
/// the process if not.
bool can_form_team(int threads) noexcept;
void team_ends(int threads) noexcept;

/// Calls body(Member) on every thread of a team of at most `threads`, each with subnormal numbers flushed,
/// and returns how many they were. The caller does not flush around it: threads that the region starts would
/// inherit that for good. body must not throw.
template <class Body>
int on_team(int threads, const Body& body) {
#ifdef _OPENMP
    if (threads > 1 && can_form_team(threads)) {
        Barrier barrier;
        int team = 1;
#pragma omp parallel num_threads(threads)
        {
            const kernels::FlushSubnormals flush;
            const Member member{static_cast<std::size_t>(omp_get_thread_num()),
                                static_cast<std::size_t>(omp_get_num_threads()), &barrier};
            if (member.thread == 0) team = static_cast<int>(member.team);
            body(member);
            // Those who are done would wait awake in OpenMP's barrier, which follows, for others that have no
            // CPU: on busy CPUs for 5 to 20 milliseconds a region, with this one for half of that or less.
            member.barrier();
        }
        team_ends(team);
        return team;
    }
#else
    static_cast<void>(threads);
#endif
    const kernels::FlushSubnormals flush;
    body(Member{0, 1, nullptr});
    return 1;
}

/// What a parallel region has to do: `steps` times so many multiply-adds, which can be shared, and barriers;
/// and so many bytes that each thread writes its part of and reads all of.
struct Effort {
    double multiply_adds;
    int barriers = 0;
    double bytes = 0;
    double steps = 1;
    double alone = 1;  // how long it takes on one thread, if that has a faster way, as a share
};

/// As thread_costs, but as they were measured last.
ThreadCosts known_thread_costs();

/// For a child process, in which the threads that held them are not there to unlock them.
void forget_thread_costs_lock() noexcept;

/// Threads for a parallel region, and how long it takes with them, as far as that is known.
struct Team {
    int threads;
    double seconds;
};

/// As many of the threads offered as save time; one where more would not save a quarter of it, as costs are
/// never known well.
inline Team best_team(int offered, const Effort& effort) {
    const Team unasked = {1, std::numeric_limits<double>::infinity()};
    if (offered <= 1) return unasked;
    int most = std::min(offered, most_threads());
    if (most <= 1) return unasked;
    ThreadCosts costs = known_thread_costs();
    most = static_cast<int>(std::clamp<double>(costs.cpus, 1, most));
    const double shared = effort.steps * effort.multiply_adds * costs.multiply_add;
    const double alone = effort.alone * shared;
    Team best = {1, alone};
    double least = 0.75 * alone;
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

inline int useful_threads(int offered, const Effort& effort) { return best_team(offered, effort).threads; }

}  // namespace densimd::nn
