// Delayed updates one sample ahead: the reference's results, and the same bits on every ISA.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string_view>
#include <vector>

#include "support/guarded.hpp"
#include "support/isas.hpp"
#include "support/networks.hpp"
#include "support/random.hpp"

using namespace densimd::test;
using kernels::Activation;
using kernels::Loss;
using kernels::Method;

namespace {

// Around the widths of vectors and of a line.
template <class T>
std::vector<std::vector<std::size_t>> tiny_widths() {
    std::vector<std::vector<std::size_t>> all;
    for (const std::size_t inputs : {0u, 1u, 3u, 7u, 8u, 9u, 16u, 17u, 40u, 64u})
        for (std::size_t outputs = 1; outputs <= kernels::whole_lines<T>(1); ++outputs) {
            all.push_back({inputs, outputs});
            all.push_back({inputs, outputs, 1});
        }
    return all;
}

constexpr Loss losses[] = {Loss::mean_squared_error, Loss::mean_absolute_error, Loss::huber,
                           Loss::binary_cross_entropy};
constexpr std::size_t rows = 9, samples = 7;
const std::size_t order[samples] = {3, 0, 8, 8, 1, 2, 7};  // a row twice in succession

template <class T>
bool looks_ahead(const TestNetwork<T>& net, Loss loss) {
    return kernels::active<T>().training_program(net.layers.size(), net.layers.data(), loss, Method::delayed_updates, 1)
               .note == std::string_view("looks ahead");
}

template <class T>
std::vector<T> everything(const GuardedTraining<T>& training) {
    std::vector<T> all = training.parameters.values();
    for (const auto* part : {&training.losses, &training.outputs})
        for (const T value : part->values()) all.push_back(value);
    return all;
}

// Sums of at most 64 terms, seven samples one after the other.
template <class T>
void check_close(const GuardedTraining<T>& found, const GuardedTraining<T>& expected) {
    const std::vector<T> all = everything(expected);
    std::vector<T> bounds;
    for (const T value : all)
        bounds.push_back(1000 * std::numeric_limits<T>::epsilon() * std::max(T(1), std::abs(value)));
    CHECK(difference(everything(found), all, bounds) == "");
}

}  // namespace

TEST_CASE("what can look ahead") {
    Random random;
    const auto can = [&](const std::vector<std::size_t>& widths, Loss loss) {
        const TestNetwork<float> net(widths, Activation::sigmoid, 0, random);
        return looks_ahead(net, loss);
    };
    CHECK((can({8, 1}, Loss::huber) && can({64, 16}, Loss::huber) && can({8, 16, 1}, Loss::huber)));
    CHECK_FALSE((can({65, 1}, Loss::huber) || can({8, 17}, Loss::huber) || can({8, 16, 2}, Loss::huber) ||
                 can({8, 4, 4, 1}, Loss::huber)));
    CHECK_FALSE((can({8, 2}, Loss::cosine_distance) || can({8, 2}, Loss::categorical_cross_entropy)));
}

TEST_CASE_TEMPLATE("looking ahead trains as the reference does", T, float, double) {
    Random random;
    std::size_t turn = 0;  // each loss meets each activation
    for (const auto& widths : tiny_widths<T>())
        for (const Loss loss : losses) {
            const Activation activation = for_training[turn++ % std::size(for_training)];
            const std::size_t padding = widths.size() == 2 && widths[0] > 0 ? widths[0] % 3 : 0;
            const TestNetwork<T> net(widths, activation, padding, random);
            REQUIRE(looks_ahead(net, loss));
            INFO("network ", net.name(), ", loss ", static_cast<int>(loss), ", activation ",
                 static_cast<int>(activation), ", padding of W ", padding);
            const auto X = random.vector<T>(rows * net.inputs()),
                       Y = random.vector<T>(rows * net.outputs(), 0, 1);
            const T learning_rate = T{0.01f};  // identities soon diverge
            GuardedTraining<T> expected(kernels::reference<T>(), net, loss, Method::delayed_updates, learning_rate, X, Y, rows, samples, layouts[0]);
            expected.job.order = order;
            expected.run_program(samples);
            on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
                GuardedTraining<T> found(kernels, net, loss, Method::delayed_updates, learning_rate, X, Y, rows, samples, layout),
                    silent(kernels, net, loss, Method::delayed_updates, learning_rate, X, Y, rows, samples, layout);
                found.job.order = silent.job.order = order;
                CHECK(found.run_program(0) == 0);
                CHECK(bit_difference(found.parameters.values(), net.parameters) == "");
                CHECK(found.run_program(samples) == samples);
                check_close(found, expected);
                CHECK((found.X.unchanged() && found.Y.unchanged()));

                silent.wants_outputs = false;
                CHECK(silent.run_program(samples) == samples);
                CHECK(bit_difference(silent.parameters.values(), found.parameters.values()) == "");
                CHECK(silent.outputs.unchanged());
                return everything(found);
            });
        }
}

TEST_CASE_TEMPLATE("looking ahead stops before the step of a loss that is not finite", T, float, double) {
    Random random;
    for (const auto& widths : tiny_widths<T>())
        for (std::size_t bad = 0; bad < samples; ++bad) {
            const TestNetwork<T> net(widths, Activation::sigmoid, 0, random);
            INFO("network ", net.name(), ", sample ", bad);
            const auto X = random.vector<T>(samples * net.inputs());
            auto Y = random.vector<T>(samples * net.outputs(), 0, 1);
            Y[bad * net.outputs()] = std::numeric_limits<T>::max();  // its square is infinite
            on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
                GuardedTraining<T> found(kernels, net, Loss::mean_squared_error, Method::delayed_updates, T{0.5}, X, Y, samples, samples,
                                         layout),
                    before(kernels, net, Loss::mean_squared_error, Method::delayed_updates, T{0.5}, X, Y, samples, samples, layout);
                CHECK(found.run_program(samples) == bad);
                CHECK(before.run_program(bad) == bad);
                CHECK(bit_difference(found.parameters.values(), before.parameters.values()) == "");
                CHECK(found.losses.values()[bad] == std::numeric_limits<T>::infinity());
                return found.parameters.values();
            });
        }
}

// Then the step of the sample before comes first.
TEST_CASE_TEMPLATE("looking ahead survives inputs whose products overflow", T, float, double) {
    const T large = sizeof(T) == sizeof(float) ? T(1e19) : T(1e160);
    Random random;
    for (const auto& widths : tiny_widths<T>()) {
        if (widths[0] < 2) continue;
        const TestNetwork<T> net(widths, Activation::sigmoid, 0, random);
        INFO("network ", net.name());
        auto X = random.vector<T>(samples * net.inputs());
        for (const std::size_t row : {1u, 2u, 4u, 6u})
            for (std::size_t k = 0; k < net.inputs(); ++k) X[row * net.inputs() + k] = large;
        const auto Y = random.vector<T>(samples * net.outputs(), 0, 1);
        GuardedTraining<T> expected(kernels::reference<T>(), net, Loss::mean_squared_error, Method::delayed_updates, T{0.5}, X, Y, samples, samples,
                                    layouts[0]);
        expected.run_program(samples);
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            GuardedTraining<T> found(kernels, net, Loss::mean_squared_error, Method::delayed_updates, T{0.5}, X, Y, samples, samples, layout);
            CHECK(found.run_program(samples) == samples);
            check_close(found, expected);
            return everything(found);
        });
    }
}

// With x x' and the derivative of the layer before, W of the last layer, finite alone but not their product.
TEST_CASE_TEMPLATE("looking ahead survives derivatives whose products overflow", T, float, double) {
    const T large = sizeof(T) == sizeof(float) ? T(1.5e19) : T(1.2e154);
    Random random;
    for (const Activation activation : {Activation::relu, Activation::leaky_relu, Activation::identity}) {
        TestNetwork<T> net({1, 1, 1}, activation, 0, random);
        net.layers[1].activation = Activation::sigmoid;
        for (const kernels::Layer& layer : net.layers) net.parameters[layer.biases] = T(0);
        net.parameters[net.layers[0].weights] = T(1);
        net.parameters[net.layers[1].weights] = T(20);
        const std::vector<T> X = {large, large, T(1), T(2)}, Y(4, T(1));
        GuardedTraining<T> expected(kernels::reference<T>(), net, Loss::mean_squared_error, Method::delayed_updates, T(0.5), X, Y, 4, 4, layouts[0]);
        REQUIRE(expected.run_program(4) == 4);
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            GuardedTraining<T> found(kernels, net, Loss::mean_squared_error, Method::delayed_updates, T(0.5), X, Y, 4, 4, layout);
            CHECK(found.run_program(4) == 4);
            check_close(found, expected);
            return everything(found);
        });
    }
}

TEST_CASE_TEMPLATE("looking ahead, an infinite input counts within its row only", T, float, double) {
    Random random;
    for (const std::size_t units :
         {std::size_t{1}, std::size_t{3}, std::size_t{5}, kernels::whole_lines<T>(1)}) {
        const TestNetwork<T> net({2, units, 1}, Activation::sigmoid, 0, random);
        INFO("network ", net.name());
        const std::vector<T> X = {std::numeric_limits<T>::infinity(), T(1)}, Y = {T(1)};
        GuardedTraining<T> expected(kernels::reference<T>(), net, Loss::mean_squared_error, Method::delayed_updates, T(0.5), X, Y, 1, 1, layouts[0]);
        REQUIRE(expected.run_program(1) == 1);
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            GuardedTraining<T> found(kernels, net, Loss::mean_squared_error, Method::delayed_updates, T(0.5), X, Y, 1, 1, layout);
            CHECK(found.run_program(1) == 1);
            return std::vector<T>{found.losses.values()[0]};
        });
    }
}
