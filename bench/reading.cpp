// Reading and preparing data: a CSV file of MNIST's size against a plain loop of from_chars over the same
// text, and the memory that reading takes; a Standardizer against plain passes over the same memory. The two
// sides of a ratio take turns, and the median counts.
#include <benchmark/benchmark.h>

#include <time.h>
#include <unistd.h>
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <densimd/nn.hpp>

#include "suite.hpp"

namespace densimd::bench {
namespace {

constexpr std::size_t rows = 60000, columns = 785;

/// Of this thread alone, so that other programs cost nothing.
double seconds() {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <class Call>
double seconds_of(Call call) {
    const double start = seconds();
    call();
    return seconds() - start;
}

// The median of the ratios of their times.
template <class First, class Second>
double times_of(First first, Second second) {
    std::vector<double> ratios(7);
    for (double& ratio : ratios) {
        const double time = seconds_of(first);
        ratio = time / seconds_of(second);
    }
    std::ranges::nth_element(ratios, ratios.begin() + 3);
    return ratios[3];
}

// Four fifths of the pixels are 0, about as in MNIST.
const std::string& images() {
    static const std::string text = [] {
        std::minstd_rand random(1);
        std::string made = "label";
        for (std::size_t j = 1; j < columns; ++j) made += ",p" + std::to_string(j);
        for (std::size_t i = 0; i < rows; ++i)
            for (std::size_t j = 0; j < columns; ++j)
                made += (j == 0 ? "\n" : ",") + std::to_string(random() % 5 == 0 ? random() % 256 : 0);
        return made + "\n";
    }();
    return text;
}

template <class T>
T sum_of(const std::string& text) {
    T sum = 0;
    const char* const end = text.data() + text.size();
    for (const char* cell = text.data() + text.find('\n') + 1; cell < end;) {
        T value{};
        cell = std::from_chars(cell, end, value).ptr + 1;
        sum += value;
    }
    return sum;
}

// In bytes, of a line of /proc/self/status; the peak is that since the last time that it was forgotten.
double memory(const std::string& what) {
    std::ifstream file("/proc/self/status");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(what)) return 1024 * std::stod(line.substr(what.size()));
    return 0;
}
void forget_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

template <class T>
void csv(benchmark::State& state) {
    const auto path =
        std::filesystem::temp_directory_path() / ("densimd-bench-" + std::to_string(getpid()) + ".csv");
    std::ofstream(path, std::ios::binary) << images();
    const nn::CsvOptions options{.target = "label"};
    const auto read = [&] { benchmark::DoNotOptimize(nn::read_csv<T>(path, options)); };
    for (auto _ : state)
        state.counters["times_from_chars"] =
            times_of(read, [] { benchmark::DoNotOptimize(sum_of<T>(images())); });
    forget_peak();
    const double before = memory("VmRSS:");
    read();
    state.counters["times_result"] =
        (memory("VmHWM:") - before) / static_cast<double>(rows * columns * sizeof(T));
    std::filesystem::remove(path);
}

template <class T>
void standardizer(benchmark::State& state, std::size_t width) {
    const std::size_t count = rows * columns;
    nn::Matrix<T> X(count / width, width);
    std::minstd_rand random(1);
    for (std::size_t i = 0; i < X.rows() * width; ++i) X.data()[i] = static_cast<T>(random() % 1000);
    const nn::Standardizer<T> fitted(X);
    const auto sweep = [&] {
        const auto* const words = reinterpret_cast<const std::uint64_t*>(X.data());
        benchmark::DoNotOptimize(
            std::accumulate(words, words + X.rows() * width * sizeof(T) / 8, std::uint64_t{0}));
    };
    const auto copy = [&] {
        benchmark::DoNotOptimize(std::vector<T>(X.data(), X.data() + X.rows() * width));
    };
    for (auto _ : state) {
        state.counters["fit_times_read"] =
            times_of([&] { benchmark::DoNotOptimize(nn::Standardizer<T>(X)); }, sweep);
        state.counters["transform_times_copy"] =
            times_of([&] { benchmark::DoNotOptimize(fitted.transform(X)); }, copy);
    }
}

template <class T>
void register_type(const std::string& type) {
    benchmark::RegisterBenchmark(("csv/" + type + "/rows:60000/columns:785").c_str(), csv<T>)->Iterations(1);
    for (const std::size_t width : {1u, 8u, 100u, 785u})
        benchmark::RegisterBenchmark(("standardizer/" + type + "/columns:" + std::to_string(width)).c_str(),
                                     [=](benchmark::State& state) { standardizer<T>(state, width); })
            ->Iterations(1);
}

}  // namespace

void register_all() {
    register_type<float>("f32");
    register_type<double>("f64");
}

}  // namespace densimd::bench
