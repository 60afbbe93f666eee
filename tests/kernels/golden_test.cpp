// The bits of every kernel's results, pinned: they are the same on every ISA with FMA and every architecture,
// and others on the baseline.
#include <doctest/doctest.h>

#include <string>
#include <type_traits>

#include "support/every_kernel.hpp"
#include "support/golden.hpp"
#include "support/hash.hpp"
#include "support/isas.hpp"

using namespace densimd::test;

namespace {

// One line per kernel, variant, type and shape (batch x in x out).
template <class T>
void add_every_kernel(Isa isa, GoldenLines& lines) {
    const std::string type = std::is_same_v<T, float> ? "float" : "double";
    for (const Shape shape : {Shape{1, 8, 1},
                              {1, 8, 16},
                              {5, 7, 10},
                              {13, 33, 65},
                              {7, 130, 3},
                              {32, 64, 10},
                              {6, 16, 64},
                              {2, 2100, 9},
                              {65, 30, 37}}) {
        const std::string of_shape = " " + type + " " + std::to_string(shape.batch) + "x" +
                                     std::to_string(shape.in) + "x" + std::to_string(shape.out);
        run_every_kernel(kernels::table<T>(isa), shape, 1234, [&](const std::string& name, auto call) {
            Hash hash;
            hash.add(call());
            INFO(name, of_shape);
            CHECK(lines.emplace(name + of_shape, hash.value()).second);  // a name of its own
        });
    }
}

}  // namespace

TEST_CASE("every kernel gives the pinned bits") {
    for (const Isa isa : kernels::available_isas()) {
        INFO("isa ", std::string(kernels::name(isa)));
        GoldenLines lines;
        add_every_kernel<float>(isa, lines);
        add_every_kernel<double>(isa, lines);
        check_golden(has_fma(isa) ? "kernels.txt" : "kernels_baseline.txt", lines);
    }
}

TEST_CASE("lines that differ from the pinned ones are named") {
    const GoldenLines expected = {{"gemm float 1x8x1", 1}, {"gemv float 1x8x1", 2}, {"relu float 1x8x1", 3}};
    CHECK(golden_difference(expected, expected) == "");
    CHECK(golden_difference(expected,
                            {{"exp float 1x8x1", 4}, {"gemm float 1x8x1", 1}, {"relu float 1x8x1", 5}}) ==
          "  exp float 1x8x1: not in the file, found 0000000000000004\n"
          "  gemv float 1x8x1: in the file, but not computed\n"
          "  relu float 1x8x1: expected 0000000000000003, found 0000000000000005\n");
}
