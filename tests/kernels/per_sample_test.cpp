// The kernels that pass over W once for an update and a product give the bits of the two that they stand for.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/activations.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"
#include "support/sizes.hpp"

using namespace densimd::test;

namespace {

// Every width of a panel, with tails, and rows so long that they are added up one after the other.
std::vector<Shape> shapes() {
#ifdef DENSIMD_TESTS_ARE_SLOW
    constexpr std::size_t sizes[] = {0, 1, 3, 4, 5, 8, 9, 16, 17, 33}, long_sizes[] = {257, 515};
#else
    constexpr std::size_t sizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 48, 63, 64, 65, 100, 130},
                          long_sizes[] = {255, 256, 257, 511, 512, 515, 600};
#endif
    std::vector<Shape> shapes;
    for (const std::size_t in : sizes)
        for (const std::size_t out : sizes) shapes.push_back({1, in, out});
    for (const std::size_t length : long_sizes)
        for (const std::size_t other : {0u, 1u, 3u, 4u, 5u, 9u, 17u}) {
            shapes.push_back({1, length, other});
            shapes.push_back({1, other, length});
        }
    return shapes;
}

// Calls check(shape, activation, with_bias).
template <class Check>
void for_each_case(Check check) {
    for (const Shape s : shapes())
        for (const Activation activation : all_activations)
            for (const bool with_bias : {false, true}) {
                INFO("in ", s.in, ", out ", s.out, ", ", std::string(name_of(activation)), ", bias ",
                     with_bias);
                check(s, activation, with_bias);
            }
}

// What both kernels write to besides their result, and a sample.
template <class T>
struct Operands {
    Guarded<T> W;
    GuardedVector<T> b, x, dz;

    Operands(Shape s, const std::vector<T>& weights, const std::vector<T>& biases,
             const std::vector<T>& sample, const std::vector<T>& gradient, Layout layout)
        : W(s.in, s.out, weights, layout), b(biases, layout), x(sample, layout), dz(gradient, layout) {}

    void check_same(const Operands& expected, bool with_bias) const {
        CHECK(bit_difference(W.values(), expected.W.values()) == "");
        CHECK(bit_difference(b.values(), expected.b.values()) == "");
        CHECK(W.padding_intact());
        CHECK((with_bias || b.unchanged()));
        CHECK(x.unchanged());
    }
};

// All that a kernel wrote: of equal bits in all layouts and on all ISAs with FMA.
template <class T>
std::vector<T> results(const Operands<T>& operands, std::vector<T> result) {
    for (const std::vector<T>& more : {operands.W.values(), operands.b.values()})
        result.insert(result.end(), more.begin(), more.end());
    return result;
}

}  // namespace

TEST_CASE_TEMPLATE("dense_backward_update is dense_backward_input and dense_update", T, float, double) {
    Random random;
    for_each_case([&](Shape s, Activation activation, bool with_bias) {
        const auto W = random.vector<T>(s.in * s.out), b = random.vector<T>(s.out),
                   x = random.vector<T>(s.in), dz = random.vector<T>(s.out), a = random.vector<T>(s.in, 0, 1);
        const T scale = random.uniform(T{-2}, T{2});
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            Operands<T> expected(s, W, b, x, dz, layout);
            GuardedVector<T> a_in(a, layout), dx(s.in, layout), dx_of_x(s.in, layout);
            const auto backward_of = [&](const T* output, GuardedVector<T>& result) {
                kernels.dense_backward_input(1, s.in, s.out, dz.data(), s.out, expected.W.data(),
                                             expected.W.ld(), output, s.in, activation, result.data(), s.in);
            };
            backward_of(a.data(), dx);
            backward_of(x.data(), dx_of_x);
            kernels.dense_update(1, s.in, s.out, x.data(), s.in, dz.data(), s.out, scale, expected.W.data(),
                                 expected.W.ld(), with_bias ? expected.b.data() : nullptr);
            // `output` may be x, or null for the identity; dx may be `output`.
            const auto check = [&](Operands<T>& found, const T* output, T* found_dx,
                                   const GuardedVector<T>& expected_dx) {
                kernels.dense_backward_update(
                    s.in, s.out, found.x.data(), found.dz.data(), scale, found.W.data(), found.W.ld(),
                    with_bias ? found.b.data() : nullptr, output, activation, found_dx);
                CHECK(bit_difference(std::vector<T>(found_dx, found_dx + s.in), expected_dx.values()) == "");
                found.check_same(expected, with_bias);
                CHECK(found.dz.unchanged());
            };
            Operands<T> found(s, W, b, x, dz, layout), in_place(s, W, b, x, dz, layout),
                of_x(s, W, b, x, dz, layout);
            GuardedVector<T> found_dx(s.in, layout), a_over(a, layout);
            check(found, activation == Activation::identity ? nullptr : a_in.data(), found_dx.data(), dx);
            CHECK(a_in.unchanged());
            check(in_place, a_over.data(), a_over.data(), dx);
            check(of_x, of_x.x.data(), found_dx.data(), dx_of_x);
            return results(found, dx.values());
        });
    });
}

TEST_CASE_TEMPLATE("dense_update_forward is dense_update and dense_forward", T, float, double) {
    Random random;
    for_each_case([&](Shape s, Activation activation, bool with_bias) {
        const auto W = random.vector<T>(s.in * s.out), b = random.vector<T>(s.out),
                   x = random.vector<T>(s.in), dz = random.vector<T>(s.out), next_x = random.vector<T>(s.in);
        const T scale = random.uniform(T{-2}, T{2});
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            Operands<T> expected(s, W, b, x, dz, layout);
            GuardedVector<T> next_x_in(next_x, layout), y(s.out, layout);
            T* const new_b = with_bias ? expected.b.data() : nullptr;
            kernels.dense_update(1, s.in, s.out, x.data(), s.in, dz.data(), s.out, scale, expected.W.data(),
                                 expected.W.ld(), new_b);
            kernels.dense_forward(1, s.in, s.out, next_x.data(), s.in, expected.W.data(), expected.W.ld(),
                                  new_b, activation, y.data(), s.out);
            const auto check = [&](Operands<T>& found, T* found_y) {
                kernels.dense_update_forward(
                    s.in, s.out, found.x.data(), found.dz.data(), scale, found.W.data(), found.W.ld(),
                    with_bias ? found.b.data() : nullptr, next_x_in.data(), activation, found_y);
                CHECK(bit_difference(std::vector<T>(found_y, found_y + s.out), y.values()) == "");
                found.check_same(expected, with_bias);
                CHECK(next_x_in.unchanged());
            };
            Operands<T> found(s, W, b, x, dz, layout);
            GuardedVector<T> found_y(s.out, layout);
            check(found, found_y.data());
            CHECK(found.dz.unchanged());
            return results(found, y.values());
        });
    });
}

TEST_CASE_TEMPLATE("a sample in place of x and next_x alike", T, float, double) {
    Random random;
    constexpr std::size_t in = 19, out = 21;
    const auto W = random.vector<T>(in * out), b = random.vector<T>(out), x = random.vector<T>(in),
               dz = random.vector<T>(out);
    for (const Isa isa : kernels::available_isas()) {
        INFO("isa ", std::string(kernels::name(isa)));
        const auto run = [&](const T* next_x) {
            std::vector<T> new_W = W, new_b = b, y(out);
            kernels::table<T>(isa).dense_update_forward(in, out, x.data(), dz.data(), T{0.5}, new_W.data(),
                                                        out, new_b.data(), next_x, Activation::tanh,
                                                        y.data());
            return y;
        };
        CHECK(bit_difference(run(x.data()), run(std::vector<T>(x).data())) == "");
    }
}
