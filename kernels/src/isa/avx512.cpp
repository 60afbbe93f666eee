// The kernels compiled for one ISA, and its one exported symbol.
#include "isa/avx512.hpp"

#include "algorithms/table.hpp"

namespace densimd::kernels {

constinit const Tables avx512_tables = make_tables();

}  // namespace densimd::kernels
