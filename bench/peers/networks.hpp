// The libraries that densimd's networks are held against.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "found.hpp"
#include "network.hpp"

namespace densimd::bench {

struct NetworkPeer {
    std::string name;
    PeerNetwork* (*make)(const NetworkJob& job);
    bool batches;                            // of more than one row
    std::vector<std::string> networks = {};  // "8-16-1"; empty for all

    bool takes(const std::string& network, std::size_t batch) const {
        return (batch == 1 || batches) &&
               (networks.empty() || std::ranges::find(networks, network) != networks.end());
    }
};

struct NetworkPeers {
    std::vector<NetworkPeer> present;
    Remarks remarks;
};

/// The peers that were found when this was built and that run on this CPU.
NetworkPeers find_network_peers();

}  // namespace densimd::bench
