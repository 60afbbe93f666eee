// The section on the kernels.
#include <iostream>
#include <string>

#include "sections.hpp"

namespace densimd::bench {

void print_kernels(const Suite& suite) {
    std::cout
        << "\n## Kernels, float, one thread\n\n"
           "The roof is the larger of two times, each with the best speed measured in the same process: the "
           "operations at the\nISA's peak of multiply-adds, and W at the bandwidth of reading as many "
           "bytes.\n\n"
           "| kernel | ISA | batch | in | out | ns | ± % | GFLOP/s | % of roof | G elements/s |\n"
           "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n";
    for (const Row& row : suite.rows) {
        const auto counter = [&](const char* name, double scale, int decimals) {
            return row.counters.contains(name) ? format(row.counter(name) * scale, decimals) : std::string();
        };
        for (const char* key : {"", "isa", "batch", "in", "out"}) std::cout << "| " << row.field(key) << ' ';
        std::cout << "| " << format(row.ns, 1) << " | " << (row.spread < 0 ? "" : format(row.spread, 1))
                  << " | " << counter("flops", 1e-9, 1) << " | " << counter("percent_of_roof", 1, 0) << " | "
                  << counter("elements_per_second", 1e-9, 2) << " |\n";
    }
}

}  // namespace densimd::bench
