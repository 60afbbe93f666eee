// Mini-batch steps of tiny networks: the bits of the layers' kernels one by one, on guarded memory.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>
#include <numeric>
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

// Outputs of the layer in between; 0: there is none.
template <class T>
std::size_t hidden_of(const TestNetwork<T>& net) {
    return net.layers.size() == 1 ? 0 : net.layers.front().outputs;
}

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
    const std::size_t batch = order.size(), in = net.inputs(), hidden = hidden_of(net);
    const Layer &first = net.layers.front(), &last = net.layers.back();
    const Activation activation = kernels::takes_logits(loss) ? Activation::identity : last.activation;
    std::vector<T> x, dX(batch * hidden);
    for (const std::size_t row : order)
        x.insert(x.end(), X.begin() + static_cast<std::ptrdiff_t>(row * in),
                 X.begin() + static_cast<std::ptrdiff_t>((row + 1) * in));
    Step<T> step{net.parameters, std::vector<T>(batch * hidden), std::vector<T>(batch), std::vector<T>(batch),
                 std::vector<T>(batch)};
    T* const p = step.parameters.data();
    const T* const last_x = hidden > 0 ? step.A.data() : x.data();
    if (hidden > 0)
        k.dense_forward(batch, in, hidden, x.data(), in, p + first.weights, first.stride, p + first.biases,
                        first.activation, step.A.data(), hidden);
    k.dense_forward(batch, last.inputs, 1, last_x, last.inputs, p + last.weights, 1, p + last.biases,
                    activation, step.outputs.data(), 1);
    call_loss(k, loss, batch, step.outputs.data(), y.data(), step.dz.data(), step.losses.data());
    const T one = 1;  // dX of a layer with the weight 1 is dZ times the derivative
    if (activation != Activation::identity)
        k.dense_backward_input(batch, 1, 1, step.dz.data(), 1, &one, 1, step.outputs.data(), 1, activation,
                               step.dz.data(), 1);
    if (hidden > 0)
        k.dense_backward_input(batch, hidden, 1, step.dz.data(), 1, p + last.weights, 1, step.A.data(),
                               hidden, first.activation, dX.data(), hidden);
    k.dense_update(batch, last.inputs, 1, last_x, last.inputs, step.dz.data(), 1, scale, p + last.weights, 1,
                   p + last.biases);
    if (hidden > 0)
        k.dense_update(batch, in, hidden, x.data(), in, dX.data(), hidden, scale, p + first.weights,
                       first.stride, p + first.biases);
    return step;
}

/// A job for the kernels, on memory of just the sizes documented, between protected pages.
template <class T>
struct GuardedTiny {
    GuardedVector<T> parameters, y, outputs, losses, dz;
    Guarded<T> X, A;
    kernels::TinyTraining<T> job;

    GuardedTiny(const TestNetwork<T>& net, Loss loss, T scale, std::size_t rows, const std::vector<T>& x,
                const std::vector<T>& targets, Layout layout)
        : parameters(net.parameters, layout),
          y(targets, layout),
          outputs(targets.size(), layout),
          losses(targets.size(), layout),
          dz(targets.size(), layout),
          X(rows, net.inputs(), x, layout),
          A(targets.size(), hidden_of(net), layout),
          job{.layers = net.layers.data(),
              .depth = net.layers.size(),
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

/// Calls check(network, batch, loss) for all shapes that the kernels take, each with some of the activations
/// and losses.
template <class T, class Check>
void for_each_tiny(Random& random, const Check& check) {
    const auto one_of = [&random](const auto& all) { return all[random.below(std::size(all))]; };
    for (std::size_t in = 1; in <= kernels::tiny_inputs; ++in)
        for (std::size_t hidden = 1; hidden <= kernels::whole_lines<T>(1); ++hidden)
            for (const std::size_t batch : {16u, 17u, 18u, 19u, 35u, 64u}) {
                const std::vector<std::size_t> widths =
                    hidden == 1 ? std::vector{in, hidden} : std::vector{in, hidden, std::size_t{1}};
                const std::size_t padding = hidden == 1 ? 0 : 2 * random.below(2);
                TestNetwork<T> net(widths, one_of(activations), padding, random);
                net.layers.back().stride = 1;
                net.layers.back().activation = one_of(for_training);
                const Loss loss = one_of(losses);
                if (loss == Loss::binary_cross_entropy) net.layers.back().activation = Activation::sigmoid;
                REQUIRE(kernels::is_tiny<T>(net.layers.size(), net.layers.data(), loss));
                INFO("network ", net.name(), ", ", name_of(net.layers.front().activation), ", ",
                     name_of(net.layers.back().activation), ", padding of W ", padding, ", batch ", batch,
                     ", loss ", static_cast<int>(loss));
                check(net, batch, loss);
            }
}

// NaNs, whose bits are not specified, as one.
template <class T>
std::vector<T> with_one_nan(std::vector<T> values) {
    for (T& value : values)
        if (std::isnan(value)) value = std::numeric_limits<T>::quiet_NaN();
    return values;
}

}  // namespace

TEST_CASE_TEMPLATE("tiny_forward and tiny_step have the bits of the layers' kernels", T, float, double) {
    Random random;
    for_each_tiny<T>(random, [&](const TestNetwork<T>& net, std::size_t batch, Loss loss) {
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
                GuardedTiny<T> found(net, loss, scale, rows, X, y, layout);
                found.job.order = in_order ? nullptr : shuffled.data();
                kernels.tiny_forward(batch, found.job);
                CHECK(bit_difference(found.A.values(), expected.A) == "");
                CHECK(bit_difference(found.outputs.values(), expected.outputs) == "");
                CHECK(bit_difference(found.losses.values(), expected.losses) == "");
                CHECK(bit_difference(found.dz.values(), expected.dz) == "");
                CHECK(bit_difference(found.parameters.values(), net.parameters) == "");
                kernels.tiny_step(batch, found.job);
                CHECK(bit_difference(found.parameters.values(), expected.parameters) == "");
                CHECK((found.X.unchanged() && found.y.unchanged() && found.A.padding_intact()));
                const auto parameters = found.parameters.values();
                result.insert(result.end(), parameters.begin(), parameters.end());
            }
            return result;
        });
    });
}

TEST_CASE_TEMPLATE("tiny_forward and tiny_step are what the reference says", T, float, double) {
    Random random;
    for_each_tiny<T>(random, [&](const TestNetwork<T>& net, std::size_t batch, Loss loss) {
        const auto X = random.vector<T>(batch * net.inputs()), y = random.vector<T>(batch, 0, 1);
        const auto run = [&](const Kernels<T>& kernels) {
            GuardedTiny<T> tiny(net, loss, T{-0.125}, batch, X, y, layouts[0]);
            kernels.tiny_forward(batch, tiny.job);
            kernels.tiny_step(batch, tiny.job);
            auto results = tiny.parameters.values();
            for (const auto& more : {tiny.outputs.values(), tiny.losses.values(), tiny.dz.values()})
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

TEST_CASE_TEMPLATE("tiny_forward takes any number of rows", T, float, double) {
    Random random;
    const TestNetwork<T> networks[] = {{{5, 7, 1}, Activation::tanh, 0, random},
                                       {{5, 1}, Activation::tanh, 0, random}};
    for (std::size_t i = 0; i < 20; ++i) {
        const TestNetwork<T>& net = networks[i % 2];
        const std::size_t batch = i / 2;
        INFO("batch ", batch);
        const auto X = random.vector<T>(batch * 5), y = random.vector<T>(batch, 0, 1);
        std::vector<std::size_t> order(batch);
        std::iota(order.begin(), order.end(), std::size_t{0});
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            GuardedTiny<T> found(net, Loss::mean_squared_error, T{-1}, batch, X, y, layout);
            kernels.tiny_forward(batch, found.job);
            const Step<T> expected =
                step_layer_by_layer(kernels, net, Loss::mean_squared_error, T{-1}, X, y, order);
            CHECK(bit_difference(found.A.values(), expected.A) == "");
            CHECK(bit_difference(found.dz.values(), expected.dz) == "");
            return found.dz.values();
        });
    }
}

TEST_CASE_TEMPLATE("tiny_forward and tiny_step take unusual numbers as the layers' kernels do", T, float,
                   double) {
    using Limits = std::numeric_limits<T>;
    const T unusual[] = {T{0},      -T{0},     Limits::denorm_min(), T{-100},
                         T{1000},   T{-1e30f}, Limits::max(),        Limits::infinity(),
                         T{1e-30f}, T{30},     -Limits::infinity(),  Limits::quiet_NaN()};
    Random random;
    for_each_tiny<T>(random, [&](TestNetwork<T> net, std::size_t batch, Loss loss) {
        const auto make_unusual = [&](std::vector<T>& values, std::size_t most) {
            for (std::size_t i = 0; i < values.size(); ++i)
                if (random.below(8) == 0) values[i] = unusual[random.below(most)];
        };
        std::vector<T> X = random.vector<T>(batch * net.inputs()), y = random.vector<T>(batch, 0, 1);
        make_unusual(X, 6);
        make_unusual(net.parameters, random.below(2) == 0 ? 6 : std::size(unusual));
        std::vector<std::size_t> order(batch);
        std::iota(order.begin(), order.end(), std::size_t{0});
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            const Step<T> expected = step_layer_by_layer(kernels, net, loss, T{-1}, X, y, order);
            GuardedTiny<T> found(net, loss, T{-1}, batch, X, y, layout);
            kernels.tiny_forward(batch, found.job);
            CHECK(bit_difference(with_one_nan(found.losses.values()), with_one_nan(expected.losses)) == "");
            CHECK(bit_difference(with_one_nan(found.dz.values()), with_one_nan(expected.dz)) == "");
            kernels.tiny_step(batch, found.job);
            const std::vector<T> parameters = with_one_nan(found.parameters.values());
            CHECK(bit_difference(parameters, with_one_nan(expected.parameters)) == "");
            return parameters;
        });
    });
}

TEST_CASE("is_tiny knows what the kernels take") {
    const auto is_tiny = [](std::vector<std::size_t> widths, Activation activation, Loss loss) {
        Random random;
        const TestNetwork<float> net(widths, activation, 0, random);
        return kernels::is_tiny<float>(net.layers.size(), net.layers.data(), loss);
    };
    constexpr Activation sigmoid = Activation::sigmoid;
    constexpr Loss squares = Loss::mean_squared_error;
    CHECK(is_tiny({8, 16, 1}, sigmoid, squares));
    CHECK(is_tiny({1, 2, 1}, Activation::relu, Loss::huber));
    CHECK(!is_tiny({9, 16, 1}, sigmoid, squares));
    CHECK(!is_tiny({8, 17, 1}, sigmoid, squares));
    CHECK(!is_tiny({8, 1, 1}, sigmoid, squares));
    CHECK(!is_tiny({8, 16, 2}, sigmoid, squares));
    CHECK(is_tiny({8, 1}, Activation::softplus, squares));
    CHECK(!is_tiny({9, 1}, sigmoid, squares));
    CHECK(!is_tiny({8, 2}, sigmoid, squares));
    CHECK(!is_tiny({8, 16, 16, 1}, sigmoid, squares));
    CHECK(!is_tiny({8, 16, 1}, Activation::elu, squares));
    CHECK(!is_tiny({8, 16, 1}, sigmoid, Loss::cosine_distance));
}
