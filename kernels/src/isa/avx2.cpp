// The kernels compiled for one ISA, and its one exported symbol.
#include "isa/avx2.hpp"

#include "algorithms/table.hpp"

namespace densimd::kernels {

constinit const Tables avx2_tables = make_tables();

}  // namespace densimd::kernels
