// Mini-batch steps of tiny networks: the bits of the layers' kernels one by one, on guarded memory.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "support/activations.hpp"
#include "support/compare.hpp"
#include "support/guarded.hpp"
#include "support/isas.hpp"
#include "support/networks.hpp"
#include "support/random.hpp"

using namespace densimd::test;
using kernels::Activation;
using kernels::Layer;
using kernels::Loss;

namespace {

// What a step leaves behind.
template <class T>
struct Step {
    std::vector<T> parameters, A, outputs, losses, dz;
};

template <class T>
void call_loss(const Kernels<T>& k, Loss loss, std::size_t rows, const T* a, const T* y, T* da, T* losses) {
    switch (loss) {
        case Loss::mean_absolute_error:
            return k.mean_absolute_error(rows, 1, a, 1, y, 1, da, 1, losses);
        case Loss::huber:
            return k.huber(rows, 1, kernels::huber_delta<T>, a, 1, y, 1, da, 1, losses);
        case Loss::binary_cross_entropy:
            return k.binary_cross_entropy(rows, 1, a, 1, y, 1, da, 1, losses);
        default:
            return k.mean_squared_error(rows, 1, a, 1, y, 1, da, 1, losses);
    }
}

template <class T>
Step<T> step_layer_by_layer(const Kernels<T>& k, const TestNetwork<T>& net, Loss loss, T scale,
                            const std::vector<T>& X, const std::vector<T>& y,
                            const std::vector<std::size_t>& order) {
    const std::size_t batch = order.size(), in = net.inputs(), hidden = net.layers[0].outputs;
    const Layer &layer = net.layers[0], &output = net.layers[1];
    const Activation last = kernels::takes_logits(loss) ? Activation::identity : output.activation;
    std::vector<T> x, dX(batch * hidden);
    for (const std::size_t row : order)
        x.insert(x.end(), X.begin() + static_cast<std::ptrdiff_t>(row * in),
                 X.begin() + static_cast<std::ptrdiff_t>((row + 1) * in));
    Step<T> step{net.parameters, std::vector<T>(batch * hidden), std::vector<T>(batch), std::vector<T>(batch),
                 std::vector<T>(batch)};
    T* const p = step.parameters.data();
    k.dense_forward(batch, in, hidden, x.data(), in, p + layer.weights, layer.stride, p + layer.biases,
                    layer.activation, step.A.data(), hidden);
    k.dense_forward(batch, hidden, 1, step.A.data(), hidden, p + output.weights, 1, p + output.biases, last,
                    step.outputs.data(), 1);
    call_loss(k, loss, batch, step.outputs.data(), y.data(), step.dz.data(), step.losses.data());
    const T one = 1;  // dX of a layer with the weight 1 is dZ times the derivative
    if (last != Activation::identity)
        k.dense_backward_input(batch, 1, 1, step.dz.data(), 1, &one, 1, step.outputs.data(), 1, last,
                               step.dz.data(), 1);
    k.dense_backward_input(batch, hidden, 1, step.dz.data(), 1, p + output.weights, 1, step.A.data(), hidden,
                           layer.activation, dX.data(), hidden);
    k.dense_update(batch, hidden, 1, step.A.data(), hidden, step.dz.data(), 1, scale, p + output.weights, 1,
                   p + output.biases);
    k.dense_update(batch, in, hidden, x.data(), in, dX.data(), hidden, scale, p + layer.weights, layer.stride,
                   p + layer.biases);
    return step;
}

/// A job for the kernels, on memory of just the sizes documented, between protected pages.
template <class T>
struct GuardedHead {
    GuardedVector<T> parameters, y, outputs, losses, dz;
    Guarded<T> X, A;
    kernels::HeadTraining<T> job;

    GuardedHead(const TestNetwork<T>& net, Loss loss, T scale, std::size_t rows, const std::vector<T>& x,
                const std::vector<T>& targets, Layout layout)
        : parameters(net.parameters, layout),
          y(targets, layout),
          outputs(targets.size(), layout),
          losses(targets.size(), layout),
          dz(targets.size(), layout),
          X(rows, net.inputs(), x, layout),
          A(targets.size(), net.layers[0].outputs, layout),
          job{.layers = net.layers.data(),
              .parameters = parameters.data(),
              .loss = loss,
              .scale = scale,
              .X = X.data(),
              .ldx = X.ld(),
              .order = nullptr,
              .y = y.data(),
              .A = A.data(),
              .lda = A.ld(),
              .outputs = outputs.data(),
              .losses = losses.data(),
              .dz = dz.data()} {}
};

constexpr Loss losses[] = {Loss::mean_squared_error, Loss::binary_cross_entropy, Loss::mean_absolute_error,
                           Loss::huber};
constexpr Activation activations[] = {Activation::sigmoid, Activation::tanh, Activation::relu};

/// Calls check(network, batch, loss) for all that the kernels take around their limits, a few at a time.
template <class T, class Check>
void for_each_head(Random& random, const Check& check) {
    std::size_t turn = 0;
    for (std::size_t in = 1; in <= kernels::head_inputs; ++in)
        for (std::size_t hidden = 2; hidden <= kernels::whole_lines<T>(1); ++hidden)
            for (const std::size_t batch : {16u, 17u, 18u, 19u, 35u, 64u}) {
                ++turn;
                const Activation activation = activations[turn % 3];
                TestNetwork<T> net({in, hidden, 1}, activation, turn % 2 == 0 ? 0 : 2, random);
                net.layers[1].stride = 1;
                net.layers[1].activation = activations[turn / 3 % 3];
                const Loss loss = losses[turn % 4];
                if (loss == Loss::binary_cross_entropy) net.layers[1].activation = Activation::sigmoid;
                REQUIRE(kernels::is_head<T>(2, net.layers.data(), loss));
                INFO("network ", net.name(), ", ", name_of(activation), ", batch ", batch, ", loss ",
                     static_cast<int>(loss));
                check(net, batch, loss);
            }
}

}  // namespace

TEST_CASE_TEMPLATE("head_forward and head_step have the bits of the layers' kernels", T, float, double) {
    Random random;
    for_each_head<T>(random, [&](const TestNetwork<T>& net, std::size_t batch, Loss loss) {
        const std::size_t rows = batch + 3;
        const auto X = random.vector<T>(rows * net.inputs()), y = random.vector<T>(batch, 0, 1);
        const T scale = T{-0.5} / static_cast<T>(batch);
        std::vector<std::size_t> order(batch), shuffled(batch);
        for (std::size_t i = 0; i < batch; ++i) {
            order[i] = i;
            shuffled[i] = (7 * i + 2) % rows;  // with rows left out, and some twice
        }
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            std::vector<T> result;
            for (const bool in_order : {true, false}) {
                const Step<T> expected =
                    step_layer_by_layer(kernels, net, loss, scale, X, y, in_order ? order : shuffled);
                GuardedHead<T> found(net, loss, scale, rows, X, y, layout);
                found.job.order = in_order ? nullptr : shuffled.data();
                kernels.head_forward(batch, found.job);
                CHECK(bit_difference(found.A.values(), expected.A) == "");
                CHECK(bit_difference(found.outputs.values(), expected.outputs) == "");
                CHECK(bit_difference(found.losses.values(), expected.losses) == "");
                CHECK(bit_difference(found.dz.values(), expected.dz) == "");
                CHECK(bit_difference(found.parameters.values(), net.parameters) == "");
                kernels.head_step(batch, found.job);
                CHECK(bit_difference(found.parameters.values(), expected.parameters) == "");
                CHECK((found.X.unchanged() && found.y.unchanged() && found.A.padding_intact()));
                const auto parameters = found.parameters.values();
                result.insert(result.end(), parameters.begin(), parameters.end());
            }
            return result;
        });
    });
}

TEST_CASE_TEMPLATE("head_forward and head_step are what the reference says", T, float, double) {
    Random random;
    for_each_head<T>(random, [&](const TestNetwork<T>& net, std::size_t batch, Loss loss) {
        const auto X = random.vector<T>(batch * net.inputs()), y = random.vector<T>(batch, 0, 1);
        const auto run = [&](const Kernels<T>& kernels) {
            GuardedHead<T> head(net, loss, T{-0.125}, batch, X, y, layouts[0]);
            kernels.head_forward(batch, head.job);
            kernels.head_step(batch, head.job);
            auto results = head.parameters.values();
            for (const auto& more : {head.outputs.values(), head.losses.values(), head.dz.values()})
                results.insert(results.end(), more.begin(), more.end());
            return results;
        };
        const std::vector<T> expected = run(kernels::reference<T>());
        const T epsilon = std::numeric_limits<T>::epsilon();
        std::vector<T> bound(expected.size(), 100 * static_cast<T>(batch) * epsilon);
        for (const kernels::Isa isa : kernels::available_isas()) {
            INFO("isa ", std::string(kernels::name(isa)));
            CHECK(difference(run(kernels::table<T>(isa)), expected, bound) == "");
        }
    });
}

TEST_CASE_TEMPLATE("head_forward takes any number of rows", T, float, double) {
    Random random;
    const TestNetwork<T> net({5, 7, 1}, Activation::tanh, 0, random);
    for (std::size_t batch = 0; batch <= 9; ++batch) {
        INFO("batch ", batch);
        const auto X = random.vector<T>(batch * 5), y = random.vector<T>(batch, 0, 1);
        std::vector<std::size_t> order(batch);
        for (std::size_t i = 0; i < batch; ++i) order[i] = i;
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            GuardedHead<T> found(net, Loss::mean_squared_error, T{-1}, batch, X, y, layout);
            kernels.head_forward(batch, found.job);
            const Step<T> expected =
                step_layer_by_layer(kernels, net, Loss::mean_squared_error, T{-1}, X, y, order);
            CHECK(bit_difference(found.A.values(), expected.A) == "");
            CHECK(bit_difference(found.dz.values(), expected.dz) == "");
            return found.dz.values();
        });
    }
}

TEST_CASE("is_head knows what the kernels take") {
    const auto is_head = [](std::vector<std::size_t> widths, Activation activation, Loss loss) {
        Random random;
        const TestNetwork<float> net(widths, activation, 0, random);
        return kernels::is_head<float>(net.layers.size(), net.layers.data(), loss);
    };
    constexpr Activation sigmoid = Activation::sigmoid;
    constexpr Loss squares = Loss::mean_squared_error;
    CHECK(is_head({8, 16, 1}, sigmoid, squares));
    CHECK(is_head({1, 2, 1}, Activation::relu, Loss::huber));
    CHECK(!is_head({9, 16, 1}, sigmoid, squares));
    CHECK(!is_head({8, 17, 1}, sigmoid, squares));
    CHECK(!is_head({8, 1, 1}, sigmoid, squares));
    CHECK(!is_head({8, 16, 2}, sigmoid, squares));
    CHECK(!is_head({8, 1}, sigmoid, squares));
    CHECK(!is_head({8, 16, 16, 1}, sigmoid, squares));
    CHECK(!is_head({8, 16, 1}, Activation::elu, squares));
    CHECK(!is_head({8, 16, 1}, sigmoid, Loss::cosine_distance));
}
