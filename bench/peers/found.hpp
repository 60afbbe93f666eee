// What is said in the report of libraries that were found, or were not, and the levels that run here.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <densimd/kernels.hpp>

namespace densimd::bench {

/// Name and version of each library used, and why the others are missing.
using Remarks = std::vector<std::pair<std::string, std::string>>;

inline constexpr const char* not_found = "**missing**, it was not found when this was built";

bool runs_here(kernels::Isa isa);

/// Of a library that is compiled once for each level: `compiled` names those that run here.
std::string remark_on_levels(bool found, const std::string& version, const std::string& compiled);

}  // namespace densimd::bench
