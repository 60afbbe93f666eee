// The section on whole networks: training, prediction, latency.
#include <algorithm>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sections.hpp"
#include "suite.hpp"

namespace densimd::bench {
namespace {

using nlohmann::json;
using Fields = std::map<std::string, std::string>;

// The peers by the names of their benchmarks, and what they are called here.
constexpr const char* peers[][2] = {
    {"eigen", "Eigen"}, {"eigen_fixed", "Eigen, fixed sizes"}, {"fann", "FANN"}};

struct Best {
    double ns = 0;  // per sample
    std::string isa;
};

// What everyone took, by peer, of one job; "" is densimd. Of several ISAs the best counts.
using Runs = std::map<std::string, Best>;

struct Job {
    Fields fields;
    Runs runs;
};

// Of the networks' rows those of one kind.
template <class Use>
void for_each_row(const json& suite, const std::string& kind, const Use& use) {
    for (const Row& row : rows(suite)) {
        Fields f = fields(row.median.at("run_name"));
        if (f[""] == kind) use(f, row.median);
    }
}

// Jobs on one thread, in the order of registration.
std::vector<Job> jobs(const json& suite, const std::string& kind) {
    std::vector<Job> result;
    std::map<std::string, std::size_t> index;
    for_each_row(suite, kind, [&](Fields& f, const json& run) {
        if (f["threads"] != "1") return;
        const auto [at, is_new] = index.try_emplace(f["net"] + " " + f["batch"], result.size());
        if (is_new) result.push_back({f, {}});
        Best& best = result[at->second].runs[f["peer"]];
        const double ns = run.at("ns_per_sample").get<double>();
        if (best.ns == 0 || ns < best.ns) best = {ns, f["isa"]};
    });
    return result;
}

void print_densimd(const json& suite) {
    std::cout << "| network | ISA | threads | per sample | batch 32 | batch 256 | per sample / batch 256 |\n"
                 "|---|---|---:|---:|---:|---:|---:|\n";
    std::map<std::string, std::map<std::string, double>> table;
    std::vector<std::string> order;
    for_each_row(suite, "train", [&](Fields& f, const json& run) {
        if (f.contains("peer")) return;
        const std::string key = f["net"] + " | " + f["isa"] + " | " + f["threads"];
        if (!table.contains(key)) order.push_back(key);
        table[key][f["batch"]] = run.at("ns_per_sample").get<double>();
    });
    for (const std::string& key : order) {
        auto& by_batch = table[key];
        std::cout << "| " << key << " | " << format(by_batch["1"], 1) << " | " << format(by_batch["32"], 1)
                  << " | " << format(by_batch["256"], 1) << " | "
                  << format(by_batch["1"] / by_batch["256"], 2) << " |\n";
    }
}

void print_beside_peers(const json& suite, const std::string& kind) {
    std::cout << "| network | batch | densimd |";
    for (const auto& peer : peers) std::cout << ' ' << peer[1] << " |";
    for (const auto& peer : peers) std::cout << " times faster than " << peer[1] << " |";
    std::cout << "\n|---|---:|---:|";
    for (std::size_t i = 0; i < 2 * std::size(peers); ++i) std::cout << "---:|";
    std::cout << '\n';
    for (Job& job : jobs(suite, kind)) {
        const auto cell = [](const Best& best) {
            std::cout << ' ' << (best.ns > 0 ? format(best.ns, 1) : "")
                      << (best.isa.empty() ? "" : " " + best.isa) << " |";
        };
        const Best ours = job.runs[""];
        std::cout << "| " << job.fields["net"] << " | " << job.fields["batch"] << " |";
        cell(ours);
        for (const auto& peer : peers) cell(job.runs[peer[0]]);
        for (const auto& peer : peers)
            std::cout << ' ' << ratio(ours.ns > 0 ? job.runs[peer[0]].ns / ours.ns : 0) << " |";
        std::cout << '\n';
    }
}

// Per sample by each engine, and times faster with two threads.
void print_engines(const json& suite) {
    constexpr const char* engines[] = {"plain", "fused", "block"};
    std::map<std::string, std::map<std::string, double>> table;
    std::vector<std::string> order;
    for_each_row(suite, "engine", [&](Fields& f, const json& run) {
        const std::string key = f["net"] + " | " + f["isa"];
        if (!table.contains(key)) order.push_back(key);
        table[key][f["name"] + f["threads"]] = run.at("ns_per_sample").get<double>();
    });
    std::cout << "| network | ISA |";
    for (const char* engine : engines) std::cout << ' ' << engine << " | two threads |";
    std::cout << "\n|---|---|---:|---:|---:|---:|---:|---:|\n";
    for (const std::string& key : order) {
        std::cout << "| " << key << " |";
        for (const std::string engine : engines) {
            const double one = table[key][engine + "1"], two = table[key][engine + "2"];
            std::cout << ' ' << format(one, 1) << " | " << ratio(two > 0 ? one / two : 0) << " |";
        }
        std::cout << '\n';
    }
}

// Two threads against one, by width and batch.
void print_threads(const json& suite) {
    std::map<std::string, std::map<std::size_t, double>> table;
    std::vector<std::string> order;
    std::set<std::size_t> batches;
    double worst = 0;
    for_each_row(suite, "threads", [&](Fields& f, const json& run) {
        const std::size_t batch = std::stoul(f["batch"]);
        const double times = run.at("times_faster").get<double>();
        if (!table.contains(f["net"])) order.push_back(f["net"]);
        table[f["net"]][batch] = times;
        batches.insert(batch);
        worst = worst == 0 ? times : std::min(worst, times);
    });
    std::cout << "| network |";
    for (const std::size_t batch : batches) std::cout << ' ' << batch << " |";
    std::cout << "\n|---|";
    for (std::size_t i = 0; i < batches.size(); ++i) std::cout << "---:|";
    std::cout << '\n';
    for (const std::string& net : order) {
        std::cout << "| " << net << " |";
        for (const std::size_t batch : batches) std::cout << ' ' << ratio(table[net][batch]) << " |";
        std::cout << '\n';
    }
    std::cout << "\nThe worst is " << format(worst, 2) << ".\n";
}

void print_latency(const json& suite) {
    std::cout << "| network | ISA | call | p50 | p99.9 |\n|---|---|---|---:|---:|\n";
    for_each_row(suite, "latency", [](Fields& f, const json& run) {
        std::cout << "| " << f["net"] << " | " << f["isa"] << " | " << f["call"] << " | "
                  << format(run.at("p50_ns").get<double>(), 0) << " | "
                  << format(run.at("p99_9_ns").get<double>(), 0) << " |\n";
    });
}

}  // namespace

void print_training(const json& suite) {
    std::cout << "## Training, ns per sample\n\n";
    print_densimd(suite);
    std::cout << "\n### Beside other libraries, one thread\n\n";
    print_remarks(suite);
    std::cout
        << "\nThe same epochs for everyone: the same weights to start from, the same orders, sigmoid and "
           "mean squared error.\nOf the levels that Eigen was compiled for the faster one counts. Less "
           "than 1.00, in bold, is a loss.\n\n";
    print_beside_peers(suite, "train");
    std::cout << "\n### Engines, batch 1\n\nns per sample, and how many times faster two threads are.\n\n";
    print_engines(suite);
    std::cout << "\n### Two threads against one, times faster, by batch\n\n";
    print_threads(suite);
    std::cout << "\n## Prediction, one row per call, one thread, ns per sample\n\n";
    print_beside_peers(suite, "predict");
    std::cout
        << "\n## Latency of single calls with one row, ns\n\nThe clock's own time, in the last row, is part "
           "of the others.\n\n";
    print_latency(suite);
}

}  // namespace densimd::bench
