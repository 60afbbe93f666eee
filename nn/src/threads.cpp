// Measures what threads cost, once.
#include <densimd/nn/threads.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <iterator>
#include <mutex>
#include <thread>

#include <densimd/kernels.hpp>

#include "parallel.hpp"

namespace densimd::nn {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// The median of what run() returns in some runs: seconds.
template <class Run>
double median_of(const Run& run) {
    std::array<double, 5> seconds;
    for (double& s : seconds) s = run();
    std::ranges::nth_element(seconds, seconds.begin() + seconds.size() / 2);
    return seconds[seconds.size() / 2];
}

// Memory to measure on: measuring allocates nothing, because predict and train_step do not.
constexpr std::size_t n = 64;
alignas(64) float A[n * n], B[n * n], C[n * n], weights[1 << 15], gradient[1 << 15];

ThreadCosts measure() {
    const kernels::Kernels<float>& k = kernels::active<float>();
    const double product = median_of([&] {
        const Clock::time_point start = Clock::now();
        k.gemm(n, n, n, A, n, B, n, C, n);
        return seconds_since(start);
    });

    // Threads that have just worked stay awake for a millisecond or two, unlike those of a program that
    // trains now and then.
    const double wake = median_of([] {
        std::this_thread::sleep_for(std::chrono::milliseconds(4));
        const Clock::time_point start = Clock::now();
        on_team(2, [](Member) {});
        return seconds_since(start);
    });

    constexpr int barriers = 32;
    const double met_at_once = median_of([] {
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
        return median_of([&] {
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
    return {wake, barrier, byte, product / (n * n * n)};
}

std::once_flag is_measured;
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
    if (!is_set)
        std::call_once(is_measured, [] {
            const ThreadCosts measured = measure();
            if (!is_set) store(measured);
        });
    return {wake, barrier, byte, multiply_add};
}

void set_thread_costs(const ThreadCosts& costs) { store(costs); }

}  // namespace densimd::nn
