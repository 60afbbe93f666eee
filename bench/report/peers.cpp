// The section on densimd and other libraries.
#include <algorithm>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sections.hpp"

namespace densimd::bench {
namespace {

// The competitors of one kernel, as columns, and what each took for every shape.
struct Table {
    std::string kernel;
    std::vector<std::string> competitors, shapes;             // in order of appearance
    std::map<std::pair<std::string, std::string>, Row> runs;  // of a shape and a competitor

    double ns(const std::string& shape, const std::string& who) const {
        const auto run = runs.find({shape, who});
        return run == runs.end() ? 0 : run->second.ns;
    }

    // Empty if there is none.
    std::string counter(const std::string& shape, const std::string& who, const char* name,
                        int decimals) const {
        const auto run = runs.find({shape, who});
        if (run == runs.end() || !run->second.counters.contains(name)) return "";
        return format(run->second.counter(name), decimals);
    }
};

bool is_ours(const std::string& competitor) { return competitor.starts_with("densimd"); }

void append_new(std::vector<std::string>& list, const std::string& item) {
    if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

std::vector<Table> tables(const Suite& suite) {
    std::vector<Table> result;
    for (const Row& row : suite.rows) {
        auto f = row.fields;
        auto table =
            std::find_if(result.begin(), result.end(), [&](const Table& t) { return t.kernel == f[""]; });
        if (table == result.end()) {
            result.push_back({f[""], {}, {}, {}});
            table = result.end() - 1;
        }
        std::string who = f["by"];
        for (const char* field : {"isa", "rows"})
            if (f.contains(field)) who += " " + f[field];
        const std::string shape = f["batch"] + " | " + f["in"] + " | " + f["out"];
        append_new(table->competitors, who);
        append_new(table->shapes, shape);
        table->runs[{shape, who}] = row;
    }
    for (Table& table : result)
        std::stable_partition(table.competitors.begin(), table.competitors.end(), is_ours);
    return result;
}

bool is_probe(const std::string& competitor) { return competitor.starts_with("probe"); }

bool is_padded(const std::string& competitor) { return competitor.ends_with(" padded"); }

// The column of the ISA that densimd takes by itself: the last one, the fastest. Empty if there is none.
std::string default_isa(const Table& table) {
    std::string result;
    for (const std::string& who : table.competitors)
        if (is_ours(who) && !is_padded(who)) result = who;
    return result;
}

// What densimd takes on rows as its networks lay them out, which may be those that all share.
double padded_ns(const Table& table, const std::string& shape) {
    const double padded = table.ns(shape, default_isa(table) + " padded");
    return padded > 0 ? padded : table.ns(shape, default_isa(table));
}

// The least time that the traffic of W can take. 0 if it was not measured.
double probe_ns(const Table& table, const std::string& shape) {
    double best = 0;
    for (const std::string& who : table.competitors)
        if (is_probe(who) && table.ns(shape, who) > 0 && (best == 0 || table.ns(shape, who) < best))
            best = table.ns(shape, who);
    return best;
}

// How many times less densimd takes than the best peer: 0 if one of them is missing.
struct Times {
    double shared = 0, padded = 0;
};

// The peer that takes the least time. Empty if there is none.
std::string best_peer(const Table& table, const std::string& shape) {
    std::string best;
    for (const std::string& who : table.competitors)
        if (!is_ours(who) && !is_probe(who) && table.ns(shape, who) > 0 &&
            (best.empty() || table.ns(shape, who) < table.ns(shape, best)))
            best = who;
    return best;
}

Times times_faster(const Table& table, const std::string& shape) {
    const double ours = table.ns(shape, default_isa(table)), best = table.ns(shape, best_peer(table, shape));
    return ours > 0 ? Times{best / ours, best / padded_ns(table, shape)} : Times{};
}

// Of all shapes.
std::optional<double> largest(const Table& table, const std::string& who, const char* counter) {
    std::optional<double> result;
    for (const auto& [run, row] : table.runs)
        if (run.second == who && row.counters.contains(counter))
            result = std::max(result.value_or(0), row.counter(counter));
    return result;
}

void print_table(const Table& table, const Table* gemm) {
    const std::string ours = default_isa(table);
    const auto any_run = [&](const auto& condition) {
        return std::any_of(table.runs.begin(), table.runs.end(), condition);
    };
    const bool has_probe = any_run([](const auto& run) { return is_probe(run.first.second); });
    const bool has_padded = any_run([](const auto& run) { return is_padded(run.first.second); });
    const bool has_peak =
        any_run([](const auto& run) { return run.second.counters.contains("percent_of_peak"); });
    std::vector<std::string> extra = {"times faster"};
    if (has_padded) extra.push_back("padded");
    if (has_probe) extra.insert(extra.end(), {"% of probe", "best peer's %"});
    if (has_peak) extra.push_back("% of FMA peak");
    if (has_peak && has_padded) extra.push_back("padded");
    if (gemm != nullptr) extra.push_back("update / gemm_tn");

    std::cout << "\n### " << table.kernel << ", ns\n\n| batch | in | out |";
    for (const std::string& who : table.competitors) std::cout << ' ' << who << " |";
    std::cout << " best peer |";
    for (const std::string& column : extra) std::cout << ' ' << column << " |";
    std::cout << "\n|---:|---:|---:|";
    for (std::size_t i = 0; i < table.competitors.size(); ++i) std::cout << "---:|";
    std::cout << "---|";
    for (std::size_t i = 0; i < extra.size(); ++i) std::cout << "---:|";
    std::cout << '\n';

    for (const std::string& shape : table.shapes) {
        std::cout << "| " << shape << " |";
        const auto print = [](const std::string& text) { std::cout << ' ' << text << " |"; };
        for (const std::string& who : table.competitors) {
            const double ns = table.ns(shape, who);
            print(cell(ns, ns < 100 ? 1 : 0));
        }
        const std::string best = best_peer(table, shape);
        print(best);
        const Times times = times_faster(table, shape);
        print(ratio(times.shared));
        if (has_padded) print(ratio(times.padded));
        if (has_probe)
            for (const std::string& who : {ours, best}) {
                const double ns = table.ns(shape, who), probe = probe_ns(table, shape);
                print(cell(ns > 0 ? 100 * probe / ns : 0, 0));
            }
        if (has_peak) print(table.counter(shape, ours, "percent_of_peak", 1));
        if (has_peak && has_padded) print(table.counter(shape, ours + " padded", "percent_of_peak", 1));
        if (gemm != nullptr) {
            const double gemm_ns = gemm->ns(shape, ours);
            print(cell(gemm_ns > 0 ? table.ns(shape, ours) / gemm_ns : 0, 2));
        }
        std::cout << '\n';
    }

    if (any_run([](const auto& run) { return run.second.counters.contains("ulp"); })) {
        std::vector<std::string> errors;
        for (const std::string& who : table.competitors)
            if (const auto ulp = largest(table, who, "ulp")) errors.push_back(who + ' ' + format(*ulp, 0));
        std::cout << "\nLargest error in ULP: " << list(errors, errors.size()) << ".\n";
    }
}

// The smallest kernel through the table, against the same loop written out.
void print_call(const Table& table) {
    const std::string shape = table.shapes.front();
    const double inlined = table.ns(shape, "inlined");
    std::cout << "\n### The price of a call through the table\n\n";
    for (const std::string& who : table.competitors)
        if (is_ours(who)) {
            const double ns = table.ns(shape, who);
            std::cout << "- " << who << ": " << table.kernel << " of one element takes " << format(ns, 2)
                      << " ns, inlined ";
            if (inlined > 0)
                std::cout << format(inlined, 2) << " ns: " << format(ns - inlined, 2) << " ns more\n";
            else
                std::cout << "it was not measured\n";
        }
}

// How often densimd wins and loses, by kernel.
void print_score(const std::vector<Table>& all) {
    std::vector<std::string> lines;
    for (const Table& table : all) {
        std::vector<double> shared, padded;
        for (const std::string& shape : table.shapes) {
            const Times times = times_faster(table, shape);
            if (times.shared == 0) continue;
            shared.push_back(times.shared);
            padded.push_back(times.padded);
        }
        const bool same = shared == padded;
        for (auto& [rows, times] : {std::pair{"shared", &shared}, std::pair{"padded", &padded}}) {
            if (times->empty() || (times == &padded && same)) continue;
            std::sort(times->begin(), times->end());
            const auto losses = std::count_if(times->begin(), times->end(), is_loss);
            lines.push_back("| " + table.kernel + " | " + rows + " | " +
                            std::to_string(static_cast<long>(times->size()) - losses) + " | " +
                            std::to_string(losses) + " | " + ratio(times->front()) + " | " +
                            ratio((*times)[times->size() / 2]) + " | " + ratio(times->back()) + " |\n");
        }
    }
    if (lines.empty()) {
        std::cout << "\nNo kernel was measured with densimd and another library at the same shape.\n";
        return;
    }
    std::cout << "\n| kernel | rows | no slower than the best peer | slower | worst | median | best |\n"
                 "|---|---|---:|---:|---:|---:|---:|\n";
    for (const std::string& line : lines) std::cout << line;
}

}  // namespace

void print_peers(const Suite& suite) {
    std::cout << "\n## densimd and its peers, float, one thread\n\n";
    print_remarks(suite);
    std::cout
        << "\nTimes faster: the time of the fastest peer over that of densimd on the ISA that it takes by "
           "itself, the last\nof its columns; less than 1.00, in bold, is a loss.\n"
           "Padded: on rows as far apart as densimd's networks have them. The others get packed rows; those "
           "who "
           "would reorder\nW do.\n";

    std::vector<Table> all = tables(suite);
    const auto take = [&](const std::string& kernel) {
        Table taken;
        const auto found =
            std::find_if(all.begin(), all.end(), [&](const Table& t) { return t.kernel == kernel; });
        if (found == all.end()) return taken;
        taken = *found;
        all.erase(found);
        return taken;
    };
    const bool has_update =
        std::ranges::any_of(all, [](const Table& table) { return table.kernel == "dense_update"; });
    // Beside the updates, of which it is a part.
    const Table gemm = has_update ? take("gemm_tn") : Table{}, call = take("sigmoid_grad");
    print_score(all);
    for (const Table& table : all)
        print_table(table, table.kernel == "dense_update" && !gemm.shapes.empty() ? &gemm : nullptr);
    if (!call.shapes.empty()) print_call(call);
}

}  // namespace densimd::bench
