// Which ISAs this CPU runs, which one is active, and the way from an ISA to its kernels.
#include <densimd/isa.hpp>

#include <array>
#include <atomic>
#include <cstdlib>
#include <iterator>
#include <string>
#include <type_traits>

#include "targets.hpp"

namespace densimd::kernels {

// Here, and not beside the kernels: an object has one symbol, and both parts need the table.
#if DENSIMD_DOUBLE
#define DENSIMD_TABLES(isa)                 \
    constinit Table<float> isa##_float{}; \
    constinit Table<double> isa##_double{};
#else
#define DENSIMD_TABLES(isa) constinit Table<float> isa##_float{};
#endif
#if DENSIMD_BASELINE
DENSIMD_TABLES(baseline)
#endif
#if DENSIMD_AVX2
DENSIMD_TABLES(avx2)
#endif
#if DENSIMD_AVX512
DENSIMD_TABLES(avx512)
#endif
#if DENSIMD_NEON
DENSIMD_TABLES(neon)
#endif
#undef DENSIMD_TABLES

namespace {

constexpr std::array<std::string_view, 4> names{"baseline", "avx2", "avx512", "neon"};

template <class T>
using EnterKernels = void (*)(Table<T>&) noexcept;

// One scalar of an ISA: its table, which is filled at its first use.
template <class T>
struct Target {
    Table<T>& table;
    std::array<EnterKernels<T>, 2> parts;
};

struct Candidate {
    Isa isa;
    bool (*runs_here)();
    Target<float> f32;
#if DENSIMD_DOUBLE
    Target<double> f64;
#endif

    template <class T>
    const Target<T>& target() const {
#if DENSIMD_DOUBLE
        if constexpr (std::is_same_v<T, double>) return f64;
#endif
        if constexpr (std::is_same_v<T, float>) return f32;
    }
};

#define DENSIMD_TARGET(isa, scalar) \
    { isa##_##scalar, { enter_##isa##_layers, enter_##isa##_networks } }
#if DENSIMD_DOUBLE
#define DENSIMD_CANDIDATE(isa, runs_here) \
    Candidate { Isa::isa, runs_here, DENSIMD_TARGET(isa, float), DENSIMD_TARGET(isa, double) }
#else
#define DENSIMD_CANDIDATE(isa, runs_here) \
    Candidate { Isa::isa, runs_here, DENSIMD_TARGET(isa, float) }
#endif

// Slowest first, those that DENSIMD_ISAS names. __builtin_cpu_supports asks the CPU and, through XGETBV, whether the
// operating system saves the registers. Every feature that the ISA's objects are compiled with must be there.
constexpr Candidate candidates[] = {
#if DENSIMD_BASELINE
    DENSIMD_CANDIDATE(baseline, [] { return true; }),
#endif
#if DENSIMD_AVX2
    DENSIMD_CANDIDATE(avx2, [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }),
#endif
#if DENSIMD_AVX512
    DENSIMD_CANDIDATE(avx512,
                      [] {
                          return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                                 __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                                 __builtin_cpu_supports("avx512vl");
                      }),
#endif
#if DENSIMD_NEON
    DENSIMD_CANDIDATE(neon, [] { return true; }),
#endif
};

struct Available {
    std::array<Isa, std::size(candidates)> isas{};
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

const Candidate* find(Isa isa) noexcept {
    for (Isa available : available_isas())
        if (available == isa)
            for (const Candidate& candidate : candidates)
                if (candidate.isa == isa) return &candidate;
    return nullptr;
}

const Candidate& candidate_of(Isa isa) {
    if (const Candidate* candidate = find(isa)) return *candidate;
    throw IsaError("ISA '" + std::string(name(isa)) + "' is not available on this machine; available: " +
                   (available_isas().empty() ? "none" : list(available_isas())));
}

// All tables of this machine, filled by whoever asks first.
template <class T>
const Table<T>& filled(const Candidate& candidate) noexcept {
    static const bool once = [] {
        for (Isa isa : available_isas())
            for (const EnterKernels<T> enter : find(isa)->target<T>().parts) enter(find(isa)->target<T>().table);
        return true;
    }();
    static_cast<void>(once);
    return candidate.target<T>().table;
}

std::string compiled() {
    std::array<Isa, std::size(candidates)> isas{};
    for (std::size_t i = 0; i < isas.size(); ++i) isas[i] = candidates[i].isa;
    return list(isas);
}

// DENSIMD_ISA is read at the first use; after an error the next call reads it again.
Isa initial_choice() {
    const char* wanted = std::getenv("DENSIMD_ISA");
    if (available_isas().empty())
        throw IsaError("this CPU has none of the instruction sets that densimd was built for: " + compiled());
    if (wanted == nullptr || *wanted == '\0') return available_isas().back();
    try {
        const Isa isa = parse_isa(wanted);
        static_cast<void>(candidate_of(isa));
        return isa;
    } catch (const IsaError& error) {
        throw IsaError(std::string("DENSIMD_ISA: ") + error.what());
    }
}

constexpr int not_chosen = -1;
std::atomic<int> chosen{not_chosen};

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
    static_cast<void>(candidate_of(isa));
    chosen.store(static_cast<int>(isa), std::memory_order_relaxed);
}

template <Scalar T>
const Kernels<T>& table(Isa isa) {
    return filled<T>(candidate_of(isa)).kernels;
}

template <class T>
const PlannedKernels<T>& planned(Isa isa) {
    return filled<T>(candidate_of(isa)).planned;
}

template <Scalar T>
const Kernels<T>* find_table(Isa isa) noexcept {
    const Candidate* candidate = find(isa);
    return candidate == nullptr ? nullptr : &filled<T>(*candidate).kernels;
}

template <Scalar T>
const Kernels<T>& best() noexcept {
    if (available_isas().empty()) std::abort();
    return *find_table<T>(available_isas().back());
}

template <Scalar T>
const Kernels<T>& active() {
    return table<T>(active_isa());
}

#define DENSIMD_INSTANTIATE(T)                           \
    template const Kernels<T>& active<T>();              \
    template const Kernels<T>& table<T>(Isa);            \
    template const Kernels<T>* find_table<T>(Isa) noexcept; \
    template const Kernels<T>& best<T>() noexcept;       \
    template const PlannedKernels<T>& planned<T>(Isa);
DENSIMD_INSTANTIATE(float)
#if DENSIMD_DOUBLE
DENSIMD_INSTANTIATE(double)
#endif
#undef DENSIMD_INSTANTIATE

}  // namespace densimd::kernels
