// The libraries that densimd is held against, each as a table of kernels that is null where the library has
// nothing to offer. The tables take
// rows without padding only: they do not look at leading dimensions.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <densimd/kernels.hpp>

#include "../operands.hpp"
#include "found.hpp"

namespace densimd::bench {

struct Peer {
    std::string name;
    kernels::Kernels<float> table = {};
    /// The kernels for which a library prepares its work, and what does so: it returns the work, ready to be timed, on
    /// operands that must outlive it.
    std::vector<std::string_view> prepared = {};
    std::function<void()> (*prepare)(std::string_view kernel, Operands&) = nullptr;

    bool prepares(std::string_view kernel) const { return std::ranges::find(prepared, kernel) != prepared.end(); }
};

struct Peers {
    std::vector<Peer> present;
    Remarks remarks;
};

/// The peers that were found when this was built and that run on this CPU, each on one thread.
Peers find_peers();

}  // namespace densimd::bench
