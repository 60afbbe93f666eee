// What is said in the report of libraries that were found, or were not.
#include "found.hpp"

#include <algorithm>

namespace densimd::bench {

bool runs_here(kernels::Isa isa) {
    return std::ranges::find(kernels::available_isas(), isa) != kernels::available_isas().end();
}

std::string remark_on_levels(bool found, const std::string& version, const std::string& compiled) {
    if (!found) return not_found;
    if (compiled.empty()) return version + ", **missing**, it was compiled for newer CPUs";
    return version + ", compiled for " + compiled;
}

}  // namespace densimd::bench
