// Every kernel on every ISA that this CPU runs, over the shapes of small and medium networks, against the
// measured roof: percent_of_roof is the larger of (operations / peak) and (bytes of W / read bandwidth at
// that size), over the time taken. Results are checked against the reference kernels once before they are
// timed.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include <benchmark/benchmark.h>
#include <densimd/kernels.hpp>

#include "data.hpp"
#include "probe.hpp"
#include "suite.hpp"

namespace densimd::bench {
namespace {

using kernels::Activation;
using kernels::Isa;
using kernels::Kernels;

struct Shape {
    std::size_t batch, in, out;
};

// All that a kernel of a layer reads and writes.
struct Operands {
    Shape shape;
    nn::AlignedVector<float> X, W, b, dZ, A, Y, dX, loss;

    explicit Operands(Shape s)
        : shape(s),
          X(numbers<float>(s.batch * s.in, 0, 1, 1)),
          W(numbers<float>(s.in * s.out, -0.1, 0.1, 2)),
          b(numbers<float>(s.out, -0.1, 0.1, 3)),
          dZ(numbers<float>(s.batch * s.out, -0.1, 0.1, 4)),
          A(numbers<float>(s.batch * s.out, 0, 1, 5)),
          Y(numbers<float>(s.batch * s.out, 0, 1, 6)),
          dX(s.batch * s.in),
          loss(s.batch) {}
};

struct KernelBenchmark {
    const char* name;
    bool matrix;  // takes a batch and does 2 batch in out operations; else works on `batch` x `out` elements
    bool batch;   // whether there are rows to choose the number of
    std::function<void(const Kernels<float>&, Operands&)> call;
};

const KernelBenchmark benchmarks[] = {
    {"sigmoid", false, true,
     [](const Kernels<float>& k, Operands& o) { k.sigmoid(o.A.size(), o.dZ.data(), o.A.data()); }},
    {"sigmoid_grad", false, true,
     [](const Kernels<float>& k, Operands& o) {
         k.sigmoid_grad(o.A.size(), o.dZ.data(), o.dZ.data(), o.A.data());
     }},
    {"all_finite", false, true,
     [](const Kernels<float>& k, Operands& o) {
         o.loss[0] = k.all_finite(o.dZ.size(), o.dZ.data()) ? 1.f : 0.f;
     }},
    {"gemv", true, false,
     [](const Kernels<float>& k, Operands& o) {
         k.gemv(o.shape.in, o.shape.out, o.X.data(), o.W.data(), o.shape.out, o.b.data(), o.A.data());
     }},
    {"gemv_t", true, false,
     [](const Kernels<float>& k, Operands& o) {
         k.gemv_t(o.shape.in, o.shape.out, o.dZ.data(), o.W.data(), o.shape.out, o.dX.data());
     }},
    {"ger", true, false,
     [](const Kernels<float>& k, Operands& o) {
         k.ger(o.shape.in, o.shape.out, -0.5f, o.X.data(), o.dZ.data(), o.W.data(), o.shape.out);
     }},
    {"gemm", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.gemm(o.shape.batch, o.shape.in, o.shape.out, o.X.data(), o.shape.in, o.W.data(), o.shape.out,
                o.A.data(), o.shape.out);
     }},
    {"gemm_nt", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.gemm_nt(o.shape.batch, o.shape.in, o.shape.out, o.dZ.data(), o.shape.out, o.W.data(), o.shape.out,
                   o.dX.data(), o.shape.in);
     }},
    {"gemm_tn", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.gemm_tn(o.shape.batch, o.shape.in, o.shape.out, o.X.data(), o.shape.in, o.dZ.data(), o.shape.out,
                   o.W.data(), o.shape.out);
     }},
    {"dense_forward", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.dense_forward(o.shape.batch, o.shape.in, o.shape.out, o.X.data(), o.shape.in, o.W.data(),
                         o.shape.out, o.b.data(), Activation::sigmoid, o.A.data(), o.shape.out);
     }},
    {"dense_backward_input", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.dense_backward_input(o.shape.batch, o.shape.in, o.shape.out, o.dZ.data(), o.shape.out, o.W.data(),
                                o.shape.out, o.X.data(), o.shape.in, Activation::sigmoid, o.dX.data(),
                                o.shape.in);
     }},
    {"dense_update", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.dense_update(o.shape.batch, o.shape.in, o.shape.out, o.X.data(), o.shape.in, o.dZ.data(),
                        o.shape.out, 0.5f, o.W.data(), o.shape.out, o.b.data());
     }},
    {"mean_squared_error", false, true,
     [](const Kernels<float>& k, Operands& o) {
         k.mean_squared_error(o.shape.batch, o.shape.out, o.A.data(), o.shape.out, o.Y.data(), o.shape.out,
                              o.dZ.data(), o.shape.out, o.loss.data());
     }},
    {"binary_cross_entropy", false, true,
     [](const Kernels<float>& k, Operands& o) {
         k.binary_cross_entropy(o.shape.batch, o.shape.out, o.A.data(), o.shape.out, o.Y.data(), o.shape.out,
                                o.dZ.data(), o.shape.out, o.loss.data());
     }},
    {"cosine_distance", false, true,
     [](const Kernels<float>& k, Operands& o) {
         k.cosine_distance(o.shape.batch, o.shape.out, o.A.data(), o.shape.out, o.Y.data(), o.shape.out,
                           o.dZ.data(), o.shape.out, o.loss.data());
     }},
};

// A benchmark of a wrong result would be worthless.
void check(const KernelBenchmark& benchmark, Isa isa, Shape shape) {
    Operands expected(shape), found(shape);
    benchmark.call(kernels::reference<float>(), expected);
    benchmark.call(kernels::table<float>(isa), found);
    for (const auto member :
         {&Operands::W, &Operands::b, &Operands::dZ, &Operands::A, &Operands::dX, &Operands::loss})
        for (std::size_t i = 0; i < (expected.*member).size(); ++i) {
            const float e = (expected.*member)[i], f = (found.*member)[i];
            if (std::abs(e - f) <= 1e-4f * (1 + std::abs(e))) continue;
            std::fprintf(stderr, "%s on %s: element %zu is %g, expected %g\n", benchmark.name,
                         std::string(name(isa)).c_str(), i, static_cast<double>(f), static_cast<double>(e));
            std::exit(1);
        }
}

void run(benchmark::State& state, const KernelBenchmark& kernel, Isa isa, Shape shape, double peak) {
    check(kernel, isa, shape);
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
    const double operations = 2 * elements * static_cast<double>(shape.in);
    const double bytes = static_cast<double>(shape.in * shape.out * sizeof(float));
    const double bandwidth = read_bandwidth(isa, shape.in * shape.out * sizeof(float));
    const double roof_seconds = std::max(operations / peak, bytes / bandwidth);
    state.counters["flops"] = Counter(operations * calls, Counter::kIsRate);
    state.counters["bytes_of_W_per_second"] = Counter(bytes * calls, Counter::kIsRate);
    state.counters["percent_of_roof"] = Counter(100 * roof_seconds * calls, Counter::kIsRate);
}

}  // namespace

void register_all() {
    constexpr std::size_t shapes[][2] = {{8, 1},     {8, 16},   {23, 17},    {64, 64},
                                         {784, 128}, {128, 10}, {1024, 1024}};
    for (const Isa isa : kernels::available_isas()) {
        const double peak = peak_flops(isa);
        for (const KernelBenchmark& kernel : benchmarks)
            for (const auto& [in, out] : shapes)
                for (const std::size_t batch :
                     {std::size_t{1}, std::size_t{8}, std::size_t{32}, std::size_t{256}}) {
                    if (!kernel.batch && batch > 1) continue;
                    std::string title = std::string(kernel.name) + "/f32/isa:" + std::string(name(isa)) +
                                        "/batch:" + std::to_string(batch);
                    if (kernel.matrix) title += "/in:" + std::to_string(in);
                    title += "/out:" + std::to_string(out);
                    benchmark::RegisterBenchmark(title.c_str(), [=, &kernel](benchmark::State& state) {
                        run(state, kernel, isa, {batch, kernel.matrix ? in : 1, out}, peak);
                    });
                }
    }
}

}  // namespace densimd::bench
