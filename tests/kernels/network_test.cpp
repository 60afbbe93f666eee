// Kernels that take whole networks: the bits of the layers' kernels one by one, on guarded memory.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string_view>
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
using kernels::Method;

namespace {

constexpr std::size_t samples = 5;

// Around the widths of a vector and of a line, with one output and with more, alone and behind each other.
const std::vector<std::vector<std::size_t>> all_widths = {
    {1, 1},    {8, 1},       {16, 1},    {17, 1},          {33, 1},           {4, 2},       {5, 16},
    {3, 17},   {8, 16, 1},   {3, 1, 1},  {9, 5, 1},        {7, 17, 1},        {2, 8, 9, 1}, {1, 20, 7, 3},
    {6, 1, 4}, {40, 35, 10}, {5, 4, 33}, {11, 16, 15, 12}, {2, 3, 1, 2, 1, 1}};

// The layer by itself, as documented.
template <class T>
void loss_of(const Kernels<T>& k, Loss loss, std::size_t n, const T* a, const T* y, T* da, T* value) {
    switch (loss) {
        case Loss::mean_squared_error:
            return k.mean_squared_error(1, n, a, n, y, n, da, n, value);
        case Loss::mean_absolute_error:
            return k.mean_absolute_error(1, n, a, n, y, n, da, n, value);
        case Loss::huber:
            return k.huber(1, n, kernels::huber_delta<T>, a, n, y, n, da, n, value);
        case Loss::binary_cross_entropy:
            return k.binary_cross_entropy(1, n, a, n, y, n, da, n, value);
        case Loss::categorical_cross_entropy:
            return k.categorical_cross_entropy(1, n, a, n, y, n, da, n, value);
        case Loss::cosine_distance:
            return k.cosine_distance(1, n, a, n, y, n, da, n, value);
    }
}

template <class T>
void multiply_by_derivative(const Kernels<T>& k, Activation activation, std::size_t n, const T* a, T* ds) {
    // dX of a layer with the weight 1 is dZ times the derivative.
    for (std::size_t j = 0; j < n && activation != Activation::identity; ++j) {
        const T one = 1, dz = ds[j];
        k.dense_backward_input(1, 1, 1, &dz, 1, &one, 1, a + j, 1, activation, ds + j, 1);
    }
}

template <class T>
struct Trained {
    std::vector<T> parameters, losses, outputs, dX;  // dX: of the last sample
};

template <class T>
Trained<T> train_layer_by_layer(const Kernels<T>& k, const TestNetwork<T>& net, Loss loss, T learning_rate,
                                const std::vector<T>& X, const std::vector<T>& Y,
                                const std::vector<std::size_t>& order) {
    Trained<T> result{net.parameters, {}, {}, {}};
    T* const p = result.parameters.data();
    for (const std::size_t row : order) {
        std::vector<std::vector<T>> a{{X.begin() + static_cast<std::ptrdiff_t>(row * net.inputs()),
                                       X.begin() + static_cast<std::ptrdiff_t>((row + 1) * net.inputs())}};
        for (const Layer& layer : net.layers) {
            const bool logits = &layer == &net.layers.back() && kernels::takes_logits(loss);
            std::vector<T> y(layer.outputs);
            k.dense_forward(1, layer.inputs, layer.outputs, a.back().data(), layer.inputs, p + layer.weights,
                            layer.stride, p + layer.biases, logits ? Activation::identity : layer.activation,
                            y.data(), layer.outputs);
            a.push_back(y);
        }
        std::vector<T> dz(net.outputs()), dx;
        T value = 0;
        loss_of(k, loss, net.outputs(), a.back().data(), Y.data() + row * net.outputs(), dz.data(), &value);
        if (!kernels::takes_logits(loss))
            multiply_by_derivative(k, net.layers.back().activation, net.outputs(), a.back().data(),
                                   dz.data());
        result.losses.push_back(value);
        result.outputs.insert(result.outputs.end(), a.back().begin(), a.back().end());
        for (std::size_t l = net.layers.size(); l-- > 0; dz = dx) {
            const Layer& layer = net.layers[l];
            dx.assign(layer.inputs, 0);
            k.dense_backward_input(1, layer.inputs, layer.outputs, dz.data(), layer.outputs,
                                   p + layer.weights, layer.stride, a[l].data(), layer.inputs,
                                   l > 0 ? net.layers[l - 1].activation : Activation::identity, dx.data(),
                                   layer.inputs);
            k.dense_update(1, layer.inputs, layer.outputs, a[l].data(), layer.inputs, dz.data(),
                           layer.outputs, -learning_rate, p + layer.weights, layer.stride, p + layer.biases);
        }
        result.dX = dz;
    }
    return result;
}

}  // namespace

TEST_CASE_TEMPLATE("train_per_sample has the bits of the layers' kernels", T, float, double) {
    Random random;
    for (const auto& widths : all_widths)
        for (const Loss loss : {Loss::mean_squared_error, Loss::binary_cross_entropy, Loss::cosine_distance,
                                Loss::mean_absolute_error, Loss::huber, Loss::categorical_cross_entropy})
            for (const Activation activation : for_training) {
                for (const std::size_t padding : {0u, 2u}) {
                    TestNetwork<T> net(widths, activation, padding, random);
                    INFO("network ", net.name(), ", loss ", static_cast<int>(loss), ", ", name_of(activation),
                         ", padding of W ", padding);
                    const std::size_t rows = samples + 2;
                    const auto X = random.vector<T>(rows * net.inputs()),
                               Y = random.vector<T>(rows * net.outputs(), 0, 1);
                    const std::vector<std::size_t> order = {3, 0, 6, 6, 1};
                    const T learning_rate = T{0.001f};  // identities soon diverge
                    on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
                        const Trained<T> expected =
                            train_layer_by_layer(kernels, net, loss, learning_rate, X, Y, order);
                        GuardedTraining<T> found(kernels, net, loss, Method::per_sample, learning_rate, X, Y, rows, samples, layout);
                        found.job.order = order.data();
                        CHECK(found.run(0, samples) == samples);
                        CHECK(bit_difference(found.parameters.values(), expected.parameters) == "");
                        CHECK(bit_difference(found.losses.values(), expected.losses) == "");
                        CHECK(bit_difference(found.outputs.values(), expected.outputs) == "");
                        CHECK((found.X.unchanged() && found.Y.unchanged()));

                        // In one call or in several, without outputs, in the order of the rows.
                        std::vector<std::size_t> all(samples);
                        std::iota(all.begin(), all.end(), std::size_t{0});
                        const Trained<T> in_order =
                            train_layer_by_layer(kernels, net, loss, learning_rate, X, Y, all);
                        GuardedTraining<T> parts(kernels, net, loss, Method::per_sample, learning_rate, X, Y, rows, samples, layout);
                        parts.wants_outputs = false;
                        CHECK(parts.run(0, 0) == 0);
                        CHECK(parts.run(0, 2) == 2);
                        CHECK(parts.run(2, samples - 2) == samples - 2);
                        CHECK(bit_difference(parts.parameters.values(), in_order.parameters) == "");
                        CHECK(parts.outputs.unchanged());
                        return expected.parameters;
                    });
                }
            }
}

// The first layer's logits are those of the block's start and what the steps of the samples before add; it takes all
// steps at once.
TEST_CASE_TEMPLATE("delayed updates within a block", T, float, double) {
    Random random;
    for (const auto& widths : all_widths)
        for (const Loss loss : {Loss::mean_squared_error, Loss::binary_cross_entropy, Loss::huber, Loss::cosine_distance}) {
            const TestNetwork<T> net(widths, Activation::sigmoid, random.below(2), random);
            const Layer& first = net.layers.front();
            const kernels::TrainingProgram program = kernels::active<T>().training_program(
                net.layers.size(), net.layers.data(), loss, Method::delayed_updates, 1);
            // Looking ahead and a last layer transposed have tests of their own.
            if (program.block == 1 || program.note != std::string_view()) continue;
            INFO("network ", net.name(), ", loss ", static_cast<int>(loss));
            const std::size_t in = net.inputs();
            const auto X = random.vector<T>(samples * in), Y = random.vector<T>(samples * net.outputs(), 0, 1);
            const T learning_rate = T{0.01f};
            on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
                std::vector<T> G(samples * samples), P(samples * first.outputs);
                for (std::size_t t = 0; t < samples; t += 4) {
                    const std::size_t slice = std::min<std::size_t>(4, samples - t);
                    kernels.dense_backward_input_rows(1, slice, t + slice, in, X.data() + t * in, in, X.data(), in, nullptr, 0, Activation::identity, G.data() + t * samples,
                                    samples);
                }
                for (T& g : G) g = -learning_rate * (g + 1);
                kernels.dense_forward(samples, in, first.outputs, X.data(), in, net.parameters.data() + first.weights,
                                      first.stride, net.parameters.data() + first.biases, Activation::identity,
                                      P.data(), first.outputs);
                // Sample by sample as a network without its first layer, whose activation the test applies.
                TestNetwork<T> rest = net;
                rest.layers.erase(rest.layers.begin());
                std::vector<T> expected_dZ = P, expected_losses;
                for (std::size_t i = 0; i < samples; ++i) {
                    const bool alone = rest.layers.empty();
                    std::vector<T> a(first.outputs), dz(first.outputs);
                    T* const z = expected_dZ.data() + i * first.outputs;
                    // Even and odd steps are summed apart.
                    std::vector<T> odd(first.outputs);
                    for (std::size_t step = 0; step < i; ++step) {
                        T* const sum = step % 2 == 0 ? z : odd.data();
                        kernels.dense_forward(1, 1, first.outputs, G.data() + i * samples + step, 1,
                                              expected_dZ.data() + step * first.outputs, first.outputs, sum,
                                              Activation::identity, sum, first.outputs);
                    }
                    for (std::size_t j = 0; j < first.outputs; ++j) z[j] += odd[j];
                    const bool logits = alone && kernels::takes_logits(loss);
                    kernels.dense_forward(1, 0, first.outputs, z, 1, z, first.outputs, z,
                                          logits ? Activation::identity : first.activation, a.data(),
                                          first.outputs);
                    const std::vector<T> y(Y.begin() + static_cast<std::ptrdiff_t>(i * net.outputs()),
                                           Y.begin() + static_cast<std::ptrdiff_t>((i + 1) * net.outputs()));
                    T value = 0;
                    if (alone) {
                        loss_of(kernels, loss, net.outputs(), a.data(), y.data(), dz.data(), &value);
                        if (!kernels::takes_logits(loss))
                            multiply_by_derivative(kernels, first.activation, first.outputs, a.data(),
                                                   dz.data());
                    } else {
                        const Trained<T> after =
                            train_layer_by_layer(kernels, rest, loss, learning_rate, a, y, {0});
                        dz = after.dX;
                        multiply_by_derivative(kernels, first.activation, first.outputs, a.data(), dz.data());
                        rest.parameters = after.parameters;
                        value = after.losses[0];
                    }
                    std::copy(dz.begin(), dz.end(), z);
                    expected_losses.push_back(value);
                }

                kernels.dense_update(samples, in, first.outputs, X.data(), in, expected_dZ.data(), first.outputs,
                                     -learning_rate, rest.parameters.data() + first.weights, first.stride,
                                     rest.parameters.data() + first.biases);

                GuardedTraining<T> found(kernels, net, loss, Method::delayed_updates, learning_rate, X, Y, samples,
                                         samples, layout);
                CHECK(found.run_program(samples) == samples);
                CHECK(bit_difference(found.parameters.values(), rest.parameters) == "");
                CHECK(bit_difference(found.losses.values(), expected_losses) == "");
                CHECK(found.X.unchanged());
                return expected_dZ;
            });
        }
}

TEST_CASE_TEMPLATE("train_per_sample stops before the step of a loss that is not finite", T, float, double) {
    Random random;
    for (const auto& widths : all_widths) {
        TestNetwork<T> net(widths, Activation::sigmoid, 0, random);
        INFO("network ", net.name());
        const auto X = random.vector<T>(samples * net.inputs());
        auto Y = random.vector<T>(samples * net.outputs(), 0, 1);
        Y[3 * net.outputs()] = std::numeric_limits<T>::max();  // its square is infinite
        on_every_table<T>([&](const Kernels<T>& kernels) {
            GuardedTraining<T> found(kernels, net, Loss::mean_squared_error, Method::per_sample, T{0.5}, X, Y, samples, samples,
                                     layouts[0]),
                three(kernels, net, Loss::mean_squared_error, Method::per_sample, T{0.5}, X, Y, samples, samples, layouts[0]);
            CHECK(found.run(0, samples) == 3);
            CHECK(three.run(0, 3) == 3);
            CHECK(bit_difference(found.parameters.values(), three.parameters.values()) == "");
            CHECK(found.losses.values()[3] == std::numeric_limits<T>::infinity());
        });
    }
}

TEST_CASE_TEMPLATE("train_per_sample computes what its reference does", T, float, double) {
    Random random;
    for (const auto& widths : all_widths) {
        TestNetwork<T> net(widths, Activation::tanh, 1, random);
        INFO("network ", net.name());
        const auto X = random.vector<T>(samples * net.inputs()),
                   Y = random.vector<T>(samples * net.outputs(), 0, 1);
        GuardedTraining<T> expected(kernels::reference<T>(), net, Loss::mean_squared_error, Method::per_sample, T{0.5}, X, Y, samples, samples,
                                    layouts[0]);
        expected.run(0, samples);
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            GuardedTraining<T> found(kernels, net, Loss::mean_squared_error, Method::per_sample, T{0.5}, X, Y, samples, samples, layout);
            found.run(0, samples);
            // Sums of at most 40 terms of about 1, five samples one after the other, up to six layers.
            const T bound = 1000 * std::numeric_limits<T>::epsilon();
            CHECK(difference(found.parameters.values(), expected.parameters.values(),
                             std::vector<T>(net.parameters.size(), bound)) == "");
            CHECK(difference(found.losses.values(), expected.losses.values(),
                             std::vector<T>(samples, bound)) == "");
            return found.parameters.values();
        });
    }
}

TEST_CASE_TEMPLATE("network_forward has the bits of dense_forward, however many rows at a time", T, float,
                   double) {
    Random random;
    for (const auto& widths : all_widths)
        for (const Activation activation : all_activations) {
            TestNetwork<T> net(widths, activation, widths.size() % 2, random);
            INFO("network ", net.name(), ", ", name_of(activation));
            const std::size_t batch = 7;
            const auto X = random.vector<T>(batch * net.inputs());
            on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
                std::vector<T> expected = X;
                for (const Layer& layer : net.layers) {
                    std::vector<T> y(batch * layer.outputs);
                    kernels.dense_forward(batch, layer.inputs, layer.outputs, expected.data(), layer.inputs,
                                          net.parameters.data() + layer.weights, layer.stride,
                                          net.parameters.data() + layer.biases, layer.activation, y.data(),
                                          layer.outputs);
                    expected = y;
                }
                Guarded<T> X_in(batch, net.inputs(), X, layout);
                GuardedVector<T> parameters(net.parameters, layout);
                for (const std::size_t rows : {1u, 2u, 3u, 7u, 100u}) {
                    INFO("rows ", rows);
                    Guarded<T> out(batch, net.outputs(), layout);
                    GuardedVector<T> scratch(
                        kernels::forward_scratch<T>(net.layers.size(), net.layers.data(), rows), layout);
                    kernels.network_forward(batch, net.layers.size(), net.layers.data(), parameters.data(),
                                            X_in.data(), X_in.ld(), out.data(), out.ld(), rows,
                                            scratch.data());
                    CHECK(bit_difference(out.values(), expected) == "");
                    CHECK(out.padding_intact());
                }
                CHECK((X_in.unchanged() && parameters.unchanged()));
                return expected;
            });
        }
}

// 0 times infinity in what a vector holds behind the end of a row must not reach the row.
TEST_CASE_TEMPLATE("infinities and overflows within a network stay where they belong", T, float, double) {
    const T infinity = std::numeric_limits<T>::infinity(), large = std::numeric_limits<T>::max();
    Random random;
    for (std::size_t width = 1; width <= 18; ++width)
        for (const T input : {infinity, -infinity, large}) {
            TestNetwork<T> net({1, 1, width, 1}, Activation::sigmoid, 0, random);
            net.layers[0].activation = Activation::identity;
            net.layers[2].activation = Activation::identity;
            for (std::size_t k = 0; k < 2; ++k) net.parameters[k] = 4;
            INFO("width ", width, ", input ", input);
            on_every_table<T>([&](const Kernels<T>& kernels) {
                const std::vector<T> X = {input, input};
                std::vector<T> together(2), alone(1), outputs(1), losses(1);
                std::vector<T> scratch(densimd::kernels::forward_scratch<T>(3, net.layers.data(), 2)),
                    memory(kernels
                               .training_program(3, net.layers.data(), Loss::mean_squared_error, Method::per_sample, 1)
                               .memory);
                const auto forward = [&](std::size_t batch, std::vector<T>& out) {
                    kernels.network_forward(batch, 3, net.layers.data(), net.parameters.data(), X.data(), 1,
                                            out.data(), 1, 2, scratch.data());
                };
                forward(2, together);
                forward(1, alone);
                std::vector<T> parameters = net.parameters;
                kernels.train_per_sample({.layers = net.layers.data(),
                                          .depth = 3,
                                          .parameters = parameters.data(),
                                          .loss = Loss::mean_squared_error,
                                          .method = Method::per_sample,
                                          .batch = 1,
                                          .learning_rate = 0,
                                          .X = X.data(),
                                          .ldx = 1,
                                          .Y = X.data(),
                                          .ldy = 1,
                                          .order = nullptr,
                                          .memory = memory.data()},
                                         0, 1, losses.data(), outputs.data(), 1);
                CHECK(std::isfinite(together[0]));
                CHECK(bit_difference(alone, std::vector<T>(1, together[0])) == "");
                CHECK(bit_difference(outputs, alone) == "");
            });
        }
}
