// Turns the benchmarks' JSON into one Markdown page:
// densimd_bench_report kernels.json training.json peers.json > report.md
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

#include "sections.hpp"

namespace densimd::bench {
namespace {

using nlohmann::json;

void print_context(const json& context) {
    std::cout << context.value("date", "no date") << ", " << context.value("num_cpus", 0) << " CPUs at "
              << context.value("mhz_per_cpu", 0) << " MHz";
    for (const json& cache : context.value("caches", json::array()))
        std::cout << ", L" << cache.at("level") << " " << cache.at("type").get<std::string>() << " "
                  << cache.at("size").get<double>() / 1024 << " KiB";
    std::cout << ".\n";
}

void print_report(const Suite& kernels, const Suite& training, const Suite& peers) {
    const Suite* const suites[] = {&kernels, &training, &peers};
    const Suite* first = nullptr;
    for (const Suite* suite : suites)
        if (first == nullptr && !suite->rows.empty()) first = suite;
    if (first == nullptr) throw std::runtime_error("none of the files holds a benchmark");

    std::cout << "# Benchmark report\n\n";
    print_context(first->context);
    for (const Suite* suite : suites)
        if (!suite->rows.empty() &&
            suite->context.value("host_name", "") != first->context.value("host_name", ""))
            std::cout << suite->file << " comes from another machine than " << first->file << ".\n";
    std::cout
        << "Every time is the wall clock's (real_time), and every rate is per second of it. Medians where "
           "there are repetitions; ± is the\ncoefficient of variation over them. What was not measured "
           "is empty.\n";
    for (const Suite* suite : suites)
        for (const std::string& sentence : suite->missing) std::cout << '\n' << sentence << '\n';

    if (!training.rows.empty()) print_training(training);
    if (!kernels.rows.empty()) print_kernels(kernels);
    if (!peers.rows.empty()) print_peers(peers);
}

}  // namespace
}  // namespace densimd::bench

int main(int argc, char** argv) {
    using densimd::bench::read;
    if (argc != 4) {
        std::cerr << "usage: densimd_bench_report kernels.json training.json peers.json\n";
        return 2;
    }
    try {
        densimd::bench::print_report(read(argv[1]), read(argv[2]), read(argv[3]));
    } catch (const std::exception& error) {
        std::cerr << "densimd_bench_report: " << error.what() << '\n';
        return 2;
    }
}
