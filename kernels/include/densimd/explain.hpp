// How a kernel would compute a call: the path and tiles that it chooses by shape, as text.
//
//     std::puts(densimd::kernels::explain<float>({.operation = densimd::kernels::Operation::dense_forward,
//                                                 .batch = 32, .in = 784, .out = 128}).c_str());
#pragma once

#include <densimd/version.hpp>

#include <cstddef>
#include <string>

#include <densimd/isa.hpp>
#include <densimd/kernels.hpp>

namespace densimd::kernels {

/// The kernels that choose by shape, and that can be explained. gemm and gemv are dense_forward, gemm_nt and gemv_t
/// dense_backward_input, ger is dense_update with one row. gemm_tn is dense_update but for a single row.
enum class Operation { dense_forward, dense_backward_input, dense_update };

/// A call of one of them, with the names of its arguments. Strides in elements; 0: rows lie back to back.
struct Call {
    Operation operation = Operation::dense_forward;
    std::size_t batch = 1, in = 1, out = 1;
    std::size_t ldw = 0;  ///< of W
    std::size_t ldz = 0;  ///< of A, or of dZ
    Activation activation = Activation::identity;
};

/// One line: the ISA, the path, its tiles, and why. The same call always gets the same plan: it depends on the shape,
/// the strides and the ISA alone, and no bit of the result depends on it. The text is for people and may change.
/// Throws IsaError if there is no such ISA (it need not be one of this CPU), and std::bad_alloc.
template <Scalar T>
std::string explain(const Call& call, Isa isa);

/// On the active ISA. Throws what active_isa throws.
template <Scalar T>
std::string explain(const Call& call) {
    return explain<T>(call, active_isa());
}

extern template std::string explain<float>(const Call&, Isa);
#if DENSIMD_DOUBLE
extern template std::string explain<double>(const Call&, Isa);
#endif

}  // namespace densimd::kernels
