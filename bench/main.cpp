// Runs one suite of benchmarks with Google Benchmark's options.
#include <benchmark/benchmark.h>

#include "suite.hpp"

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    densimd::bench::register_all();
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
