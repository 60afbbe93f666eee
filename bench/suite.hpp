// A suite of benchmarks, which main.cpp runs.
#pragma once

namespace densimd::bench {

/// Registers the benchmarks of the suite that the program was built from.
void register_all();

}  // namespace densimd::bench
