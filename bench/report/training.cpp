// The section on whole networks: training, prediction, latency.
#include <algorithm>
#include <iostream>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "sections.hpp"

namespace densimd::bench {
namespace {

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
    std::string net, batch;
    Runs runs;
};

// Jobs on one thread, in the order of registration.
std::vector<Job> jobs(const std::vector<Row>& rows) {
    std::vector<Job> result;
    std::map<std::string, std::size_t> index;
    for (const Row& row : rows) {
        if (row.field("threads") != "1") continue;
        const std::string net = row.field("net"), batch = row.field("batch");
        const auto [at, is_new] = index.try_emplace(net + " " + batch, result.size());
        if (is_new) result.push_back({net, batch, {}});
        Best& best = result[at->second].runs[row.field("peer")];
        const double ns = row.counter("ns_per_sample");
        if (best.ns == 0 || ns < best.ns) best = {ns, row.field("isa")};
    }
    return result;
}

void print_densimd(const std::vector<Row>& rows) {
    std::cout << "| network | ISA | threads | per sample | batch 32 | batch 256 | per sample / batch 256 |\n"
                 "|---|---|---:|---:|---:|---:|---:|\n";
    std::map<std::string, std::map<std::string, double>> table;
    std::vector<std::string> order;
    for (const Row& row : rows) {
        if (row.fields.contains("peer")) continue;
        const std::string key = row.field("net") + " | " + row.field("isa") + " | " + row.field("threads");
        if (!table.contains(key)) order.push_back(key);
        table[key][row.field("batch")] = row.counter("ns_per_sample");
    }
    for (const std::string& key : order) {
        auto& by_batch = table[key];
        const double most = by_batch["256"];
        std::cout << "| " << key << " | " << cell(by_batch["1"], 1) << " | " << cell(by_batch["32"], 1)
                  << " | " << cell(most, 1) << " | " << cell(most > 0 ? by_batch["1"] / most : 0, 2)
                  << " |\n";
    }
}

// Columns for the peers that were measured.
void print_beside_peers(const std::vector<Row>& rows) {
    std::vector<Job> all = jobs(rows);
    const auto was_measured = [&](const std::string& peer) {
        return std::ranges::any_of(all, [&](const Job& job) { return job.runs.contains(peer); });
    };
    std::vector<std::pair<std::string, std::string>> present;
    for (const auto& [peer, name] : peers)
        if (was_measured(peer)) present.push_back({peer, name});

    std::cout << "| network | batch | densimd |";
    for (const auto& peer : present) std::cout << ' ' << peer.second << " |";
    for (const auto& peer : present) std::cout << " times faster than " << peer.second << " |";
    std::cout << "\n|---|---:|---:|";
    for (std::size_t i = 0; i < 2 * present.size(); ++i) std::cout << "---:|";
    std::cout << '\n';
    for (Job& job : all) {
        const auto print = [](const Best& best) {
            std::cout << ' ' << cell(best.ns, 1) << (best.isa.empty() ? "" : " " + best.isa) << " |";
        };
        const Best ours = job.runs[""];
        std::cout << "| " << job.net << " | " << job.batch << " |";
        print(ours);
        for (const auto& peer : present) print(job.runs[peer.first]);
        for (const auto& peer : present)
            std::cout << ' ' << ratio(ours.ns > 0 ? job.runs[peer.first].ns / ours.ns : 0) << " |";
        std::cout << '\n';
    }
    if (present.empty()) std::cout << "\nNo other library was measured.\n";
}

// Per sample by each engine, and times faster with two threads.
void print_engines(const std::vector<Row>& rows) {
    constexpr const char* engines[] = {"plain", "fused", "block"};
    std::map<std::string, std::map<std::string, double>> table;
    std::vector<std::string> order;
    for (const Row& row : rows) {
        const std::string key = row.field("net") + " | " + row.field("isa");
        if (!table.contains(key)) order.push_back(key);
        table[key][row.field("name") + row.field("threads")] = row.counter("ns_per_sample");
    }
    std::cout << "| network | ISA |";
    for (const char* engine : engines) std::cout << ' ' << engine << " | two threads |";
    std::cout << "\n|---|---|---:|---:|---:|---:|---:|---:|\n";
    for (const std::string& key : order) {
        std::cout << "| " << key << " |";
        for (const std::string engine : engines) {
            const double one = table[key][engine + "1"], two = table[key][engine + "2"];
            std::cout << ' ' << cell(one, 1) << " | " << ratio(two > 0 ? one / two : 0) << " |";
        }
        std::cout << '\n';
    }
}

// Two threads against one, by width and batch.
void print_threads(const std::vector<Row>& rows) {
    std::map<std::string, std::map<std::size_t, double>> table;
    std::vector<std::string> order;
    std::set<std::size_t> batches;
    double worst = rows.front().counter("times_faster");
    for (const Row& row : rows) {
        const std::string net = row.field("net");
        if (row.field("batch").empty()) throw std::runtime_error(row.name + " names no batch");
        const std::size_t batch = std::stoul(row.field("batch"));
        if (!table.contains(net)) order.push_back(net);
        table[net][batch] = row.counter("times_faster");
        batches.insert(batch);
        worst = std::min(worst, row.counter("times_faster"));
    }
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

void print_latency(const std::vector<Row>& rows) {
    std::cout << "| network | ISA | call | p50 | p99.9 |\n|---|---|---|---:|---:|\n";
    for (const Row& row : rows)
        std::cout << "| " << row.field("net") << " | " << row.field("isa") << " | " << row.field("call")
                  << " | " << format(row.counter("p50_ns"), 0) << " | " << format(row.counter("p99_9_ns"), 0)
                  << " |\n";
}

}  // namespace

void print_training(const Suite& suite) {
    std::vector<std::string> missing;
    // The rows of one kind; a kind without rows is named at the end.
    const auto rows_of = [&](const char* kind) {
        std::vector<Row> rows = suite.of(kind);
        if (rows.empty()) missing.push_back(kind);
        return rows;
    };
    if (const auto rows = rows_of("train"); !rows.empty()) {
        std::cout << "\n## Training, ns per sample\n\n";
        print_densimd(rows);
        std::cout << "\n### Beside other libraries, one thread\n\n";
        print_remarks(suite);
        std::cout
            << "\nThe same epochs for everyone: the same weights to start from, the same orders, sigmoid and "
               "mean squared error.\nOf the levels that Eigen was compiled for the faster one counts. Less "
               "than 1.00, in bold, is a loss.\n\n";
        print_beside_peers(rows);
    }
    if (const auto rows = rows_of("engine"); !rows.empty()) {
        std::cout
            << "\n### Engines, batch 1\n\nns per sample, and how many times faster two threads are.\n\n";
        print_engines(rows);
    }
    if (const auto rows = rows_of("threads"); !rows.empty()) {
        std::cout << "\n### Two threads against one, times faster, by batch\n\n";
        print_threads(rows);
    }
    if (const auto rows = rows_of("predict"); !rows.empty()) {
        std::cout << "\n## Prediction, one row per call, one thread, ns per sample\n\n";
        print_beside_peers(rows);
    }
    if (const auto rows = rows_of("latency"); !rows.empty()) {
        std::cout
            << "\n## Latency of single calls with one row, ns\n\nThe clock's own time, in the last row, "
               "is part of the others.\n\n";
        print_latency(rows);
    }
    if (!missing.empty()) std::cout << '\n' << suite.file << " has no rows of " << list(missing, 9) << ".\n";
}

}  // namespace densimd::bench
