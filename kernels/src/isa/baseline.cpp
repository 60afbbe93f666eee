// The kernels compiled for one ISA, and its one exported symbol.
#include "isa/baseline.hpp"

#include "algorithms/table.hpp"

namespace densimd::kernels {

constinit const Tables baseline_tables = make_tables();

}  // namespace densimd::kernels
