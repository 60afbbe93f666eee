// Reading what Google Benchmark wrote.
#include "suite.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <stdexcept>

namespace densimd::bench {

using nlohmann::json;

json read(const char* path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error(std::string(path) + ": cannot be read");
    if (file.peek() == std::ifstream::traits_type::eof())
        return {{"benchmarks", json::array()}};  // none was chosen
    return json::parse(file);
}

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

std::string ratio(double times) {
    if (times == 0) return "";
    const std::string text = format(times, 2);
    return is_loss(times) ? "**" + text + "**" : text;
}

bool is_loss(double times) { return times < 0.995; }

void print_remarks(const json& suite) {
    if (!suite.contains("context")) return;
    for (const auto& [key, value] : suite.at("context").items())
        if (key.starts_with("peer "))
            std::cout << "- " << key.substr(5) << ": " << value.get<std::string>() << '\n';
}

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

}  // namespace densimd::bench
