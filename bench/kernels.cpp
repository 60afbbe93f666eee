// Every kernel on every ISA that this CPU runs, over the shapes of small and medium networks, against the
// measured roof: percent_of_roof is the larger of (operations / peak) and (bytes of W / read bandwidth at
// that size), over the time taken. Results are checked against the reference kernels once before they are
// timed.
#include <algorithm>
#include <string>

#include <benchmark/benchmark.h>
#include <densimd/kernels.hpp>

#include "operands.hpp"
#include "probe.hpp"
#include "suite.hpp"

namespace densimd::bench {
namespace {

using kernels::Isa;
using kernels::Kernels;

void check_kernel(const KernelCall& kernel, Isa isa, Shape shape) {
    Operands expected(shape), found(shape);
    kernel.call(kernels::reference<float>(), expected);
    kernel.call(kernels::table<float>(isa), found);
    check(kernel.name + (" on " + std::string(name(isa))), expected, found);
}

void run(benchmark::State& state, const KernelCall& kernel, Isa isa, Shape shape, double peak) {
    check_kernel(kernel, isa, shape);
    Operands operands(shape);
    const Kernels<float>& table = kernels::table<float>(isa);
    for (auto _ : state) {
        kernel.call(table, operands);
        benchmark::ClobberMemory();
    }
    using benchmark::Counter;
    const double calls = static_cast<double>(state.iterations());
    const double elements = static_cast<double>(shape.batch * shape.out);
    if (!kernel.matrix) {
        state.counters["elements_per_second"] = Counter(elements * calls, Counter::kIsRate);
        return;
    }
    const double operations = 2 * kernel.products * elements * static_cast<double>(shape.in);
    const double bytes = static_cast<double>(shape.in * shape.out * sizeof(float));
    const double bandwidth = read_bandwidth(isa, shape.in * shape.out * sizeof(float));
    const double roof_seconds = std::max(operations / peak, bytes / bandwidth);
    state.counters["flops"] = Counter(operations * calls, Counter::kIsRate);
    state.counters["bytes_of_W_per_second"] = Counter(bytes * calls, Counter::kIsRate);
    state.counters["percent_of_roof"] = Counter(100 * roof_seconds * calls, Counter::kIsRate);
}

}  // namespace

namespace {

void add(const KernelCall& kernel, Isa isa, Shape shape, double peak) {
    if (kernel.takes && !kernel.takes(shape)) return;
    std::string title = std::string(kernel.name) + "/f32/isa:" + std::string(name(isa)) +
                        "/batch:" + std::to_string(shape.batch);
    if (kernel.matrix || kernel.takes) title += "/in:" + std::to_string(shape.in);
    title += "/out:" + std::to_string(shape.out);
    benchmark::RegisterBenchmark(title.c_str(), [=, &kernel](benchmark::State& state) {
        run(state, kernel, isa, shape, peak);
    })->UseRealTime();
}

}  // namespace

void register_all() {
    constexpr std::size_t layers[][2] = {{8, 1},     {8, 16},   {23, 17},    {64, 64},
                                         {784, 128}, {128, 10}, {1024, 1024}};
    constexpr Shape arrays[] = {{1, 1, 16}, {32, 1, 10}, {256, 8, 16}, {8, 1, 128}, {64, 1, 1024}};
    for (const Isa isa : kernels::available_isas()) {
        const double peak = peak_flops(isa);
        for (const KernelCall& kernel : kernel_calls()) {
            if (!kernel.matrix) {
                for (const Shape shape : arrays) add(kernel, isa, shape, peak);
                continue;
            }
            for (const auto& layer : layers)
                for (const std::size_t batch :
                     {std::size_t{1}, std::size_t{8}, std::size_t{32}, std::size_t{256}})
                    if (kernel.batch || batch == 1) add(kernel, isa, {batch, layer[0], layer[1]}, peak);
        }
    }
}

}  // namespace densimd::bench
