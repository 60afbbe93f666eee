// How much CPU time the system grants this process.
#pragma once

namespace densimd::nn {

/// CPUs whose time a Linux control group (cpu.max, or cpu.cfs_quota_us) leaves to this process, 0.5 for half
/// of one; infinity without such a limit. Allocates nothing.
double granted_cpus() noexcept;

}  // namespace densimd::nn
