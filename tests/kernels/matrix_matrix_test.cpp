// gemm, gemm_nt and gemm_tn against the reference, on every shape and layout.
#include <doctest/doctest.h>

#include <vector>

#include "support/isas.hpp"
#include "support/random.hpp"
#include "support/sizes.hpp"

using namespace densimd::test;

namespace {

template <class T>
std::vector<T> reference_gemm(Shape s, const std::vector<T>& X, const std::vector<T>& W) {
    std::vector<T> Z(s.batch * s.out);
    kernels::reference<T>().gemm(s.batch, s.in, s.out, X.data(), s.in, W.data(), s.out, Z.data(), s.out);
    return Z;
}

template <class T>
std::vector<T> reference_gemm_nt(Shape s, const std::vector<T>& dZ, const std::vector<T>& W) {
    std::vector<T> dX(s.batch * s.in);
    kernels::reference<T>().gemm_nt(s.batch, s.in, s.out, dZ.data(), s.out, W.data(), s.out, dX.data(), s.in);
    return dX;
}

// X and dZ may be a single row, to be used for the whole batch.
template <class T>
std::vector<T> reference_gemm_tn(Shape s, const std::vector<T>& X, const std::vector<T>& dZ,
                                 bool repeat_X = false, bool repeat_dZ = false) {
    std::vector<T> dW(s.in * s.out);
    kernels::reference<T>().gemm_tn(s.batch, s.in, s.out, X.data(), repeat_X ? 0 : s.in, dZ.data(),
                                    repeat_dZ ? 0 : s.out, dW.data(), s.out);
    return dW;
}

}  // namespace

TEST_CASE_TEMPLATE("gemm", T, float, double) {
    Random random;
    for (const Shape s : matrix_shapes()) {
        INFO("batch ", s.batch, ", in ", s.in, ", out ", s.out);
        const auto X = random.vector<T>(s.batch * s.in), W = random.vector<T>(s.in * s.out);
        const auto expected = reference_gemm(s, X, W);
        const auto bound = sum_bound(s.in, reference_gemm(s, magnitudes(X), magnitudes(W)));
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            Guarded<T> X_in(s.batch, s.in, X, layout), W_in(s.in, s.out, W, layout),
                Z(s.batch, s.out, layout);
            kernels.gemm(s.batch, s.in, s.out, X_in.data(), X_in.ld(), W_in.data(), W_in.ld(), Z.data(),
                         Z.ld());
            CHECK(difference(Z.values(), expected, bound) == "");
            CHECK(Z.padding_intact());
            CHECK((X_in.unchanged() && W_in.unchanged()));
            return Z.values();
        });
    }
}

TEST_CASE_TEMPLATE("gemm_nt", T, float, double) {
    Random random;
    for (const Shape s : matrix_shapes()) {
        INFO("batch ", s.batch, ", in ", s.in, ", out ", s.out);
        const auto dZ = random.vector<T>(s.batch * s.out), W = random.vector<T>(s.in * s.out);
        const auto expected = reference_gemm_nt(s, dZ, W);
        const auto bound = sum_bound(s.out, reference_gemm_nt(s, magnitudes(dZ), magnitudes(W)));
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            Guarded<T> dZ_in(s.batch, s.out, dZ, layout), W_in(s.in, s.out, W, layout),
                dX(s.batch, s.in, layout);
            kernels.gemm_nt(s.batch, s.in, s.out, dZ_in.data(), dZ_in.ld(), W_in.data(), W_in.ld(), dX.data(),
                            dX.ld());
            CHECK(difference(dX.values(), expected, bound) == "");
            CHECK(dX.padding_intact());
            CHECK((dZ_in.unchanged() && W_in.unchanged()));
            return dX.values();
        });
    }
}

TEST_CASE_TEMPLATE("gemm_tn", T, float, double) {
    Random random;
    for (const Shape s : matrix_shapes()) {
        INFO("batch ", s.batch, ", in ", s.in, ", out ", s.out);
        const auto X = random.vector<T>(s.batch * s.in), dZ = random.vector<T>(s.batch * s.out);
        const auto expected = reference_gemm_tn(s, X, dZ);
        const auto bound = sum_bound(s.batch, reference_gemm_tn(s, magnitudes(X), magnitudes(dZ)));
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            Guarded<T> X_in(s.batch, s.in, X, layout), dZ_in(s.batch, s.out, dZ, layout),
                dW(s.in, s.out, layout);
            kernels.gemm_tn(s.batch, s.in, s.out, X_in.data(), X_in.ld(), dZ_in.data(), dZ_in.ld(), dW.data(),
                            dW.ld());
            CHECK(difference(dW.values(), expected, bound) == "");
            CHECK(dW.padding_intact());
            CHECK((X_in.unchanged() && dZ_in.unchanged()));
            return dW.values();
        });
    }
}

TEST_CASE_TEMPLATE("gemm_tn with one row for the whole batch", T, float, double) {
    Random random;
    for (const Shape s : matrix_shapes())
        for (const bool repeat_X : {false, true}) {
            const bool repeat_dZ = !repeat_X || s.in % 2 == 0;
            INFO("batch ", s.batch, ", in ", s.in, ", out ", s.out, ", ldx 0 ", repeat_X, ", lddz 0 ",
                 repeat_dZ);
            const std::size_t X_rows = repeat_X ? 1 : s.batch, dZ_rows = repeat_dZ ? 1 : s.batch;
            const auto X = random.vector<T>(X_rows * s.in), dZ = random.vector<T>(dZ_rows * s.out);
            const auto expected = reference_gemm_tn(s, X, dZ, repeat_X, repeat_dZ);
            const auto bound =
                sum_bound(s.batch, reference_gemm_tn(s, magnitudes(X), magnitudes(dZ), repeat_X, repeat_dZ));
            on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
                Guarded<T> X_in(X_rows, s.in, X, layout), dZ_in(dZ_rows, s.out, dZ, layout),
                    dW(s.in, s.out, layout);
                kernels.gemm_tn(s.batch, s.in, s.out, X_in.data(), repeat_X ? 0 : X_in.ld(), dZ_in.data(),
                                repeat_dZ ? 0 : dZ_in.ld(), dW.data(), dW.ld());
                CHECK(difference(dW.values(), expected, bound) == "");
                return dW.values();
            });
        }
}
