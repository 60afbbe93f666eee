// The section on training.
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "sections.hpp"
#include "suite.hpp"

namespace densimd::bench {

void print_training(const nlohmann::json& suite) {
    std::cout << "## Training, ns per sample\n\n"
                 "| network | ISA | threads | per sample | batch 32 | batch 256 | per sample / batch 256 |\n"
                 "|---|---|---:|---:|---:|---:|---:|\n";
    std::map<std::string, std::map<std::string, double>> table;
    std::vector<std::string> order;
    for (const Row& row : rows(suite)) {
        auto f = fields(row.median.at("run_name"));
        const std::string key = f["net"] + " | " + f["isa"] + " | " + f["threads"];
        if (!table.contains(key)) order.push_back(key);
        table[key][f["batch"]] = row.median.at("ns_per_sample").get<double>();
    }
    for (const std::string& key : order) {
        auto& by_batch = table[key];
        std::cout << "| " << key << " | " << format(by_batch["1"], 1) << " | " << format(by_batch["32"], 1)
                  << " | " << format(by_batch["256"], 1) << " | "
                  << format(by_batch["1"] / by_batch["256"], 2) << " |\n";
    }
}

}  // namespace densimd::bench
