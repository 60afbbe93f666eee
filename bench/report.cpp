// Turns the benchmarks' JSON into one Markdown page: densimd_bench_report kernels.json training.json >
// report.md
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace {

using nlohmann::json;

json read(const char* path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error(std::string(path) + ": cannot be read");
    if (file.peek() == std::ifstream::traits_type::eof())
        return {{"benchmarks", json::array()}};  // none was chosen
    return json::parse(file);
}

// "gemv/f32/isa:avx2/in:8" -> {"": "gemv", "isa": "avx2", "in": "8"}
std::map<std::string, std::string> fields(const std::string& name) {
    std::map<std::string, std::string> result;
    std::size_t start = 0;
    while (start <= name.size()) {
        const std::size_t end = std::min(name.find('/', start), name.size());
        const std::string part = name.substr(start, end - start);
        const std::size_t colon = part.find(':');
        if (colon != std::string::npos)
            result[part.substr(0, colon)] = part.substr(colon + 1);
        else if (start == 0)
            result[""] = part;
        start = end + 1;
    }
    return result;
}

std::string format(double value, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    return text;
}

// With repetitions, the median and the spread over them; else the one run.
struct Row {
    json median;
    double spread = 0;
};

std::vector<Row> rows(const json& suite) {
    std::vector<Row> result;
    std::map<std::string, std::size_t> index;
    // In the order of registration: interleaved repetitions come in any order.
    std::vector<json> runs = suite.at("benchmarks");
    std::stable_sort(runs.begin(), runs.end(), [](const json& a, const json& b) {
        return a.at("family_index").get<int>() < b.at("family_index").get<int>();
    });
    for (const json& run : runs) {
        const std::string kind = run.value("aggregate_name", "");
        const std::string name = run.at("run_name");
        if (run.at("run_type") == "iteration" && run.value("repetitions", 1) > 1) continue;
        if (kind.empty() || kind == "median") {
            index[name] = result.size();
            result.push_back({run, 0});
        } else if (kind == "cv" && index.contains(name)) {
            result[index[name]].spread = 100 * run.at("real_time").get<double>();
        }
    }
    return result;
}

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

void print_training(const json& suite) {
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

void print_kernels(const json& suite) {
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

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: densimd_bench_report kernels.json training.json\n";
        return 2;
    }
    try {
        const json kernels = read(argv[1]), training = read(argv[2]);
        print_context(kernels.contains("context") ? kernels : training);
        print_training(training);
        print_kernels(kernels);
    } catch (const std::exception& error) {
        std::cerr << "densimd_bench_report: " << error.what() << '\n';
        return 2;
    }
}
