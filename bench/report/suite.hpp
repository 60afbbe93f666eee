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

}  // namespace densimd::bench
