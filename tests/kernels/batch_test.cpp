// A row of the result does not depend, not by a bit, on the other rows that it is computed with, nor a column
// on the other columns.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "support/activations.hpp"
#include "support/compare.hpp"
#include "support/isas.hpp"
#include "support/losses.hpp"
#include "support/random.hpp"
#include "support/sizes.hpp"

using namespace densimd::test;

namespace {

// Calls check(kernels, shape) for each ISA and some shapes.
template <class T, class Check>
void for_each_shape(Check check) {
    for (const Isa isa : kernels::available_isas())
        for (const std::size_t batch : {5u, 6u, 7u, 13u, 33u})
            for (const std::size_t in : inner_sizes)
                for (const std::size_t out : outer_sizes) {
                    INFO("isa ", std::string(kernels::name(isa)), ", batch ", batch, ", in ", in, ", out ",
                         out);
                    check(kernels::table<T>(isa), Shape{batch, in, out});
                }
}

// The rows of `all` one by one from alone(first row, rows), which computes some of them by themselves.
template <class T, class Alone>
void check_rows(const std::vector<T>& all, std::size_t batch, Alone alone) {
    std::vector<T> one_by_one, by_threes;
    const auto append = [](std::vector<T>& rows, const std::vector<T>& part) {
        rows.insert(rows.end(), part.begin(), part.end());
    };
    for (std::size_t i = 0; i < batch; ++i) append(one_by_one, alone(i, 1));
    for (std::size_t i = 0; i < batch; i += 3)
        append(by_threes, alone(i, std::min<std::size_t>(3, batch - i)));
    CHECK(bit_difference(one_by_one, all) == "");
    CHECK(bit_difference(by_threes, all) == "");
}

}  // namespace

TEST_CASE_TEMPLATE("a row of gemm, gemv's too, does not depend on the batch", T, float, double) {
    Random random;
    for_each_shape<T>([&](const Kernels<T>& kernels, Shape s) {
        const auto X = random.vector<T>(s.batch * s.in), W = random.vector<T>(s.in * s.out);
        const auto rows = [&](std::size_t first, std::size_t count) {
            std::vector<T> Z(count * s.out);
            kernels.gemm(count, s.in, s.out, X.data() + first * s.in, s.in, W.data(), s.out, Z.data(), s.out);
            return Z;
        };
        const std::vector<T> all = rows(0, s.batch);
        check_rows(all, s.batch, rows);
        std::vector<T> y(s.out);
        kernels.gemv(s.in, s.out, X.data(), W.data(), s.out, nullptr, y.data());
        CHECK(bit_difference(y, rows(0, 1)) == "");
    });
}

TEST_CASE_TEMPLATE("a row of dense_backward_input_rows depends on the size of the batch alone", T, float, double) {
    Random random;
    for_each_shape<T>([&](const Kernels<T>& kernels, Shape s) {
        const auto dZ = random.vector<T>(s.batch * s.out), W = random.vector<T>(s.in * s.out);
        const auto X = random.vector<T>(s.batch * s.in, 0, 1);
        for (const Activation activation : all_activations)
            for (const std::size_t batch : {std::size_t{1}, s.batch, std::size_t{300}}) {
                INFO("for a batch of ", batch, ", ", std::string(name_of(activation)));
                const auto rows = [&](std::size_t first, std::size_t count) {
                    std::vector<T> dX(count * s.in);
                    kernels.dense_backward_input_rows(batch, count, s.in, s.out, dZ.data() + first * s.out, s.out,
                                                      W.data(), s.out, X.data() + first * s.in, s.in, activation,
                                                      dX.data(), s.in);
                    return dX;
                };
                const std::vector<T> all = rows(0, s.batch);
                check_rows(all, s.batch, rows);
                if (batch == 300) continue;
                std::vector<T> whole(batch * s.in);
                kernels.dense_backward_input(batch, s.in, s.out, dZ.data(), s.out, W.data(), s.out, X.data(), s.in,
                                             activation, whole.data(), s.in);
                CHECK(bit_difference(whole, rows(0, batch)) == "");
            }
        std::vector<T> dX(s.batch * s.in), expected = dX;
        kernels.gemm_nt(s.batch, s.in, s.out, dZ.data(), s.out, W.data(), s.out, dX.data(), s.in);
        kernels.dense_backward_input(s.batch, s.in, s.out, dZ.data(), s.out, W.data(), s.out, X.data(), s.in,
                                     Activation::identity, expected.data(), s.in);
        CHECK(bit_difference(dX, expected) == "");
        dX.resize(s.in);
        expected.resize(s.in);
        kernels.gemv_t(s.in, s.out, dZ.data(), W.data(), s.out, dX.data());
        kernels.dense_backward_input(1, s.in, s.out, dZ.data(), s.out, W.data(), s.out, X.data(), s.in,
                                     Activation::identity, expected.data(), s.in);
        CHECK(bit_difference(dX, expected) == "");
    });
}

// The order that kernels.hpp promises for a batch that is large enough for its layer's outputs.
TEST_CASE_TEMPLATE("the input gradient of a batch is a forward pass with W's transpose", T, float, double) {
    Random random;
    for (const Isa isa : kernels::available_isas()) {
        const Kernels<T>& k = kernels::table<T>(isa);
        for (const std::size_t batch : {2u, 5u, 33u, 70u})
            for (const std::size_t in : {2u, 3u, 8u, 16u, 17u, 40u, 64u, 65u, 70u, 130u})
                for (const std::size_t out : {1u, 2u, 3u, 4u, 5u, 8u, 9u, 16u, 24u, 33u, 60u, 300u, 512u, 513u}) {
                    if (out > 12 * batch || out > 512) continue;
                    INFO("isa ", std::string(kernels::name(isa)), ", batch ", batch, ", in ", in, ", out ", out);
                    const auto dZ = random.vector<T>(batch * out), W = random.vector<T>(in * out);
                    std::vector<T> transpose(in * out), dX(batch * in), expected(batch * in);
                    for (std::size_t i = 0; i < in; ++i)
                        for (std::size_t j = 0; j < out; ++j) transpose[j * in + i] = W[i * out + j];
                    k.gemm_nt(batch, in, out, dZ.data(), out, W.data(), out, dX.data(), in);
                    k.gemm(batch, out, in, dZ.data(), out, transpose.data(), in, expected.data(), in);
                    CHECK(bit_difference(dX, expected) == "");
                }
    }
}

TEST_CASE_TEMPLATE("a row of dense_forward does not depend on the batch", T, float, double) {
    Random random;
    for_each_shape<T>([&](const Kernels<T>& kernels, Shape s) {
        const auto X = random.vector<T>(s.batch * s.in), W = random.vector<T>(s.in * s.out),
                   b = random.vector<T>(s.out);
        for (const Activation activation : all_activations) {
            INFO(std::string(name_of(activation)));
            const auto rows = [&](std::size_t first, std::size_t count) {
                std::vector<T> A(count * s.out);
                kernels.dense_forward(count, s.in, s.out, X.data() + first * s.in, s.in, W.data(), s.out,
                                      b.data(), activation, A.data(), s.out);
                return A;
            };
            check_rows(rows(0, s.batch), s.batch, rows);
        }
    });
}

namespace {

// Parts of a row of n, of which the last may be short.
template <class Part>
void for_each_part_of(std::size_t n, Part part) {
    for (const std::size_t count : {1u, 16u, 65u})
        for (std::size_t first = 0; first < n; first += count)
            part(first, std::min<std::size_t>(count, n - first));
}

}  // namespace

TEST_CASE_TEMPLATE("dense_forward_columns has the bits of dense_forward, and changes no other column", T,
                   float, double) {
    Random random;
    for_each_shape<T>([&](const Kernels<T>& kernels, Shape s) {
        const auto X = random.vector<T>(s.batch * s.in), W = random.vector<T>(s.in * s.out),
                   b = random.vector<T>(s.out);
        for (const Activation activation : {Activation::identity, Activation::sigmoid, Activation::relu}) {
            INFO(std::string(name_of(activation)));
            for (const std::size_t batch : {std::size_t{1}, s.batch}) {
                std::vector<T> all(batch * s.out);
                kernels.dense_forward(batch, s.in, s.out, X.data(), s.in, W.data(), s.out, b.data(),
                                      activation, all.data(), s.out);
                for_each_part_of(s.out, [&](std::size_t first, std::size_t count) {
                    INFO("batch ", batch, ", columns ", first, " and ", count - 1, " more");
                    std::vector<T> A(batch * s.out, -5), expected = A;
                    for (std::size_t i = 0; i < batch; ++i)
                        std::copy_n(all.data() + i * s.out + first, count,
                                    expected.data() + i * s.out + first);
                    kernels.dense_forward_columns(batch, s.in, s.out, first, count, X.data(), s.in, W.data(),
                                                  s.out, b.data(), activation, A.data(), s.out);
                    CHECK(bit_difference(A, expected) == "");
                });
            }
        }
    });
}

TEST_CASE_TEMPLATE("columns of W are updated by themselves with the same bits", T, float, double) {
    Random random;
    for_each_shape<T>([&](const Kernels<T>& kernels, Shape s) {
        if (s.in == 0) return;  // W is empty: no pointer to move along its columns
        const auto X = random.vector<T>(s.batch * s.in), dZ = random.vector<T>(s.batch * s.out);
        const auto W = random.vector<T>(s.in * s.out), b = random.vector<T>(s.out);
        auto expected_W = W, expected_b = b;
        kernels.dense_update(s.batch, s.in, s.out, X.data(), s.in, dZ.data(), s.out, T{-0.375},
                             expected_W.data(), s.out, expected_b.data());
        for (const std::size_t size : {2u, 16u, 65u}) {
            INFO("in parts of ", size, ", the last with what is left");
            auto new_W = W, new_b = b;
            for (std::size_t j = 0; j < s.out;) {
                const std::size_t left = s.out - j, count = left < 2 * size ? left : size;
                kernels.dense_update(s.batch, s.in, count, X.data(), s.in, dZ.data() + j, s.out, T{-0.375},
                                     new_W.data() + j, s.out, new_b.data() + j);
                j += count;
            }
            CHECK(bit_difference(new_W, expected_W) == "");
            CHECK(bit_difference(new_b, expected_b) == "");
        }
    });
}

TEST_CASE_TEMPLATE("a row's loss and gradient do not depend on the batch", T, float, double) {
    Random random;
    for (const Loss<T>& kernel : losses<T>())
        for_each_shape<T>([&](const Kernels<T>& kernels, Shape s) {
            if (s.in != 1) return;  // losses have no `in`
            INFO(kernel.name);
            const auto A = random.vector<T>(s.batch * s.out, kernel.low, kernel.high),
                       Y = random.vector<T>(s.batch * s.out, kernel.target_low, kernel.target_high);
            const auto rows = [&](std::size_t first, std::size_t count) {
                std::vector<T> dA(count * s.out), result, loss(count);
                kernel.call(kernels, count, s.out, A.data() + first * s.out, s.out, Y.data() + first * s.out,
                            s.out, dA.data(), s.out, loss.data());
                for (std::size_t i = 0; i < count; ++i) {
                    result.push_back(loss[i]);
                    result.insert(result.end(), dA.data() + i * s.out, dA.data() + (i + 1) * s.out);
                }
                return result;
            };
            check_rows(rows(0, s.batch), s.batch, rows);
        });
}

TEST_CASE_TEMPLATE("a row's softmax does not depend on the batch", T, float, double) {
    Random random;
    for (const auto member : {&Kernels<T>::softmax, &Kernels<T>::log_softmax})
        for_each_shape<T>([&](const Kernels<T>& kernels, Shape s) {
            if (s.in != 1) return;  // softmax has no `in`
            const auto X = random.vector<T>(s.batch * s.out, -10, 10);
            const auto rows = [&](std::size_t first, std::size_t count) {
                std::vector<T> Y(count * s.out);
                (kernels.*member)(count, s.out, X.data() + first * s.out, s.out, Y.data(), s.out);
                return Y;
            };
            check_rows(rows(0, s.batch), s.batch, rows);
        });
}

TEST_CASE_TEMPLATE("dense_update of ranges of W's rows is that of the whole", T, float, double) {
    Random random;
    for_each_shape<T>([&](const Kernels<T>& kernels, Shape s) {
        const auto X = random.vector<T>(s.batch * s.in), dZ = random.vector<T>(s.batch * s.out),
                   W = random.vector<T>(s.in * s.out), b = random.vector<T>(s.out);
        std::vector<T> W_whole = W, b_whole = b, W_parts = W, b_parts = b;
        const auto update = [&](std::size_t first, std::size_t count, std::vector<T>& W_out, T* b_out) {
            kernels.dense_update(s.batch, count, s.out, X.data() + first, s.in, dZ.data(), s.out, T{0.75},
                                 W_out.data() + first * s.out, s.out, b_out);
        };
        update(0, s.in, W_whole, b_whole.data());
        std::size_t first = 0;
        for (std::size_t count = 1; first < s.in; count += 2) {
            const std::size_t part = std::min(count, s.in - first);
            update(first, part, W_parts, nullptr);
            first += part;
        }
        update(0, 0, W_parts, b_parts.data());
        CHECK(bit_difference(W_parts, W_whole) == "");
        CHECK(bit_difference(b_parts, b_whole) == "");
    });
}

// Products that underflow to -0 are sums of -0 or of +0: a lane without a term would show.
TEST_CASE_TEMPLATE("the zero of an underflow has the same sign everywhere", T, float, double) {
    const T tiny = std::numeric_limits<T>::min();
    for (const std::size_t in : {1u, 2u, 7u, 8u, 16u, 20u, 24u, 32u, 40u})
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout) {
            INFO("in ", in);
            std::vector<T> all;
            for (const std::size_t batch : {1u, 2u, 9u, 33u})
                for (const std::size_t ldw : {1u, 2u}) {
                    const std::vector<T> X(batch * in, -tiny), W(in * ldw, tiny);
                    std::vector<T> A(batch, 1), dX(batch * in, 1);
                    kernels.dense_forward(batch, in, 1, X.data(), in, W.data(), ldw, nullptr,
                                          Activation::identity, A.data(), 1);
                    kernels.gemm_nt(batch, in, 1, X.data(), 1, W.data(), ldw, dX.data(), in);
                    CHECK(bit_difference(A, std::vector<T>(batch, A[0])) == "");
                    CHECK(bit_difference(dX, std::vector<T>(batch * in, dX[0])) == "");
                    all.insert(all.end(), {A[0], dX[0]});
                }
            CHECK(bit_difference(all, std::vector<T>(all.size(), all[0])) == "");
            std::vector<T> dx(3, 1);
            const std::vector<T> dz(in, -tiny), W(3 * in, tiny);
            kernels.gemv_t(3, in, dz.data(), W.data(), in, dx.data());
            all.insert(all.end(), dx.begin(), dx.end());
            for (const std::size_t batch : {2u, 3u, 9u}) {
                const std::vector<T> dZ(batch * in, -tiny);
                std::vector<T> dX(batch * 3, 1);
                kernels.gemm_nt(batch, 3, in, dZ.data(), in, W.data(), in, dX.data(), 3);
                CHECK(bit_difference(dX, std::vector<T>(batch * 3, dx[0])) == "");
            }
            return all;
        });
}
