// gemv, gemv_t and ger against the reference, on every shape and layout.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/isas.hpp"
#include "support/random.hpp"
#include "support/sizes.hpp"

using namespace densimd::test;

namespace {

// All sizes, and rows so long that several are read at a time: fewer of those a multiple of 2 KiB apart.
template <class Check>
void for_each_shape(Check check) {
    const auto check_shape = [&](std::size_t in, std::size_t out) {
        INFO("in ", in, ", out ", out);
        check(in, out);
    };
    for (const std::size_t in : vector_sizes)
        for (const std::size_t out : vector_sizes) check_shape(in, out);
    for (const std::size_t in : {1u, 5u, 9u, 23u, 131u})
        for (const std::size_t out : {256u, 259u, 512u, 600u}) check_shape(in, out);
}

template <class T>
std::vector<T> reference_gemv(std::size_t in, std::size_t out, const std::vector<T>& x,
                              const std::vector<T>& W, const T* b) {
    std::vector<T> y(out);
    kernels::reference<T>().gemv(in, out, x.data(), W.data(), out, b, y.data());
    return y;
}

template <class T>
std::vector<T> reference_gemv_t(std::size_t in, std::size_t out, const std::vector<T>& dz,
                                const std::vector<T>& W) {
    std::vector<T> dx(in);
    kernels::reference<T>().gemv_t(in, out, dz.data(), W.data(), out, dx.data());
    return dx;
}

template <class T>
std::vector<T> reference_ger(std::size_t in, std::size_t out, T alpha, const std::vector<T>& x,
                             const std::vector<T>& dz, std::vector<T> W) {
    kernels::reference<T>().ger(in, out, alpha, x.data(), dz.data(), W.data(), out);
    return W;
}

}  // namespace

TEST_CASE_TEMPLATE("gemv", T, float, double) {
    Random random;
    for_each_shape([&](std::size_t in, std::size_t out) {
        const auto x = random.vector<T>(in), W = random.vector<T>(in * out), b = random.vector<T>(out);
        for (const bool with_bias : {false, true}) {
            INFO("bias ", with_bias);
            const auto b_magnitudes = magnitudes(b);
            const auto expected = reference_gemv(in, out, x, W, with_bias ? b.data() : nullptr);
            const auto bound =
                sum_bound(in + with_bias, reference_gemv(in, out, magnitudes(x), magnitudes(W),
                                                         with_bias ? b_magnitudes.data() : nullptr));
            on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
                GuardedVector<T> x_in(x, layout), b_in(b, layout), y(out, layout);
                Guarded<T> W_in(in, out, W, layout);
                kernels.gemv(in, out, x_in.data(), W_in.data(), W_in.ld(), with_bias ? b_in.data() : nullptr,
                             y.data());
                CHECK(difference(y.values(), expected, bound) == "");
                CHECK((x_in.unchanged() && b_in.unchanged() && W_in.unchanged()));
                return y.values();
            });
        }
    });
}

// Stores that look like loads of W to come are gone through backwards.
TEST_CASE_TEMPLATE("gemv gives the same bits wherever its results lie", T, float, double) {
    constexpr std::size_t in = 23, out = 515, page = 4096 / sizeof(T);
    Random random;
    const auto x = random.vector<T>(in), W = random.vector<T>(in * out);
    for (const Isa isa : kernels::available_isas()) {
        INFO("isa ", std::string(kernels::name(isa)));
        std::vector<T> expected(out), memory(page + out);
        kernels::table<T>(isa).gemv(in, out, x.data(), W.data(), out, nullptr, expected.data());
        for (std::size_t offset = 0; offset < page; offset += 13) {
            T* const y = memory.data() + offset;
            kernels::table<T>(isa).gemv(in, out, x.data(), W.data(), out, nullptr, y);
            CHECK(bit_difference(std::vector<T>(y, y + out), expected) == "");
        }
    }
}

TEST_CASE_TEMPLATE("gemv_t", T, float, double) {
    Random random;
    for_each_shape([&](std::size_t in, std::size_t out) {
        const auto dz = random.vector<T>(out), W = random.vector<T>(in * out);
        const auto expected = reference_gemv_t(in, out, dz, W);
        const auto bound = sum_bound(out, reference_gemv_t(in, out, magnitudes(dz), magnitudes(W)));
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            GuardedVector<T> dz_in(dz, layout), dx(in, layout);
            Guarded<T> W_in(in, out, W, layout);
            kernels.gemv_t(in, out, dz_in.data(), W_in.data(), W_in.ld(), dx.data());
            CHECK(difference(dx.values(), expected, bound) == "");
            CHECK((dz_in.unchanged() && W_in.unchanged()));
            return dx.values();
        });
    });
}

TEST_CASE_TEMPLATE("ger", T, float, double) {
    Random random;
    for_each_shape([&](std::size_t in, std::size_t out) {
        const auto x = random.vector<T>(in), dz = random.vector<T>(out), W = random.vector<T>(in * out);
        const T alpha = random.uniform(T{-1}, T{1});
        const auto expected = reference_ger(in, out, alpha, x, dz, W);
        const auto bound = sum_bound(
            2, reference_ger(in, out, std::abs(alpha), magnitudes(x), magnitudes(dz), magnitudes(W)));
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            GuardedVector<T> x_in(x, layout), dz_in(dz, layout);
            Guarded<T> W_out(in, out, W, layout);
            kernels.ger(in, out, alpha, x_in.data(), dz_in.data(), W_out.data(), W_out.ld());
            CHECK(difference(W_out.values(), expected, bound) == "");
            CHECK(W_out.padding_intact());
            CHECK((x_in.unchanged() && dz_in.unchanged()));
            return W_out.values();
        });
    });
}
