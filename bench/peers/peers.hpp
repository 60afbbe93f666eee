// The libraries that densimd is held against, each as a table of kernels that is null where the library has
// nothing to offer. They take rows without padding only: the leading dimensions are not looked at.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <densimd/kernels.hpp>

#include "../operands.hpp"
#include "found.hpp"

namespace densimd::bench {

struct Peer {
    std::string name;
    kernels::Kernels<float> table = {};
    /// Where a library wants to prepare its work: returns the work, ready to be timed, on operands that must
    /// outlive it.
    std::function<std::function<void()>(Operands&)> prepare_dense_forward = nullptr;
};

struct Peers {
    std::vector<Peer> present;
    Remarks remarks;
};

/// The peers that were found when this was built and that run on this CPU, each on one thread.
Peers find_peers();

}  // namespace densimd::bench
