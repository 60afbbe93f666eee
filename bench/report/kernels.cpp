// The section on the kernels.
#include <iostream>
#include <string>

#include "sections.hpp"
#include "suite.hpp"

namespace densimd::bench {

void print_kernels(const nlohmann::json& suite) {
    std::cout << "\n## Kernels, float, one thread\n\n"
                 "| kernel | ISA | batch | in | out | ns | ± % | GFLOP/s | % of roof | G elements/s |\n"
                 "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n";
    for (const Row& row : rows(suite)) {
        auto f = fields(row.median.at("run_name"));
        const auto counter = [&](const char* name, double scale, int decimals) {
            return row.median.contains(name) ? format(row.median.at(name).get<double>() * scale, decimals)
                                             : std::string();
        };
        std::cout << "| " << f[""] << " | " << f["isa"] << " | " << f["batch"] << " | " << f["in"] << " | "
                  << f["out"] << " | " << format(row.median.at("real_time").get<double>(), 1) << " | "
                  << format(row.spread, 1) << " | " << counter("flops", 1e-9, 1) << " | "
                  << counter("percent_of_roof", 1, 0) << " | " << counter("elements_per_second", 1e-9, 2)
                  << " |\n";
    }
}

}  // namespace densimd::bench
