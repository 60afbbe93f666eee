// Kernels leave rounding, flushing and masks as they find them.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "support/every_kernel.hpp"
#include "support/isas.hpp"

#if defined(__x86_64__)
#include <xmmintrin.h>

using namespace densimd::test;

namespace {

constexpr unsigned exception_flags = 0x3f;  // set by any arithmetic, and harmless

void check_register_is_kept(unsigned control) {
    const unsigned before = _mm_getcsr();
    const std::uint64_t seed = Random().bits();
    for (const Isa isa : kernels::available_isas()) {
        INFO("isa ", std::string(kernels::name(isa)), ", MXCSR ", control);
        const auto watched_call = [&](const std::string& name, auto call) {
            INFO(name);
            _mm_setcsr(control);
            call();
            const unsigned after = _mm_getcsr();
            _mm_setcsr(before);
            CHECK((after & ~exception_flags) == (control & ~exception_flags));
        };
        run_every_kernel(kernels::table<float>(isa), {6, 17, 33}, seed, watched_call);
        run_every_kernel(kernels::table<double>(isa), {6, 17, 33}, seed, watched_call);
    }
}

}  // namespace

TEST_CASE("MXCSR is left alone") {
    constexpr unsigned standard = 0x1f80, flush_to_zero = 0x8000, denormals_are_zero = 0x40;
    check_register_is_kept(standard);
    check_register_is_kept(standard | flush_to_zero | denormals_are_zero);
    check_register_is_kept(standard | _MM_ROUND_UP);
}
#endif
