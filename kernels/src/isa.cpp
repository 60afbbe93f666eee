// Which ISAs this CPU runs, which one is active, and the way from an ISA to its kernels.
#include <densimd/isa.hpp>

#include <array>
#include <atomic>
#include <cstdlib>
#include <string>
#include <type_traits>

#include "tables.hpp"

namespace densimd::kernels {
namespace {

constexpr std::array<std::string_view, 4> names{"baseline", "avx2", "avx512", "neon"};

struct Candidate {
    Isa isa;
    const Tables* tables;
    bool (*runs_here)();
};

// Slowest first. __builtin_cpu_supports asks the CPU and, through XGETBV, whether the operating system saves
// the registers. Every feature that the ISA's file is compiled with must be there.
#if defined(__x86_64__)
constexpr std::array candidates{
    Candidate{Isa::baseline, &baseline_tables, [] { return true; }},
    Candidate{Isa::avx2, &avx2_tables,
              [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }},
    Candidate{Isa::avx512, &avx512_tables,
              [] {
                  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                         __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512vl");
              }},
};
#else
constexpr std::array candidates{Candidate{Isa::neon, &neon_tables, [] { return true; }}};
#endif

struct Available {
    std::array<Isa, candidates.size()> isas{};
    std::size_t count = 0;

    Available() {
#if defined(__x86_64__)
        __builtin_cpu_init();
#endif
        for (const Candidate& candidate : candidates)
            if (candidate.runs_here()) isas[count++] = candidate.isa;
    }
};

std::string list(std::span<const Isa> isas) {
    std::string text;
    for (Isa isa : isas) text.append(text.empty() ? "" : ", ").append(name(isa));
    return text;
}

const Tables* find_tables(Isa isa) noexcept {
    for (Isa available : available_isas())
        if (available == isa)
            for (const Candidate& candidate : candidates)
                if (candidate.isa == isa) return candidate.tables;
    return nullptr;
}

const Tables& tables_of(Isa isa) {
    if (const Tables* tables = find_tables(isa)) return *tables;
    throw IsaError("ISA '" + std::string(name(isa)) +
                   "' is not available on this machine; available: " + list(available_isas()));
}

// DENSIMD_ISA is read at the first use; after an error the next call reads it again.
Isa initial_choice() {
    const char* wanted = std::getenv("DENSIMD_ISA");
    if (wanted == nullptr || *wanted == '\0') return available_isas().back();
    try {
        const Isa isa = parse_isa(wanted);
        static_cast<void>(tables_of(isa));
        return isa;
    } catch (const IsaError& error) {
        throw IsaError(std::string("DENSIMD_ISA: ") + error.what());
    }
}

constexpr int not_chosen = -1;
std::atomic<int> chosen{not_chosen};

template <class T>
const Kernels<T>& kernels_of(const Tables& tables) noexcept {
    if constexpr (std::is_same_v<T, float>)
        return tables.f32;
    else
        return tables.f64;
}

}  // namespace

std::string_view name(Isa isa) noexcept {
    const auto index = static_cast<std::size_t>(isa);
    return index < names.size() ? names[index] : "unknown";
}

Isa parse_isa(std::string_view text) {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == text) return static_cast<Isa>(i);
    throw IsaError("unknown ISA '" + std::string(text) + "'; expected one of baseline, avx2, avx512, neon");
}

std::span<const Isa> available_isas() noexcept {
    static const Available available;
    return {available.isas.data(), available.count};
}

Isa active_isa() {
    int isa = chosen.load(std::memory_order_relaxed);
    if (isa == not_chosen) {
        // Another thread may have chosen in the meantime; then `isa` becomes its choice.
        const int initial = static_cast<int>(initial_choice());
        if (chosen.compare_exchange_strong(isa, initial, std::memory_order_relaxed)) isa = initial;
    }
    return static_cast<Isa>(isa);
}

void set_active_isa(Isa isa) {
    static_cast<void>(tables_of(isa));
    chosen.store(static_cast<int>(isa), std::memory_order_relaxed);
}

template <class T>
const Kernels<T>& table(Isa isa) {
    return kernels_of<T>(tables_of(isa));
}

template <class T>
const Kernels<T>* find_table(Isa isa) noexcept {
    const Tables* tables = find_tables(isa);
    return tables == nullptr ? nullptr : &kernels_of<T>(*tables);
}

template <class T>
const Kernels<T>& best() noexcept {
    return *find_table<T>(available_isas().back());
}

template <class T>
const Kernels<T>& active() {
    return table<T>(active_isa());
}

template const Kernels<float>& active<float>();
template const Kernels<double>& active<double>();
template const Kernels<float>& table<float>(Isa);
template const Kernels<double>& table<double>(Isa);
template const Kernels<float>* find_table<float>(Isa) noexcept;
template const Kernels<double>* find_table<double>(Isa) noexcept;
template const Kernels<float>& best<float>() noexcept;
template const Kernels<double>& best<double>() noexcept;

}  // namespace densimd::kernels
