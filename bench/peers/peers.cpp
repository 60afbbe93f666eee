// Which peers there are.
#include "peers.hpp"

#include "level.hpp"
#ifdef DENSIMD_PEER_OPENBLAS
#include "openblas.hpp"
#endif
#ifdef DENSIMD_PEER_ONEDNN
#include "onednn.hpp"
#endif
#ifdef DENSIMD_PEER_MKL
#include "mkl.hpp"
#endif

namespace densimd::bench {
namespace {

#ifdef DENSIMD_PEER_EIGEN
#define DENSIMD_EIGEN(level) level::eigen
constexpr bool has_eigen = true;
#else
#define DENSIMD_EIGEN(level) nullptr
#define DENSIMD_PEER_EIGEN ""
constexpr bool has_eigen = false;
#endif
#ifdef DENSIMD_PEER_SLEEF
#define DENSIMD_SLEEF(level) level::sleef
constexpr bool has_sleef = true;
#else
#define DENSIMD_SLEEF(level) nullptr
#define DENSIMD_PEER_SLEEF ""
constexpr bool has_sleef = false;
#endif

struct Level {
    kernels::Isa isa;
    kernels::Kernels<float> (*eigen)() noexcept;
    Sigmoid (*sleef)() noexcept;
    Sigmoid (*libm)() noexcept;
};

constexpr Level levels[] = {
#if defined(__x86_64__)
    {kernels::Isa::avx2, DENSIMD_EIGEN(avx2), DENSIMD_SLEEF(avx2), avx2::libm},
    {kernels::Isa::avx512, DENSIMD_EIGEN(avx512), DENSIMD_SLEEF(avx512), avx512::libm},
#else
    {kernels::Isa::neon, DENSIMD_EIGEN(neon), nullptr, neon::libm},
#endif
};

}  // namespace

Peers find_peers() {
    Peers peers;
    const auto remark = [&](const char* name, const std::string& text) {
        peers.remarks.emplace_back(name, text);
    };

#ifdef DENSIMD_PEER_ONEDNN
    peers.present.push_back({.name = "onednn", .prepared = {"dense_forward"}, .prepare = onednn});
    remark("onednn", onednn_version());
#else
    remark("onednn", not_found);
#endif
#ifdef DENSIMD_PEER_MKL
    peers.present.push_back({.name = "mkl_jit",
                             .prepared = {"dense_forward", "dense_backward_input", "dense_update"},
                             .prepare = mkl_jit});
    remark("mkl_jit", mkl_version());
#else
    remark("mkl_jit", not_found);
#endif

    // Any level may be the better one: a wide vector does not suit narrow layers.
    std::string compiled;
    [[maybe_unused]] Sigmoid widest_sigmoid = nullptr;
    for (const Level& level : levels) {
        if (!runs_here(level.isa)) continue;
        const std::string isa(name(level.isa));
        const auto add_sigmoid = [&](const char* peer, Sigmoid sigmoid) {
            peers.present.push_back({.name = peer + ("/isa:" + isa)});
            peers.present.back().table.sigmoid = widest_sigmoid = sigmoid;
        };
        compiled += (compiled.empty() ? "" : " and ") + isa;
        if (has_eigen) peers.present.push_back({.name = "eigen/isa:" + isa, .table = level.eigen()});
        add_sigmoid("libm", level.libm());
        if (has_sleef) add_sigmoid("sleef", level.sleef());
    }
    const auto remark_levels = [&](const char* name, bool found, const std::string& version) {
        remark(name, remark_on_levels(found, version, compiled));
    };
    remark_levels("eigen", has_eigen, DENSIMD_PEER_EIGEN);
    remark_levels("libm", true, "vectorised by the compiler under -ffast-math");
    remark_levels("sleef", has_sleef, DENSIMD_PEER_SLEEF);

#ifdef DENSIMD_PEER_OPENBLAS
    peers.present.push_back({.name = "openblas", .table = openblas(widest_sigmoid)});
    remark("openblas", openblas_version());
#else
    remark("openblas", not_found);
#endif
    return peers;
}

}  // namespace densimd::bench
