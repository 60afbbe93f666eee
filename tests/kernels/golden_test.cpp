// The bits of every kernel's results, pinned: they are the same on every ISA with FMA and every architecture.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <type_traits>

#include "support/every_kernel.hpp"
#include "support/isas.hpp"

using namespace densimd::test;

namespace {

template <class T>
std::uint64_t hash_of_every_kernel(Isa isa) {
    Random random(1234);
    Hash hash;
    const auto plain_call = [](auto call) { call(); };
    for (const Shape shape : {Shape{1, 8, 1},
                              {1, 8, 16},
                              {5, 7, 10},
                              {13, 33, 65},
                              {7, 130, 3},
                              {32, 64, 10},
                              {6, 16, 64},
                              {2, 2100, 9},
                              {65, 30, 37}})
        run_every_kernel(kernels::table<T>(isa), shape, random, hash, plain_call);
    return hash.value();
}

}  // namespace

// When kernels are meant to round differently from now on, the new values are in the failures: take them over
// once x86-64 and AArch64 print the same ones.
TEST_CASE_TEMPLATE("ISAs with FMA give the pinned bits", T, float, double) {
    constexpr std::uint64_t pinned = std::is_same_v<T, float> ? 12320308366836053882u : 10187660982444630598u;
    for (const Isa isa : kernels::available_isas()) {
        if (!has_fma(isa)) continue;
        INFO("isa ", std::string(kernels::name(isa)));
        CHECK(hash_of_every_kernel<T>(isa) == pinned);
    }
}
