// What Google Benchmark wrote about one suite.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace densimd::bench {

/// The suite in a file; one without benchmarks if the file is empty. Throws if it cannot be read.
nlohmann::json read(const char* path);

/// "gemv/f32/isa:avx2/in:8" -> {"": "gemv", "isa": "avx2", "in": "8"}
std::map<std::string, std::string> fields(const std::string& name);

/// With repetitions, the median and the spread over them, in percent; else the one run.
struct Row {
    nlohmann::json median;
    double spread = 0;
};

/// The rows in the order of registration.
std::vector<Row> rows(const nlohmann::json& suite);

std::string format(double value, int decimals);

/// How many times faster: bold if slower, empty if 0.
std::string ratio(double times);

/// Less than 1 as it is printed: what rounds to 1.00 is a draw, which counts as no loss.
bool is_loss(double times);

/// What the suite said of its peers, as a list on the standard output.
void print_remarks(const nlohmann::json& suite);

}  // namespace densimd::bench
