// Measures what threads cost, once, and the costs that change again from time to time.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <thread>

#include <densimd/kernels.hpp>
#include <densimd/nn/threads.hpp>

#include "parallel/clock.hpp"
#include "parallel/quota.hpp"
#include "parallel/team.hpp"

namespace densimd::nn {
namespace {

// The least of what run() returns in some runs, seconds: other programs can only add to it.
template <class Run>
double least_of(int runs, const Run& run) {
    double least = run();
    for (int i = 1; i < runs; ++i) least = std::min(least, run());
    return least;
}

// Measuring allocates nothing, because predict and train_step do not: its memory is static.
double serial_multiply_add() {
    constexpr std::size_t n = 64;
    alignas(64) static float A[n * n], B[n * n], C[n * n];
    const kernels::Kernels<float>& k = kernels::active<float>();
    const double product = least_of(5, [&] {
        const Clock::time_point start = Clock::now();
        k.gemm(n, n, n, A, n, B, n, C, n);
        return seconds_since(start);
    });
    return product / (n * n * n);
}

// Not where OpenMP grants one thread only, as within a parallel region of the caller's.
bool forms_team() {
    return on_team(2, [](ThreadContext) {}) == 2;
}

// Threads that have just worked stay awake for a millisecond or two, unlike those of a program that trains
// now and then.
double wake_after_pause() {
    return least_of(5, [] {
        std::this_thread::sleep_for(std::chrono::milliseconds(4));
        const Clock::time_point start = Clock::now();
        on_team(2, [](ThreadContext) {});
        return seconds_since(start);
    });
}

struct SyncCosts {
    double barrier, byte;
};

// Takes a third of a millisecond, or some if one of the threads has to wait for a CPU.
SyncCosts measure_sync_costs() {
    const kernels::Kernels<float>& k = kernels::active<float>();
    constexpr int barriers = 16;
    const double without_work = least_of(3, [] {
        double seconds = 0;
        on_team(2, [&seconds](ThreadContext thread) {
            thread.barrier();
            const Clock::time_point start = Clock::now();
            for (int i = 0; i < barriers; ++i) thread.barrier();
            if (thread.index == 0) seconds = seconds_since(start);
        });
        return seconds / barriers;
    });

    // Both threads read all weights, then each changes its half, as in a step of training; compared with one
    // thread that reads and changes as much without the other.
    alignas(64) static float weights[1 << 15], gradient[1 << 15];
    constexpr std::size_t part = std::size(weights) / 2;
    constexpr double half = part * sizeof(float);
    const auto steps = [&](int threads) {
        return least_of(3, [&] {
            constexpr int count = 4;
            double seconds = 0;
            on_team(threads, [&](ThreadContext thread) {
                float* const own = weights + (thread.index % 2) * part;
                const Clock::time_point start = Clock::now();
                for (int i = 0; i < count; ++i) {
                    k.all_finite(std::size(weights), weights);
                    thread.barrier();
                    k.sgd_step(part, {.learning_rate = 0}, gradient, own);
                    thread.barrier();
                }
                if (thread.index == 0) seconds = seconds_since(start);
            });
            return seconds / count;
        });
    };
    // Threads with work do not arrive together.
    return {4 * without_work, std::max(0.0, steps(2) - steps(1) - 2 * without_work) / half};
}

std::mutex setting;
std::atomic<bool> is_set = false;
std::atomic<double> wake, barrier, byte, multiply_add, cpus = 0;  // 0: not asked for yet
std::atomic<Clock::time_point> refresh_at = Clock::time_point::max();

void store(const SyncCosts& costs) {
    barrier = costs.barrier;
    byte = costs.byte;
}

void store(const ThreadCosts& costs) {
    wake = costs.wake;
    multiply_add = costs.multiply_add;
    cpus = costs.cpus;
    store(SyncCosts{costs.barrier, costs.byte});
    is_set = true;
}

// A host may move its guest's CPUs apart: then barriers and memory cost several times as much. Measuring
// again takes a fiftieth of the time, or more if it takes long: a second later all may be different.
void refresh_sync_costs() {
    constexpr Clock::duration at_least = std::chrono::milliseconds(100), at_most = std::chrono::seconds(1);
    const Clock::time_point start = Clock::now();
    refresh_at = start + at_least;
    if (!forms_team()) return;
    store(measure_sync_costs());
    const Clock::time_point end = Clock::now();
    refresh_at = end + std::clamp(50 * (end - start), at_least, at_most);
}

}  // namespace

ThreadCosts known_thread_costs() {
    if (!is_set) {
        const std::lock_guard lock(setting);
        if (!is_set) {
            constexpr double infinity = std::numeric_limits<double>::infinity();
            if (cpus == 0) cpus = granted_cpus();
            const ThreadCosts no_team = {infinity, infinity, infinity, 1, cpus};
            if (cpus < 2)
                store(no_team);
            else if (!forms_team())
                return no_team;
            else {
                const double one = serial_multiply_add();
                store(ThreadCosts{wake_after_pause(), infinity, infinity, one, cpus});
                refresh_sync_costs();
            }
        }
    }
    return {wake, barrier, byte, multiply_add, cpus};
}

void reset_thread_costs_lock() noexcept { std::construct_at(&setting); }

ThreadCosts thread_costs() {
    if (is_set && Clock::now() > refresh_at.load()) {
        const std::unique_lock lock(setting, std::try_to_lock);
        if (lock && Clock::now() > refresh_at.load()) refresh_sync_costs();
    }
    return known_thread_costs();
}

void set_thread_costs(const ThreadCosts& costs) {
    const std::lock_guard lock(setting);
    refresh_at = Clock::time_point::max();
    store(costs);
}

}  // namespace densimd::nn
