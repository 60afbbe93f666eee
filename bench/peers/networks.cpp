// Which peers there are for whole networks.
#include "networks.hpp"

namespace densimd::bench {

PeerNetwork::~PeerNetwork() = default;

namespace {

#ifdef DENSIMD_PEER_EIGEN
#define DENSIMD_EIGEN(level) level::eigen_network, level::eigen_fixed_network
constexpr bool has_eigen = true;
#else
#define DENSIMD_EIGEN(level) nullptr, nullptr
#define DENSIMD_PEER_EIGEN ""
constexpr bool has_eigen = false;
#endif

struct Level {
    kernels::Isa isa;
    PeerNetwork* (*eigen)(const NetworkJob&);
    PeerNetwork* (*eigen_fixed)(const NetworkJob&);
};

constexpr Level levels[] = {
#if defined(__x86_64__)
    {kernels::Isa::avx2, DENSIMD_EIGEN(avx2)},
    {kernels::Isa::avx512, DENSIMD_EIGEN(avx512)},
#else
    {kernels::Isa::neon, DENSIMD_EIGEN(neon)},
#endif
};

}  // namespace

NetworkPeers find_network_peers() {
    NetworkPeers peers;
    std::string compiled;
    for (const Level& level : levels) {
        if (!runs_here(level.isa)) continue;
        const std::string isa(name(level.isa));
        compiled += (compiled.empty() ? "" : " and ") + isa;
        if (!has_eigen) continue;
        peers.present.push_back({.name = "eigen/isa:" + isa, .make = level.eigen, .batches = true});
        peers.present.push_back({.name = "eigen_fixed/isa:" + isa,
                                 .make = level.eigen_fixed,
                                 .batches = false,
                                 .networks = {"8-1", "8-16-1"}});
    }
    peers.remarks.emplace_back("eigen", remark_on_levels(has_eigen, DENSIMD_PEER_EIGEN, compiled));
#ifdef DENSIMD_PEER_FANN
    peers.present.push_back({.name = "fann", .make = fann_network, .batches = false});
    peers.remarks.emplace_back("fann", DENSIMD_PEER_FANN);
#else
    peers.remarks.emplace_back("fann", not_found);
#endif
    return peers;
}

}  // namespace densimd::bench
