// What subnormal operands cost each kernel when it is called directly: its time with all operands scaled down
// to about 1e-40 over that with ordinary ones; as it is, and within FlushSubnormals. One table row a kernel,
// of the active ISA (DENSIMD_ISA).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <densimd/kernels.hpp>
#include <densimd/subnormals.hpp>

#include "operands.hpp"

namespace densimd::bench {
namespace {

using Clock = std::chrono::steady_clock;

Operands scaled(const Operands& ordinary, float factor) {
    Operands scaled = ordinary;
    for (const auto member :
         {&Operands::X, &Operands::b, &Operands::Z, &Operands::dZ, &Operands::A, &Operands::Y, &Operands::V})
        for (float& x : scaled.*member) x *= factor;
    return scaled;
}

// Of calls on fresh copies of the operands, as kernels change some of them.
double seconds(const KernelCall& kernel, const kernels::Kernels<float>& table, const Operands& operands,
               bool flush) {
    const kernels::FlushSubnormals scope(flush);
    Operands copy = operands;
    constexpr int calls = 8;
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < calls; ++i) kernel.call(table, copy);
    return std::chrono::duration<double>(Clock::now() - start).count() / calls;
}

double median(std::vector<double>& values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                     values.end());
    return values[values.size() / 2];
}

}  // namespace
}  // namespace densimd::bench

int main() {
    using namespace densimd::bench;
    namespace kernels = densimd::kernels;
    const kernels::Kernels<float>& table = kernels::active<float>();
    std::printf("| kernel (%s) | ns | subnormal operands | the same, flushed |\n|---|---:|---:|---:|\n",
                std::string(kernels::name(kernels::active_isa())).c_str());
    for (const KernelCall& kernel : kernel_calls()) {
        const Shape shape = kernel.takes ? Shape{32, 8, 16} : Shape{kernel.batch ? 16u : 1u, 64, 64};
        const Operands ordinary(shape), small = scaled(ordinary, 1e-40f);
        std::vector<double> times[3];
        for (int turn = 0; turn < 51; ++turn) {
            times[0].push_back(seconds(kernel, table, ordinary, false));
            times[1].push_back(seconds(kernel, table, small, false));
            times[2].push_back(seconds(kernel, table, small, true));
        }
        const double normal = median(times[0]);
        std::printf("| `%s` | %.0f | %.1f | %.1f |\n", kernel.name, 1e9 * normal, median(times[1]) / normal,
                    median(times[2]) / normal);
    }
}
