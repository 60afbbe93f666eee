// What Google Benchmark wrote about one suite, on one clock: the wall clock.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace densimd::bench {

/// One benchmark: the medians over its repetitions, or its only run.
struct Row {
    std::string name;
    std::map<std::string, std::string> fields;  // "gemv/f32/in:8" -> {"": "gemv", "in": "8"}
    double ns = 0;                              // of wall time per iteration
    double spread = -1;  // its coefficient of variation over the repetitions in percent; -1 without
    std::map<std::string, double> counters;  // rates are of wall time too

    /// Empty if there is none.
    std::string field(const std::string& key) const;

    /// Throws, with the names, if there is none.
    double counter(const std::string& key) const;
};

struct Suite {
    std::string file;  // its name without folders
    nlohmann::json context = nlohmann::json::object();
    std::vector<Row> rows;             // in the order of registration
    std::vector<std::string> missing;  // rows that are left out and why, in sentences

    /// The rows whose names begin with this.
    std::vector<Row> of(const std::string& kind) const;
};

/// Throws, naming the file, if it is not what Google Benchmark writes. An empty file is: nothing was chosen.
Suite read(const std::string& path);

std::string format(double value, int decimals);

/// Empty if 0: not measured.
std::string cell(double value, int decimals);

/// How many times faster: bold if slower, empty if 0.
std::string ratio(double times);

/// Less than 1 as it is printed: what rounds to 1.00 is a draw, which counts as no loss.
bool is_loss(double times);

/// "a, b and 7 more"
std::string list(const std::vector<std::string>& names, std::size_t most = 3);

/// What the suite said of its peers, as a list on the standard output.
void print_remarks(const Suite& suite);

}  // namespace densimd::bench
