// Measures what threads cost, and from time to time what of it changes.
#include <densimd/nn/threads.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <thread>

#include <densimd/kernels.hpp>

#include "clock.hpp"
#include "parallel.hpp"
#include "quota.hpp"

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
double multiply_add_alone() {
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
    return on_team(2, [](Member) {}) == 2;
}

// Threads that have just worked stay awake for a millisecond or two, unlike those of a program that trains
// now and then.
double wake_after_pause() {
    return least_of(5, [] {
        std::this_thread::sleep_for(std::chrono::milliseconds(4));
        const Clock::time_point start = Clock::now();
        on_team(2, [](Member) {});
        return seconds_since(start);
    });
}

struct Meeting {
    double barrier, byte;
};

// Takes a third of a millisecond, or some if one of the threads has to wait for a CPU.
Meeting meet() {
    const kernels::Kernels<float>& k = kernels::active<float>();
    constexpr int barriers = 16;
    const double met_at_once = least_of(3, [] {
        double seconds = 0;
        on_team(2, [&seconds](Member member) {
            member.barrier();
            const Clock::time_point start = Clock::now();
            for (int i = 0; i < barriers; ++i) member.barrier();
            if (member.thread == 0) seconds = seconds_since(start);
        });
        return seconds / barriers;
    });

    // Both threads read all of it, then each changes its half, as with the weights in a step of training;
    // against one thread that reads as much and changes as much, alone.
    alignas(64) static float weights[1 << 15], gradient[1 << 15];
    constexpr std::size_t part = std::size(weights) / 2;
    constexpr double half = part * sizeof(float);
    const auto steps = [&](int threads) {
        return least_of(3, [&] {
            constexpr int count = 4;
            double seconds = 0;
            on_team(threads, [&](Member member) {
                float* const own = weights + (member.thread % 2) * part;
                const Clock::time_point start = Clock::now();
                for (int i = 0; i < count; ++i) {
                    k.all_finite(std::size(weights), weights);
                    member.barrier();
                    k.sgd_step(part, {.learning_rate = 0}, gradient, own);
                    member.barrier();
                }
                if (member.thread == 0) seconds = seconds_since(start);
            });
            return seconds / count;
        });
    };
    // Threads with work do not arrive together.
    return {4 * met_at_once, std::max(0.0, steps(2) - steps(1) - 2 * met_at_once) / half};
}

std::mutex setting;
std::atomic<bool> is_set = false;
std::atomic<double> wake, barrier, byte, multiply_add, cpus = 0;  // 0: not asked for yet
std::atomic<Clock::time_point> meet_again = Clock::time_point::max();

void store(const Meeting& meeting) {
    barrier = meeting.barrier;
    byte = meeting.byte;
}

void store(const ThreadCosts& costs) {
    wake = costs.wake;
    multiply_add = costs.multiply_add;
    cpus = costs.cpus;
    store(Meeting{costs.barrier, costs.byte});
    is_set = true;
}

// A host may move its guest's CPUs apart: then barriers and memory cost several times as much. Measuring
// again takes a fiftieth of the time, or more if it takes long: a second later all may be different.
void measure_meeting() {
    constexpr Clock::duration at_least = std::chrono::milliseconds(100), at_most = std::chrono::seconds(1);
    const Clock::time_point start = Clock::now();
    meet_again = start + at_least;
    if (!forms_team()) return;
    store(meet());
    const Clock::time_point end = Clock::now();
    meet_again = end + std::clamp(50 * (end - start), at_least, at_most);
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
                const double alone = multiply_add_alone();
                store(ThreadCosts{wake_after_pause(), infinity, infinity, alone, cpus});
                measure_meeting();
            }
        }
    }
    return {wake, barrier, byte, multiply_add, cpus};
}

void forget_thread_costs_lock() noexcept { std::construct_at(&setting); }

ThreadCosts thread_costs() {
    if (is_set && Clock::now() > meet_again.load()) {
        const std::unique_lock lock(setting, std::try_to_lock);
        if (lock && Clock::now() > meet_again.load()) measure_meeting();
    }
    return known_thread_costs();
}

void set_thread_costs(const ThreadCosts& costs) {
    const std::lock_guard lock(setting);
    meet_again = Clock::time_point::max();
    store(costs);
}

}  // namespace densimd::nn
