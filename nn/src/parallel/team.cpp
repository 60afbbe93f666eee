// Keeps the OpenMP runtime from doing what a guest in somebody's program must not: end the process where no
// thread can be started, wait in a forked child for its parent's threads, bind the caller to CPUs.
#include "parallel/team.hpp"

#ifdef _OPENMP
#include <cctype>
#include <chrono>
#include <cstdlib>

#include <pthread.h>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif
#ifdef __linux__
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace densimd::nn {

#ifdef _OPENMP
namespace {

// After a fork the child lacks the parent's OpenMP threads, and GNU's runtime would wait for them for ever.
// The runtime keeps threads for each thread that has opened a region, also for the program's own; so in a
// child of a process that may have had threads, every team has one thread.
std::atomic<bool> parent_had_threads = false;
bool threads_are_lost = false;

void before_fork() noexcept {
#if __has_include(<sys/single_threaded.h>)
    parent_had_threads = !__libc_single_threaded;
#else
    parent_had_threads = true;
#endif
}

void in_child() noexcept {
    threads_are_lost = threads_are_lost || parent_had_threads;
    reset_thread_costs_lock();
}

// If the handlers cannot be registered, a fork would go unnoticed.
const bool sees_forks = pthread_atfork(before_fork, nullptr, in_child) == 0;

#ifdef __linux__
// The CPUs that the calling thread may run on. A runtime that has been told to bind threads (OMP_PROC_BIND)
// binds each thread that calls it for the first time, and threads that this one starts later would be bound
// with it.
class Cpus {
  public:
    void keep() noexcept { kept_ = sched_getaffinity(0, sizeof cpus_, &cpus_) == 0; }

    void restore() noexcept {
        cpu_set_t now;
        if (kept_ && sched_getaffinity(0, sizeof now, &now) == 0 && !CPU_EQUAL(&now, &cpus_))
            sched_setaffinity(0, sizeof cpus_, &cpus_);
        kept_ = false;
    }

  private:
    cpu_set_t cpus_;
    bool kept_;
};
#else
struct Cpus {
    void keep() noexcept {}
    void restore() noexcept {}
};
#endif

using Clock = std::chrono::steady_clock;

// What is known of the threads that OpenMP keeps for the calling thread.
struct Caller {
    bool known_to_openmp;
    int team;  // the last one's threads: when a smaller team follows, GNU's runtime ends those left over
    Clock::time_point try_again;
    Cpus cpus;
};
thread_local constinit Caller caller = {.known_to_openmp = false, .team = 1, .try_again = {}, .cpus = {}};

// The bytes that OMP_STACKSIZE asks for, 0 if it does not: "16M"; a number alone is one of KiB.
std::size_t stack_size() noexcept {
    const char* const text = std::getenv("OMP_STACKSIZE");
    if (text == nullptr) return 0;
    char* unit = nullptr;
    const unsigned long long count = std::strtoull(text, &unit, 10);
    while (std::isspace(static_cast<unsigned char>(*unit))) ++unit;
    switch (std::toupper(static_cast<unsigned char>(*unit))) {
        case 'B':
            return count;
        case 'M':
            return count << 20;
        case 'G':
            return count << 30;
        default:
            return count << 10;
    }
}

// A thread that waits until all have been started, and its number in the system.
struct Trial {
    pthread_t thread;
    long number;
    std::atomic<bool>* over;
};

void* wait_until_over(void* argument) noexcept {
    Trial& trial = *static_cast<Trial*>(argument);
#ifdef __linux__
    trial.number = syscall(SYS_gettid);
#endif
    trial.over->wait(false);
    return nullptr;
}

// A joined thread may still count against a limit.
void wait_until_gone(const Trial& trial) noexcept {
#ifdef __linux__
    constexpr int enough = 1000;
    for (int i = 0; i < enough && syscall(SYS_tgkill, getpid(), trial.number, 0) == 0; ++i) sched_yield();
#else
    static_cast<void>(trial);
#endif
}

// Whether so many threads more can be had, found out by starting them. (Another may take the last one before
// OpenMP does. That cannot be prevented.)
bool can_start(int count) noexcept {
    // OpenMP allocates by malloc, too, when it starts threads.
    Trial* const trials = static_cast<Trial*>(std::malloc(static_cast<std::size_t>(count) * sizeof(Trial)));
    if (trials == nullptr) return false;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        std::free(trials);
        return false;
    }
    if (const std::size_t size = stack_size(); size > 0) pthread_attr_setstacksize(&attributes, size);

    std::atomic<bool> over = false;
    int started = 0;
    for (; started < count; ++started) {
        trials[started].over = &over;
        if (pthread_create(&trials[started].thread, &attributes, wait_until_over, &trials[started]) != 0)
            break;
    }
    over = true;
    over.notify_all();
    for (int i = 0; i < started; ++i) {
        pthread_join(trials[i].thread, nullptr);
        wait_until_gone(trials[i]);
    }
    pthread_attr_destroy(&attributes);
    std::free(trials);
    return started == count;
}

// Whether regions of the calling thread can have several threads at all.
bool can_have_team() noexcept {
    if (threads_are_lost || !sees_forks) return false;
    const bool first_call = !caller.known_to_openmp;
    if (first_call) caller.cpus.keep();
    const bool can = omp_get_active_level() < omp_get_max_active_levels();
    if (first_call) caller.cpus.restore();
    caller.known_to_openmp = true;
    return can;
}

}  // namespace

int most_threads() noexcept {
    return can_have_team() ? std::min(omp_get_max_threads(), omp_get_thread_limit()) : 1;
}

bool can_form_team(int threads) noexcept {
    if (!can_have_team()) return false;
    // Within a region of the program's OpenMP keeps none.
    const int kept = omp_get_active_level() > 0 ? 1 : caller.team;
    if (threads <= kept) return true;
    if (Clock::now() < caller.try_again) return false;
    if (!can_start(threads - kept)) {
        caller.try_again = Clock::now() + std::chrono::seconds(1);
        return false;
    }
    caller.cpus.keep();
    return true;
}

void team_ends(int threads) noexcept {
    caller.cpus.restore();
    if (omp_get_active_level() == 0) caller.team = threads;
}
#else
int most_threads() noexcept { return 1; }
#endif

}  // namespace densimd::nn
