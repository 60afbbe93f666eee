// The kernels compiled for one ISA, and its one exported symbol.
#include "isa/neon.hpp"

#include "algorithms/table.hpp"

namespace densimd::kernels {

constinit const Tables neon_tables = make_tables();

}  // namespace densimd::kernels
