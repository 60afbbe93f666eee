// The kernels' calls, and how two results are compared.
#include "operands.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "data.hpp"
#include "stride.hpp"

namespace densimd::bench {

using kernels::Activation;
using kernels::Kernels;

Operands::Operands(Shape s, Rows rows)
    : shape(s),
      ld_in(rows == Rows::padded ? nn::stride_for<float>(s.in) : s.in),
      ld_out(rows == Rows::padded ? nn::stride_for<float>(s.out) : s.out),
      X(numbers<float>(s.batch * ld_in, 0, 1, 1)),
      W(numbers<float>(s.in * ld_out, -0.1, 0.1, 2)),
      b(numbers<float>(s.out, -0.1, 0.1, 3)),
      dZ(numbers<float>(s.batch * ld_out, -0.1, 0.1, 4)),
      A(numbers<float>(s.batch * ld_out, 0, 1, 5)),
      Y(numbers<float>(s.batch * ld_out, 0, 1, 6)),
      dX(s.batch * ld_in),
      loss(s.batch) {}

namespace {

constexpr KernelCall calls[] = {
    {"sigmoid", false, true,
     [](const Kernels<float>& k, Operands& o) { k.sigmoid(o.A.size(), o.dZ.data(), o.A.data()); }},
    {"sigmoid_grad", false, true,
     [](const Kernels<float>& k, Operands& o) {
         k.sigmoid_grad(o.A.size(), o.dZ.data(), o.dZ.data(), o.A.data());
     }},
    {"all_finite", false, true,
     [](const Kernels<float>& k, Operands& o) {
         o.loss[0] = k.all_finite(o.dZ.size(), o.dZ.data()) ? 1.f : 0.f;
     }},
    {"gemv", true, false,
     [](const Kernels<float>& k, Operands& o) {
         k.gemv(o.shape.in, o.shape.out, o.X.data(), o.W.data(), o.ld_out, o.b.data(), o.A.data());
     }},
    {"gemv_t", true, false,
     [](const Kernels<float>& k, Operands& o) {
         k.gemv_t(o.shape.in, o.shape.out, o.dZ.data(), o.W.data(), o.ld_out, o.dX.data());
     }},
    {"ger", true, false,
     [](const Kernels<float>& k, Operands& o) {
         k.ger(o.shape.in, o.shape.out, -0.5f, o.X.data(), o.dZ.data(), o.W.data(), o.ld_out);
     }},
    {"gemm", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.gemm(o.shape.batch, o.shape.in, o.shape.out, o.X.data(), o.ld_in, o.W.data(), o.ld_out, o.A.data(),
                o.ld_out);
     }},
    {"gemm_nt", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.gemm_nt(o.shape.batch, o.shape.in, o.shape.out, o.dZ.data(), o.ld_out, o.W.data(), o.ld_out,
                   o.dX.data(), o.ld_in);
     }},
    {"gemm_tn", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.gemm_tn(o.shape.batch, o.shape.in, o.shape.out, o.X.data(), o.ld_in, o.dZ.data(), o.ld_out,
                   o.W.data(), o.ld_out);
     }},
    {"dense_forward", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.dense_forward(o.shape.batch, o.shape.in, o.shape.out, o.X.data(), o.ld_in, o.W.data(), o.ld_out,
                         o.b.data(), Activation::sigmoid, o.A.data(), o.ld_out);
     }},
    {"dense_backward_input", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.dense_backward_input(o.shape.batch, o.shape.in, o.shape.out, o.dZ.data(), o.ld_out, o.W.data(),
                                o.ld_out, o.X.data(), o.ld_in, Activation::sigmoid, o.dX.data(), o.ld_in);
     }},
    {"dense_update", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.dense_update(o.shape.batch, o.shape.in, o.shape.out, o.X.data(), o.ld_in, o.dZ.data(), o.ld_out,
                        0.5f, o.W.data(), o.ld_out, o.b.data());
     }},
    {"mean_squared_error", false, true,
     [](const Kernels<float>& k, Operands& o) {
         k.mean_squared_error(o.shape.batch, o.shape.out, o.A.data(), o.ld_out, o.Y.data(), o.ld_out,
                              o.dZ.data(), o.ld_out, o.loss.data());
     }},
    {"binary_cross_entropy", false, true,
     [](const Kernels<float>& k, Operands& o) {
         k.binary_cross_entropy(o.shape.batch, o.shape.out, o.A.data(), o.ld_out, o.Y.data(), o.ld_out,
                                o.dZ.data(), o.ld_out, o.loss.data());
     }},
    {"cosine_distance", false, true,
     [](const Kernels<float>& k, Operands& o) {
         k.cosine_distance(o.shape.batch, o.shape.out, o.A.data(), o.ld_out, o.Y.data(), o.ld_out,
                           o.dZ.data(), o.ld_out, o.loss.data());
     }},
};

}  // namespace

std::span<const KernelCall> kernel_calls() { return calls; }

void check(const std::string& what, const Operands& expected, const Operands& found) {
    for (const auto member :
         {&Operands::W, &Operands::b, &Operands::dZ, &Operands::A, &Operands::dX, &Operands::loss})
        for (std::size_t i = 0; i < (expected.*member).size(); ++i) {
            const float e = (expected.*member)[i], f = (found.*member)[i];
            if (std::abs(e - f) <= 1e-4f * (1 + std::abs(e))) continue;
            std::fprintf(stderr, "%s: element %zu is %g, expected %g\n", what.c_str(), i,
                         static_cast<double>(f), static_cast<double>(e));
            std::exit(1);
        }
}

}  // namespace densimd::bench
