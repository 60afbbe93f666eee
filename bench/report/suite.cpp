// Reading what Google Benchmark wrote.
#include "suite.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <stdexcept>

namespace densimd::bench {
namespace {

using nlohmann::json;

std::string text_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file || std::filesystem::is_directory(path)) throw std::runtime_error(path + ": cannot be read");
    return {std::istreambuf_iterator<char>(file), {}};
}

// Google Benchmark writes numbers that JSON does not have, as for the variation of a counter that is 0.
void replace_non_numbers(std::string& text) {
    for (const std::string number : {": NaN", ": -NaN", ": Infinity", ": -Infinity"})
        for (std::size_t at = 0; (at = text.find(number, at)) != text.npos;)
            text.replace(at, number.size(), ": null");
}

std::map<std::string, std::string> fields_of(const std::string& name) {
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

double nanoseconds(const std::string& unit) {
    for (const auto& [name, ns] : {std::pair{"ns", 1.0}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}})
        if (unit == name) return ns;
    throw std::runtime_error("no time_unit is called " + unit);
}

// How many times longer the wall clock ran than the one that the run's rates are of: that of the CPU, unless
// the benchmark asked for another, which its name then says.
double slowdown(const std::string& name, const json& run) {
    if (name.find("/real_time") != name.npos || name.find("/manual_time") != name.npos) return 1;
    return run.at("real_time").get<double>() / run.at("cpu_time").get<double>();
}

Row row_of(const std::string& name, const json& run) {
    Row row{name, fields_of(name), 0, -1, {}};
    row.ns = run.at("real_time").get<double>() * nanoseconds(run.at("time_unit"));
    constexpr const char* no_counters[] = {"family_index", "per_family_instance_index",
                                           "repetitions",  "repetition_index",
                                           "threads",      "iterations",
                                           "real_time",    "cpu_time"};
    for (const auto& [key, value] : run.items())
        if (value.is_number() && std::ranges::find(no_counters, key) == std::end(no_counters))
            row.counters[key] = value;
    constexpr const char* rates[] = {"flops", "elements_per_second", "bytes_of_W_per_second",
                                     "percent_of_roof", "percent_of_peak"};
    for (const char* rate : rates)
        if (row.counters.contains(rate)) row.counters[rate] /= slowdown(name, run);
    if (row.counters.contains("ns_per_sample")) row.counters["ns_per_sample"] *= slowdown(name, run);
    return row;
}

// All that a file has on one benchmark.
struct Runs {
    std::vector<json> single;
    std::optional<json> median, variation;
    std::string failure;

    void add(const json& run) {
        const std::string kind = run.value("aggregate_name", "");
        if (run.value("error_occurred", false) || run.value("skipped", false))
            failure = run.value("error_message", run.value("skip_message", "it was skipped"));
        else if (kind == "median")
            median = run;
        else if (kind == "cv")
            variation = run;
        else if (kind.empty())
            single.push_back(run);
    }

    // Why there is no row, if there is none.
    std::string missing() const {
        if (!failure.empty()) return failure;
        if (!median && single.size() != 1) return "no median of its repetitions";
        const json& time = (median ? *median : single.front()).at("real_time");
        return time.is_number() && time.get<double>() > 0 ? "" : "no time";
    }

    Row row(const std::string& name) const {
        Row row = row_of(name, median ? *median : single.front());
        if (variation && variation->at("real_time").is_number())
            row.spread = 100 * variation->at("real_time").get<double>();
        return row;
    }
};

void add_rows(Suite& suite, std::vector<json> runs) {
    // In the order of registration: interleaved repetitions come in any order.
    std::ranges::stable_sort(runs, {}, [](const json& run) { return run.value("family_index", 0); });
    std::vector<std::string> names;
    std::map<std::string, Runs> by_name;
    for (const json& run : runs) {
        const std::string name = run.contains("run_name") ? run.at("run_name") : run.at("name");
        if (!by_name.contains(name)) names.push_back(name);
        by_name[name].add(run);
    }
    std::map<std::string, std::vector<std::string>> left_out;  // by the reason
    for (const std::string& name : names) {
        const std::string reason = by_name[name].missing();
        if (reason.empty())
            suite.rows.push_back(by_name[name].row(name));
        else
            left_out[reason].push_back(name);
    }
    for (const auto& [reason, of] : left_out)
        suite.missing.push_back(suite.file + " lacks " + list(of) + ": " + reason + ".");
}

}  // namespace

std::string Row::field(const std::string& key) const {
    const auto found = fields.find(key);
    return found == fields.end() ? "" : found->second;
}

double Row::counter(const std::string& key) const {
    const auto found = counters.find(key);
    if (found == counters.end()) throw std::runtime_error(name + " has no counter " + key);
    return found->second;
}

std::vector<Row> Suite::of(const std::string& kind) const {
    std::vector<Row> result;
    std::ranges::copy_if(rows, std::back_inserter(result),
                         [&](const Row& row) { return row.field("") == kind; });
    return result;
}

Suite read(const std::string& path) {
    Suite suite;
    suite.file = std::filesystem::path(path).filename();
    std::string text = text_of(path);
    if (text.find_first_not_of(" \t\r\n") != text.npos) {
        replace_non_numbers(text);
        try {
            const json whole = json::parse(text);
            suite.context = whole.value("context", json::object());
            add_rows(suite, whole.at("benchmarks"));
        } catch (const json::exception& error) {
            throw std::runtime_error(path + ": is not what Google Benchmark writes: " + error.what());
        } catch (const std::runtime_error& error) {
            throw std::runtime_error(path + ": " + error.what());
        }
    }
    if (suite.rows.empty()) suite.missing.push_back(suite.file + " holds no benchmark.");
    return suite;
}

std::string format(double value, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    return text;
}

std::string cell(double value, int decimals) { return value == 0 ? "" : format(value, decimals); }

std::string ratio(double times) {
    if (times == 0) return "";
    const std::string text = format(times, 2);
    return is_loss(times) ? "**" + text + "**" : text;
}

bool is_loss(double times) { return times < 0.995; }

std::string list(const std::vector<std::string>& names, std::size_t most) {
    std::string text;
    for (std::size_t i = 0; i < std::min(most, names.size()); ++i) text += (i == 0 ? "" : ", ") + names[i];
    return names.size() > most ? text + " and " + std::to_string(names.size() - most) + " more" : text;
}

void print_remarks(const Suite& suite) {
    for (const auto& [key, value] : suite.context.items())
        if (key.starts_with("peer ") && value.is_string())
            std::cout << "- " << key.substr(5) << ": " << value.get<std::string>() << '\n';
}

}  // namespace densimd::bench
