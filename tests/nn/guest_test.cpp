// A network as a guest: in programs that fork, that have no threads to give, whose time is rationed, whose
// threads are bound to CPUs. Each test runs in a process of its own, because it changes what that process may
// do or because of what must not have happened in it before. What the system does not let it set up is
// skipped with a message.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/nn.hpp"

using namespace densimd::test;

namespace {

// ctest looks for it.
void skip(const std::string& why) { std::cout << "skipped: " << why << std::endl; }

struct Outcome {
    std::vector<float> parameters, predictions;
    double loss;
    int threads;
};

// All calls that can use several threads.
Outcome use_a_network(int threads) {
    Random random;
    const auto X = random_matrix<float>(random, 300, 64), Y = random_matrix<float>(random, 300, 10);
    nn::Network net({.inputs = 64, .layers = {{64, nn::sigmoid}, {10, nn::sigmoid}}, .seed = 2});
    const nn::History history = net.fit(X, Y, {.batch_size = 64, .epochs = 2, .threads = threads});
    nn::Workspace<float> workspace = net.make_workspace(300);
    net.train_step(X, Y, nn::mean_squared_error, nn::sgd(0.5), workspace, threads);
    return {parameters_of(net), values_of(net.predict(X, threads)),
            net.evaluate(X, Y, nn::mean_squared_error, nn::Metric::r2, threads).loss, history.threads};
}

bool same_bits(const Outcome& a, const Outcome& b) {
    return a.parameters == b.parameters && a.predictions == b.predictions && a.loss == b.loss;
}

// As AllThreads, but asks the library for nothing before it is used.
void make_threads_cost_nothing() {
    nn::set_thread_costs({.wake = 0, .barrier = 0, .byte = 0, .multiply_add = 1});
    set_openmp_threads(4);
}

// Whether call() is true in a child process, within ten seconds.
bool in_child(const std::function<bool()>& call) {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        alarm(10);
        _exit(call() ? 0 : 1);
    }
    int status = 0;
    return waitpid(child, &status, 0) == child && status == 0;
}

// Users of whom nothing else runs here have no thread but those of this process.
bool become_a_user_of_its_own() {
    constexpr uid_t user = 54321;
    return setresuid(user, user, user) == 0;
}

// Those of a user's processes together, of which root may have any number.
void limit_threads(rlim_t threads) {
    rlimit limit{};
    getrlimit(RLIMIT_NPROC, &limit);
    limit.rlim_cur = std::min(threads, limit.rlim_max);
    setrlimit(RLIMIT_NPROC, &limit);
}

bool can_start_a_thread() {
    try {
        std::thread([] {}).join();
        return true;
    } catch (const std::system_error&) {
        return false;
    }
}

std::ptrdiff_t running_threads() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                         std::filesystem::directory_iterator());
}

}  // namespace

TEST_CASE("where no thread can be started, calls use one" * doctest::skip()) {
    const Outcome one = use_a_network(1);
    if (geteuid() == 0 && !become_a_user_of_its_own()) return skip("cannot become another user than root");
    limit_threads(0);
    if (can_start_a_thread()) return skip("threads can be started beyond RLIMIT_NPROC");
    CHECK(std::isinf(nn::thread_costs().wake));
    CHECK(same_bits(use_a_network(4), one));

    make_threads_cost_nothing();
    const Outcome offered_several = use_a_network(4);
    CHECK(offered_several.threads == 1);
    CHECK(same_bits(offered_several, one));

    limit_threads(RLIM_INFINITY);
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // then it is tried again
    const Outcome several = use_a_network(4);
    CHECK(several.threads == 4);
    CHECK(same_bits(several, one));

    // GNU's runtime ends threads that a smaller team has no use for: then they have to be had again.
    CHECK(use_a_network(2).threads == 2);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    limit_threads(0);
    CHECK(same_bits(use_a_network(4), one));
}

TEST_CASE("where memory for threads' stacks is short, calls use one" * doctest::skip()) {
    const Outcome one = use_a_network(1);
    make_threads_cost_nothing();
    rlimit limit{};
    getrlimit(RLIMIT_AS, &limit);
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = rlim_t{1} << 30;  // what OMP_STACKSIZE asks for, for each
    if (setrlimit(RLIMIT_AS, &limit) != 0) return skip("cannot set RLIMIT_AS");
    pthread_attr_t large;
    pthread_attr_init(&large);
    pthread_attr_setstacksize(&large, std::size_t{1} << 30);
    pthread_t thread;
    if (pthread_create(
            &thread, &large, [](void*) -> void* { return nullptr; }, nullptr) == 0) {
        pthread_join(thread, nullptr);
        return skip("threads can be started beyond RLIMIT_AS");
    }
    const Outcome offered_several = use_a_network(4);
    CHECK(offered_several.threads == 1);
    CHECK(same_bits(offered_several, one));
    limit.rlim_cur = before;
    setrlimit(RLIMIT_AS, &limit);
}

TEST_CASE("a program may have no thread more than calls use" * doctest::skip()) {
    if (geteuid() != 0 || !become_a_user_of_its_own()) return skip("only root can become another user");
    const Outcome one = use_a_network(1);
    make_threads_cost_nothing();
    for (int i = 0; i < 100; ++i) {
        const bool enough = i % 2;
        CHECK(in_child([&] {
            set_openmp_threads(4);
            limit_threads(enough ? 5 : 4);  // its parent's, its own and three of OpenMP's
            const Outcome outcome = use_a_network(4);
            return same_bits(outcome, one) && outcome.threads == (enough ? 4 : 1);
        }));
    }
}

TEST_CASE("after a fork, a child of a process with threads uses one" * doctest::skip()) {
    const Outcome one = use_a_network(1);
    const nn::ThreadCosts measured = nn::thread_costs();
    make_threads_cost_nothing();
    CHECK(same_bits(use_a_network(4), one));
    const auto works = [&] {
        const Outcome outcome = use_a_network(4);
        return same_bits(outcome, one) && outcome.threads == 1;
    };
    CHECK(in_child(works));
    CHECK(in_child([&] { return in_child(works); }));
    CHECK(in_child([&] {
        bool in_thread = false;
        std::thread([&] {
            set_openmp_threads(4);
            in_thread = works();
        }).join();
        nn::set_thread_costs(measured);
        return in_thread && nn::thread_costs().wake == measured.wake;
    }));
    CHECK(use_a_network(4).threads == 4);
}

TEST_CASE("after a fork, threads of other code than densimd's are not waited for" * doctest::skip()) {
    const Outcome one = use_a_network(1);
    int team = 0;
#pragma omp parallel num_threads(4)
    if (omp_get_thread_num() == 0) team = omp_get_num_threads();
    CHECK(team == 4);
    make_threads_cost_nothing();
    CHECK(in_child([&] { return same_bits(use_a_network(4), one); }));
}

TEST_CASE("a child of a process that never had threads may have its own" * doctest::skip()) {
    const Outcome one = use_a_network(1);
    make_threads_cost_nothing();
    CHECK(in_child([&] {
        set_openmp_threads(4);  // clang's runtime begins anew
        const Outcome outcome = use_a_network(4);
        return same_bits(outcome, one) && outcome.threads == 4;
    }));
}

TEST_CASE("a fork while threads' costs are measured leaves no lock behind" * doctest::skip()) {
    const Outcome one = use_a_network(1);
    std::thread measuring([] { nn::thread_costs(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(8));
    CHECK(in_child([&] {
        nn::thread_costs();
        nn::set_thread_costs({.wake = 0, .barrier = 0, .byte = 0, .multiply_add = 1});
        return same_bits(use_a_network(4), one);
    }));
    measuring.join();
}

TEST_CASE("with half a CPU calls use one thread" * doctest::skip()) {
    namespace fs = std::filesystem;
    const std::string name = "densimd-test-" + std::to_string(getpid());
    const auto write = [](const fs::path& path, const std::string& text) {
        std::ofstream file(path);
        file << text << std::flush;
        return file.good();
    };
    struct Group {
        fs::path parent;
        const char *file, *quota;
    };
    for (const Group& tried : {Group{"/sys/fs/cgroup", "cpu.max", "50000 100000"},
                               Group{"/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "50000"}}) {
        const fs::path group = tried.parent / name;
        std::error_code error;
        if (!fs::exists(tried.parent / "cgroup.procs") || !fs::create_directory(group, error)) continue;
        const bool joined =
            write(group / tried.file, tried.quota) && write(group / "cgroup.procs", std::to_string(getpid()));
        if (joined) {
            const std::ptrdiff_t threads_before = running_threads();
            CHECK(nn::thread_costs().cpus == 0.5);
            CHECK(same_bits(use_a_network(4), use_a_network(1)));
            CHECK(running_threads() == threads_before);
            write(tried.parent / "cgroup.procs", std::to_string(getpid()));
        }
        fs::remove(group, error);
        if (joined) return;
    }
    skip("cannot make a control group with a quota");
}

TEST_CASE("calls use no more threads than whole CPUs are granted" * doctest::skip()) {
    set_openmp_threads(4);
    for (const double cpus : {0.5, 1.5, 2.0, 3.9, 4.0}) {
        nn::set_thread_costs({.wake = 0, .barrier = 0, .byte = 0, .multiply_add = 1, .cpus = cpus});
        CHECK(use_a_network(4).threads == std::max(1, static_cast<int>(cpus)));
    }
}

// With OMP_PROC_BIND in the environment.
TEST_CASE("the caller's CPUs stay as they were" * doctest::skip()) {
    const auto cpus = [] {
        cpu_set_t set;
        sched_getaffinity(0, sizeof set, &set);
        return CPU_COUNT(&set);
    };
    cpu_set_t all;
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) CPU_SET(cpu, &all);
    int bound_by_openmp = 0, before = 0, measured = 0, after = 0, later = 0;
    std::thread([&] {
        sched_setaffinity(0, sizeof all, &all);
        before = cpus();
#pragma omp parallel num_threads(2)
        if (omp_get_thread_num() == 0) bound_by_openmp = cpus();
    }).join();
    if (before < 2) return skip("one CPU");
    CHECK(bound_by_openmp == 1);
    std::thread([&] {
        sched_setaffinity(0, sizeof all, &all);
        nn::thread_costs();
        measured = cpus();
        make_threads_cost_nothing();
        for (const int threads : {2, 4}) use_a_network(threads);
        after = cpus();
        std::thread([&] { later = cpus(); }).join();
    }).join();
    CHECK(measured == before);
    CHECK(after == before);
    CHECK(later == before);
}
