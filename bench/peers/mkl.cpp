// MKL multiplies; biases are loops that the compiler vectorises, activations densimd's kernels.
#include "mkl.hpp"

#include <mkl.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

namespace densimd::bench {
namespace {

// A product as the JIT has it: a kernel for one shape, all its strides and factors.
class Product {
  public:
    struct Matrix {
        MKL_TRANSPOSE transpose;
        std::size_t ld;
        float* data;
    };
    Product(std::size_t m, std::size_t n, std::size_t k, float alpha, Matrix a, Matrix b, float beta, std::size_t ldc,
            float* c)
        : a_(a.data), b_(b.data), c_(c) {
        const auto size = [](std::size_t value) { return static_cast<MKL_INT>(value); };
        // MKL_NO_JIT: a kernel too, which calls the ordinary sgemm.
        const mkl_jit_status_t status =
            mkl_jit_create_sgemm(&jitter_, MKL_ROW_MAJOR, a.transpose, b.transpose, size(m), size(n), size(k), alpha,
                                 size(a.ld), size(b.ld), beta, size(ldc));
        if (status == MKL_JIT_ERROR) {
            std::fprintf(stderr, "MKL's JIT failed for %zu x %zu x %zu\n", m, n, k);
            std::exit(1);
        }
        kernel_ = mkl_jit_get_sgemm_ptr(jitter_);
    }
    Product(const Product&) = delete;
    Product& operator=(const Product&) = delete;
    ~Product() { mkl_jit_destroy(jitter_); }

    void operator()() const { kernel_(jitter_, a_, b_, c_); }

  private:
    void* jitter_ = nullptr;
    sgemm_jit_kernel_t kernel_ = nullptr;
    float *a_, *b_, *c_;
};

void add_to_rows(std::size_t rows, std::size_t count, const float* b, float* A, std::size_t lda) {
    for (std::size_t r = 0; r < rows; ++r, A += lda)
        for (std::size_t i = 0; i < count; ++i) A[i] += b[i];
}

// Gaps between rows are computed along where that costs less than to stop at each.
bool is_nearly_packed(std::size_t count, std::size_t ld) { return 4 * (ld - count) <= ld; }

}  // namespace

std::function<void()> mkl_jit(std::string_view kernel, Operands& o) {
    mkl_set_threading_layer(MKL_THREADING_SEQUENTIAL);
    const auto& k = kernels::active<float>();
    const auto [batch, in, out] = o.shape;
    const Product::Matrix X = {MKL_NOTRANS, o.ld_in, o.X.data()}, W = {MKL_NOTRANS, o.ldw, o.W.data()},
                          dZ = {MKL_NOTRANS, o.ld_out, o.dZ.data()};
    const auto transposed = [](Product::Matrix m) {
        m.transpose = MKL_TRANS;
        return m;
    };
    if (kernel == "dense_forward") {
        const auto product =
            std::make_shared<const Product>(batch, out, in, 1.f, X, W, 0.f, o.ld_out, o.A.data());
        return [&o, &k, product] {
            (*product)();
            const auto [rows, inputs, outputs] = o.shape;
            add_to_rows(rows, outputs, o.b.data(), o.A.data(), o.ld_out);
            if (is_nearly_packed(outputs, o.ld_out))
                k.sigmoid((rows - 1) * o.ld_out + outputs, o.A.data(), o.A.data());
            else
                for (std::size_t r = 0; r < rows; ++r)
                    k.sigmoid(outputs, o.A.data() + r * o.ld_out, o.A.data() + r * o.ld_out);
        };
    }
    if (kernel == "dense_backward_input") {
        const auto product =
            std::make_shared<const Product>(batch, in, out, 1.f, dZ, transposed(W), 0.f, o.ld_in, o.dX.data());
        return [&o, &k, product] {
            (*product)();
            const auto [rows, inputs, outputs] = o.shape;
            if (is_nearly_packed(inputs, o.ld_in))
                k.sigmoid_grad((rows - 1) * o.ld_in + inputs, o.X.data(), o.dX.data(), o.dX.data());
            else
                for (std::size_t r = 0; r < rows; ++r)
                    k.sigmoid_grad(inputs, o.X.data() + r * o.ld_in, o.dX.data() + r * o.ld_in,
                                   o.dX.data() + r * o.ld_in);
        };
    }
    const float scale = -0.5f / static_cast<float>(batch);
    const auto product = std::make_shared<const Product>(in, out, batch, scale, transposed(X), dZ, 1.f, o.ldw,
                                                         o.W.data());
    return [&o, scale, product] {
        (*product)();
        for (std::size_t r = 0; r < o.shape.batch; ++r)
            for (std::size_t i = 0; i < o.shape.out; ++i) o.b[i] += scale * o.dZ[r * o.ld_out + i];
    };
}

std::string mkl_version() {
    MKLVersion version;
    mkl_get_version(&version);
    return std::to_string(version.MajorVersion) + "." + std::to_string(version.MinorVersion) + "." +
           std::to_string(version.UpdateVersion);
}

}  // namespace densimd::bench
