// Turns the benchmarks' JSON into one Markdown page:
// densimd_bench_report kernels.json training.json peers.json > report.md
#include <exception>
#include <iostream>
#include <string>

#include "sections.hpp"
#include "suite.hpp"

namespace densimd::bench {
namespace {

using nlohmann::json;

void print_context(const json& suite) {
    std::cout << "# Benchmark report\n\n";
    if (!suite.contains("context")) return;
    const json& context = suite.at("context");
    std::cout << context.at("date").get<std::string>() << ", " << context.at("num_cpus") << " CPUs at "
              << context.at("mhz_per_cpu") << " MHz";
    for (const json& cache : context.at("caches"))
        std::cout << ", L" << cache.at("level") << " " << cache.at("type").get<std::string>() << " "
                  << cache.at("size").get<double>() / 1024 << " KiB";
    std::cout << ".\nMedians where there are repetitions; ± is the coefficient of variation over them.\n\n";
}

void print_report(const json& kernels, const json& training, const json& peers) {
    for (const json* suite : {&kernels, &training, &peers})
        if (suite == &peers || suite->contains("context")) {
            print_context(*suite);
            break;
        }
    print_training(training);
    print_kernels(kernels);
    print_peers(peers);
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
