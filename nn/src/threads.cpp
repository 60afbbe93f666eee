// Measures what threads cost, once.
#include <densimd/nn/threads.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>

#include <densimd/kernels.hpp>

#include "parallel.hpp"

namespace densimd::nn {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// The least of what run() returns in some runs, seconds: other programs can only add to it.
template <class Run>
double least_of(const Run& run) {
    double least = run();
    for (int i = 1; i < 5; ++i) least = std::min(least, run());
    return least;
}

// Memory to measure on: measuring allocates nothing, because predict and train_step do not.
constexpr std::size_t n = 64;
alignas(64) float A[n * n], B[n * n], C[n * n], weights[1 << 15], gradient[1 << 15];

// Nothing where OpenMP grants one thread only, as within a parallel region of the caller's.
std::optional<ThreadCosts> measure() {
    const kernels::Kernels<float>& k = kernels::active<float>();
    const double product = least_of([&] {
        const Clock::time_point start = Clock::now();
        k.gemm(n, n, n, A, n, B, n, C, n);
        return seconds_since(start);
    });

    std::size_t team = 0;
    on_team(2, [&team](Member member) {
        if (member.thread == 0) team = member.team;
    });
    if (team < 2) return std::nullopt;

    // Threads that have just worked stay awake for a millisecond or two, unlike those of a program that
    // trains now and then.
    const double wake = least_of([] {
        std::this_thread::sleep_for(std::chrono::milliseconds(4));
        const Clock::time_point start = Clock::now();
        on_team(2, [](Member) {});
        return seconds_since(start);
    });

    constexpr int barriers = 32;
    const double met_at_once = least_of([] {
        double seconds = 0;
        on_team(2, [&seconds](Member member) {
            member.barrier();
            const Clock::time_point start = Clock::now();
            for (int i = 0; i < barriers; ++i) member.barrier();
            if (member.thread == 0) seconds = seconds_since(start);
        });
        return seconds / barriers;
    });
    const double barrier = 4 * met_at_once;  // threads with work do not arrive together

    // Both threads read all of it, then each changes its half, as with the weights in a step of training;
    // against one thread that reads as much and changes as much, alone.
    constexpr std::size_t part = std::size(weights) / 2;
    constexpr double half = part * sizeof(float);
    const auto steps = [&](int threads) {
        return least_of([&] {
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
    const double byte = std::max(0.0, steps(2) - steps(1) - 2 * met_at_once) / half;
    return ThreadCosts{wake, barrier, byte, product / (n * n * n)};
}

std::mutex setting;
std::atomic<bool> is_set = false;
std::atomic<double> wake, barrier, byte, multiply_add;

void store(const ThreadCosts& costs) {
    wake = costs.wake;
    barrier = costs.barrier;
    byte = costs.byte;
    multiply_add = costs.multiply_add;
    is_set = true;
}

}  // namespace

ThreadCosts thread_costs() {
    if (!is_set) {
        const std::lock_guard lock(setting);
        if (!is_set) {
            const std::optional<ThreadCosts> measured = measure();
            constexpr double infinity = std::numeric_limits<double>::infinity();
            if (!measured) return {infinity, infinity, infinity, 1};
            store(*measured);
        }
    }
    return {wake, barrier, byte, multiply_add};
}

void set_thread_costs(const ThreadCosts& costs) {
    const std::lock_guard lock(setting);
    store(costs);
}

}  // namespace densimd::nn
