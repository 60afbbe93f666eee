// train_per_sample with the last layer's weights transposed.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "support/activations.hpp"
#include "support/guarded.hpp"
#include "support/isas.hpp"
#include "support/networks.hpp"
#include "support/random.hpp"

using namespace densimd::test;
using kernels::Activation;
using kernels::Layer;
using kernels::Loss;

namespace {

constexpr std::size_t samples = 21;  // more than a vector of steps

// Around the widths of a vector and of a line, of several vectors and of multiples of four outputs.
const std::vector<std::vector<std::size_t>> all_widths = {
    {3, 1, 2},   {4, 3, 2},   {5, 4, 3},    {6, 5, 4},    {7, 8, 5},      {8, 16, 6},      {2, 15, 7},
    {3, 17, 8},  {4, 31, 9},  {12, 64, 10}, {5, 65, 11},  {40, 35, 12},   {9, 100, 13},    {3, 48, 14},
    {2, 33, 15}, {5, 16, 16}, {3, 600, 3},  {2, 8, 9, 5}, {6, 70, 40, 8}, {4, 3, 20, 6, 2}};

template <class T>
std::vector<T> transposed(const TestNetwork<T>& net) {
    const Layer& last = net.layers.back();
    std::vector<T> W(kernels::transposed_size<T>(last));
    for (std::size_t k = 0; k < last.inputs; ++k)
        for (std::size_t j = 0; j < last.outputs; ++j)
            W[kernels::transposed_at<T>(last, k, j)] = net.parameters[last.weights + k * last.stride + j];
    return W;
}

// The weights alone, in the order of the parameters.
template <class T>
std::vector<T> weights_of(const Layer& last, const std::vector<T>& W) {
    std::vector<T> weights;
    for (std::size_t k = 0; k < last.inputs; ++k)
        for (std::size_t j = 0; j < last.outputs; ++j)
            weights.push_back(W[kernels::transposed_at<T>(last, k, j)]);
    return weights;
}

template <class T>
struct TransposedTraining : GuardedTraining<T> {
    GuardedVector<T> W;

    TransposedTraining(const TestNetwork<T>& net, Loss loss, const std::vector<T>& x, const std::vector<T>& y,
                       Layout layout)
        : GuardedTraining<T>(net, loss, T{0.001f}, x, y, samples, samples, layout),
          W(transposed(net), layout) {
        this->job.transposed = W.data();
    }
};

template <class T>
bool is_transposable(const TestNetwork<T>& net) {
    return kernels::has_transposable_last<T>(net.layers.size(), net.layers.data());
}

}  // namespace

TEST_CASE("which last layers can be transposed") {
    const Layer one{4, 1, 1, Activation::sigmoid, 0, 0}, ten{4, 10, 16, Activation::sigmoid, 0, 0},
        seventeen{4, 17, 32, Activation::sigmoid, 0, 0};
    const Layer layers[] = {ten, one}, tens[] = {ten, ten}, wide[] = {ten, seventeen};
    CHECK(kernels::has_transposable_last<float>(2, tens));
    CHECK_FALSE(kernels::has_transposable_last<double>(2, tens));
    CHECK_FALSE(kernels::has_transposable_last<float>(1, tens));
    CHECK_FALSE(kernels::has_transposable_last<float>(2, layers));
    CHECK_FALSE(kernels::has_transposable_last<float>(2, wide));
}

TEST_CASE_TEMPLATE("a transposed last layer learns what its reference does", T, float, double) {
    Random random;
    for (const auto& widths : all_widths)
        for (const Loss loss : {Loss::mean_squared_error, Loss::binary_cross_entropy, Loss::cosine_distance,
                                Loss::mean_absolute_error, Loss::huber, Loss::categorical_cross_entropy})
            for (const Activation activation : for_training)
                for (const bool block : {false, true}) {
                    const TestNetwork<T> net(widths, activation, 2, random);
                    if (!is_transposable(net)) continue;
                    INFO("network ", net.name(), ", loss ", static_cast<int>(loss), ", ", name_of(activation),
                         block ? ", in a block" : "");
                    const Layer &first = net.layers.front(), &last = net.layers.back();
                    const auto X = random.vector<T>(samples * net.inputs(), 0, 1),
                               Y = random.vector<T>(samples * net.outputs(), 0, 1),
                               products = random.vector<T>(samples * samples),
                               P = random.vector<T>(samples * first.outputs);
                    const auto train = [&](const Kernels<T>& k, TransposedTraining<T>& training,
                                           Guarded<T>& dZ, Guarded<T>& all_products) {
                        if (block) {
                            training.job.products = all_products.data();
                            training.job.ldp = all_products.ld();
                            training.job.dZ = dZ.data();
                            training.job.lddz = dZ.ld();
                        }
                        CHECK(k.train_per_sample(samples, training.job) == samples);
                    };
                    TransposedTraining<T> expected(net, loss, X, Y, layouts[0]);
                    Guarded<T> expected_dZ(samples, first.outputs, P, layouts[0]),
                        unchanged(samples, samples, products, layouts[0]);
                    train(kernels::reference<T>(), expected, expected_dZ, unchanged);
                    on_every_isa<T>([&](const Kernels<T>& k, Layout layout) {
                        TransposedTraining<T> found(net, loss, X, Y, layout);
                        Guarded<T> dZ(samples, first.outputs, P, layout),
                            all_products(samples, samples, products, layout);
                        train(k, found, dZ, all_products);
                        // As for other networks: see "train_per_sample computes what its reference does".
                        const auto check = [](const std::vector<T>& what, const std::vector<T>& wanted) {
                            const T bound = 1000 * std::numeric_limits<T>::epsilon();
                            std::vector<T> bounds(wanted.size());
                            for (std::size_t i = 0; i < bounds.size(); ++i)
                                bounds[i] = bound * std::max(T{1}, std::abs(wanted[i]));
                            CHECK(difference(what, wanted, bounds) == "");
                        };
                        check(weights_of(last, found.W.values()), weights_of(last, expected.W.values()));
                        check(found.parameters.values(), expected.parameters.values());
                        check(found.losses.values(), expected.losses.values());
                        check(found.outputs.values(), expected.outputs.values());
                        check(dZ.values(), expected_dZ.values());
                        for (std::size_t k_in = 0; k_in < last.inputs; ++k_in)  // those among the parameters
                            for (std::size_t j = 0; j < last.outputs; ++j) {
                                const std::size_t at = last.weights + k_in * last.stride + j;
                                CHECK(found.parameters.values()[at] == net.parameters[at]);
                            }
                        CHECK((dZ.padding_intact() && all_products.unchanged() && found.X.unchanged() &&
                               found.Y.unchanged()));
                        std::vector<T> all = found.parameters.values();
                        for (const std::vector<T>& more : {weights_of(last, found.W.values()), dZ.values()})
                            all.insert(all.end(), more.begin(), more.end());
                        return all;
                    });
                }
}

TEST_CASE_TEMPLATE("a transposed last layer stops before the step of a loss that is not finite", T, float,
                   double) {
    Random random;
    for (const auto& widths : all_widths) {
        const TestNetwork<T> net(widths, Activation::sigmoid, 0, random);
        if (!is_transposable(net)) continue;
        INFO("network ", net.name());
        const auto X = random.vector<T>(samples * net.inputs());
        auto Y = random.vector<T>(samples * net.outputs(), 0, 1);
        Y[3 * net.outputs()] = std::numeric_limits<T>::max();  // its square is infinite
        on_every_table<T>([&](const Kernels<T>& k) {
            TransposedTraining<T> found(net, Loss::mean_squared_error, X, Y, layouts[0]),
                three(net, Loss::mean_squared_error, X, Y, layouts[0]);
            CHECK(k.train_per_sample(samples, found.job) == 3);
            CHECK(k.train_per_sample(0, three.job) == 0);
            CHECK(k.train_per_sample(1, three.job) == 1);
            three.job.X += three.job.ldx;
            three.job.Y += three.job.ldy;
            CHECK(k.train_per_sample(2, three.job) == 2);
            CHECK(bit_difference(found.parameters.values(), three.parameters.values()) == "");
            const Layer& last = net.layers.back();
            CHECK(bit_difference(weights_of(last, found.W.values()), weights_of(last, three.W.values())) ==
                  "");
            CHECK(found.losses.values()[3] == std::numeric_limits<T>::infinity());
        });
    }
}
