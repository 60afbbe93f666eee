// Which ISAs there are, and choosing one of them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include <densimd/kernels.hpp>

namespace kernels = densimd::kernels;
using kernels::Isa;

namespace {

constexpr Isa every_isa[] = {Isa::baseline, Isa::avx2, Isa::avx512, Isa::neon};

#if defined(__x86_64__)
constexpr Isa impossible = Isa::neon, always_there = Isa::baseline;
#else
constexpr Isa impossible = Isa::avx2, always_there = Isa::neon;
#endif

bool is_available(Isa isa) {
    const auto available = kernels::available_isas();
    return std::find(available.begin(), available.end(), isa) != available.end();
}

std::string message_of(auto call) {
    try {
        call();
    } catch (const kernels::IsaError& error) {
        return error.what();
    }
    return "nothing thrown";
}

std::string quoted(std::string_view text) { return std::string("'").append(text).append("'"); }

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("names and ISAs convert into each other") {
    for (const Isa isa : every_isa) CHECK(kernels::parse_isa(kernels::name(isa)) == isa);
    CHECK(kernels::name(Isa::avx2) == "avx2");
}

TEST_CASE("an unknown name is an error that lists the known ones") {
    for (const char* wrong : {"", "AVX2", "avx", "avx2 ", "sse", "avx5122"}) {
        INFO("name '", wrong, "'");
        const std::string message = message_of([&] { kernels::parse_isa(wrong); });
        CHECK(contains(message, quoted(wrong)));
        for (const Isa isa : every_isa) CHECK(contains(message, kernels::name(isa)));
    }
}

TEST_CASE("ISAs are listed slowest first, each once") {
    const auto available = kernels::available_isas();
    REQUIRE(!available.empty());
    CHECK(is_available(always_there));
    CHECK(!is_available(impossible));
    CHECK(std::is_sorted(available.begin(), available.end()));
    CHECK(std::adjacent_find(available.begin(), available.end()) == available.end());
}

TEST_CASE_TEMPLATE("each ISA has its own complete table", T, float, double) {
    for (const Isa isa : kernels::available_isas()) {
        const auto& table = kernels::table<T>(isa);
        CHECK(&table == &kernels::table<T>(isa));
        CHECK(&table != &kernels::reference<T>());
        // A table is nothing but pointers: none may be missing.
        constexpr std::size_t count = sizeof(table) / sizeof(void (*)());
        void* pointers[count];
        std::memcpy(pointers, &table, sizeof(table));
        CHECK(std::find(pointers, pointers + count, nullptr) == pointers + count);
        for (const Isa other : kernels::available_isas())
            if (other != isa) CHECK((table.dense_forward != kernels::table<T>(other).dense_forward));
    }
}

TEST_CASE_TEMPLATE("a table can be looked for", T, float, double) {
    for (const Isa isa : every_isa)
        CHECK(kernels::find_table<T>(isa) == (is_available(isa) ? &kernels::table<T>(isa) : nullptr));
    CHECK(kernels::find_table<T>(static_cast<Isa>(7)) == nullptr);
    static_assert(noexcept(kernels::find_table<T>(Isa::neon)));
    static_assert(noexcept(kernels::best<T>()));
}

TEST_CASE("the best table does not depend on what was set") {
    const Isa before = kernels::active_isa(), fastest = kernels::available_isas().back();
    for (const Isa isa : kernels::available_isas()) {
        kernels::set_active_isa(isa);
        CHECK(&kernels::best<float>() == &kernels::table<float>(fastest));
        CHECK(&kernels::best<double>() == &kernels::table<double>(fastest));
    }
    kernels::set_active_isa(before);
}

TEST_CASE("setting the active ISA") {
    const Isa before = kernels::active_isa();
    CHECK(is_available(before));
    for (const Isa isa : kernels::available_isas()) {
        kernels::set_active_isa(isa);
        CHECK(kernels::active_isa() == isa);
        CHECK(&kernels::active<float>() == &kernels::table<float>(isa));
        CHECK(&kernels::active<double>() == &kernels::table<double>(isa));
    }
    kernels::set_active_isa(before);
}

TEST_CASE("an ISA that is not available is an error and changes nothing") {
    const Isa before = kernels::active_isa();
    const std::string wanted = quoted(kernels::name(impossible));
    for (const std::string& message : {message_of([] { kernels::set_active_isa(impossible); }),
                                       message_of([] { kernels::table<float>(impossible); }),
                                       message_of([] { kernels::table<double>(impossible); })}) {
        CHECK(contains(message, wanted));
        for (const Isa isa : kernels::available_isas()) CHECK(contains(message, kernels::name(isa)));
    }
    CHECK(kernels::active_isa() == before);
}

// The environment is read once per process, so each of these runs by itself with DENSIMD_ISA set: see
// CMakeLists.txt.

TEST_CASE("without DENSIMD_ISA the fastest is active" * doctest::skip()) {
    CHECK(kernels::active_isa() == kernels::available_isas().back());
}

TEST_CASE("DENSIMD_ISA names the slowest" * doctest::skip()) {
    CHECK(kernels::active_isa() == always_there);
    CHECK(&kernels::active<float>() == &kernels::table<float>(always_there));
    CHECK(&kernels::best<float>() == &kernels::table<float>(kernels::available_isas().back()));
}

TEST_CASE("DENSIMD_ISA names an unknown ISA" * doctest::skip()) {
    for (int attempt = 0; attempt < 2; ++attempt) {  // no fallback the second time either
        const std::string message = message_of([] { kernels::active_isa(); });
        CHECK(contains(message, "DENSIMD_ISA"));
        CHECK(contains(message, "'warp9'"));
        CHECK(contains(message, "baseline, avx2, avx512, neon"));
    }
    CHECK_THROWS_AS(kernels::active<float>(), kernels::IsaError);
    // What cannot throw does not look at the variable.
    CHECK(&kernels::best<float>() == &kernels::table<float>(kernels::available_isas().back()));
    CHECK(kernels::find_table<double>(always_there) == &kernels::table<double>(always_there));
}

TEST_CASE("DENSIMD_ISA names an unavailable ISA" * doctest::skip()) {
    const std::string message = message_of([] { kernels::active<double>(); });
    CHECK(contains(message, "DENSIMD_ISA"));
    CHECK(contains(message, kernels::name(impossible)));
    CHECK(contains(message, kernels::name(always_there)));
}

TEST_CASE("an ISA that is no ISA is an error") {
    const auto none = static_cast<densimd::kernels::Isa>(7);
    CHECK(densimd::kernels::name(none) == "unknown");
    CHECK_THROWS_AS(densimd::kernels::set_active_isa(none), densimd::kernels::IsaError);
}
