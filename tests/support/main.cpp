// The main program of the tests: names what it runs on, and says how to repeat a failure.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include <densimd/isa.hpp>

#include "hash.hpp"
#include "random.hpp"

namespace kernels = densimd::kernels;

namespace densimd::test {
namespace {

std::string running_test;

// Remembers the running test's name and prints the seed of one that failed.
struct Listener : doctest::IReporter {
    explicit Listener(const doctest::ContextOptions&) {}
    void test_case_start(const doctest::TestCaseData& test) override { running_test = test.m_name; }
    void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
        if (stats.failure_flags != 0)
            std::cout << "to repeat '" << running_test << "': DENSIMD_TEST_SEED=" << global_seed()
                      << std::endl;
    }
    void report_query(const doctest::QueryData&) override {}
    void test_run_start() override {}
    void test_run_end(const doctest::TestRunStats&) override {}
    void test_case_reenter(const doctest::TestCaseData&) override {}
    void test_case_exception(const doctest::TestCaseException&) override {}
    void subcase_start(const doctest::SubcaseSignature&) override {}
    void subcase_end() override {}
    void log_assert(const doctest::AssertData&) override {}
    void log_message(const doctest::MessageData&) override {}
    void test_case_skipped(const doctest::TestCaseData&) override {}
};
REGISTER_LISTENER("seed", 1, Listener);

// DENSIMD_ISA may ask for an ISA that this CPU lacks: then the run is skipped for all to see.
constexpr int skip_code = 77;

bool wants_missing_isa() {
    const char* wanted = std::getenv("DENSIMD_ISA");
    if (wanted == nullptr) return false;
    for (kernels::Isa isa : kernels::available_isas())
        if (kernels::name(isa) == wanted) return false;
    std::cout << "skipped: DENSIMD_ISA is '" << wanted << "', which this machine does not have\n";
    return true;
}

}  // namespace

std::uint64_t global_seed() {
    static const std::uint64_t seed = [] {
        const char* text = std::getenv("DENSIMD_TEST_SEED");
        return text == nullptr ? std::uint64_t{20} : std::strtoull(text, nullptr, 10);
    }();
    return seed;
}

std::string_view current_test() { return running_test; }

Random::Random() : state_(global_seed()) {
    Hash hash;
    hash.add_bytes(running_test.data(), running_test.size());
    state_ += hash.value();
}

}  // namespace densimd::test

int main(int argc, char** argv) {
    std::cout << "seed " << densimd::test::global_seed() << ", ISAs:";
    for (kernels::Isa isa : kernels::available_isas()) std::cout << ' ' << kernels::name(isa);
    std::cout << std::endl;

    doctest::Context context(argc, argv);
    // The tests of DENSIMD_ISA itself run with --no-skip and a name that cannot be had.
    bool tests_the_variable = false;
    for (int i = 1; i < argc; ++i) tests_the_variable |= std::string_view(argv[i]) == "--no-skip";
    if (!tests_the_variable && densimd::test::wants_missing_isa()) return densimd::test::skip_code;
    return context.run();
}
