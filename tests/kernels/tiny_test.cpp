// Mini-batch steps of tiny networks: the bits of the layers' kernels one by one, on guarded memory.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>
#include <numeric>
#include <span>
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
using kernels::Method;

namespace {

// Outputs of the layer in between; 0: there is none.
template <class T>
std::size_t hidden_of(const TestNetwork<T>& net) {
    return net.layers.size() == 1 ? 0 : net.layers.front().outputs;
}

// What steps leave behind.
template <class T>
struct Steps {
    std::vector<T> parameters, outputs, losses;
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

// One more step, with the rows `order` of X and Y.
template <class T>
void step_layer_by_layer(const Kernels<T>& k, const TestNetwork<T>& net, Loss loss, T scale,
                         const std::vector<T>& X, const std::vector<T>& Y, std::span<const std::size_t> order,
                         Steps<T>& steps) {
    const std::size_t batch = order.size(), in = net.inputs(), hidden = hidden_of(net);
    const Layer &first = net.layers.front(), &last = net.layers.back();
    const Activation activation = kernels::takes_logits(loss) ? Activation::identity : last.activation;
    std::vector<T> x, y, A(batch * hidden), dX(batch * hidden), outputs(batch), losses(batch), dz(batch);
    for (const std::size_t row : order) {
        x.insert(x.end(), X.begin() + static_cast<std::ptrdiff_t>(row * in),
                 X.begin() + static_cast<std::ptrdiff_t>((row + 1) * in));
        y.push_back(Y[row]);
    }
    T* const p = steps.parameters.data();
    const T* const last_x = hidden > 0 ? A.data() : x.data();
    if (hidden > 0)
        k.dense_forward(batch, in, hidden, x.data(), in, p + first.weights, first.stride, p + first.biases,
                        first.activation, A.data(), hidden);
    k.dense_forward(batch, last.inputs, 1, last_x, last.inputs, p + last.weights, 1, p + last.biases,
                    activation, outputs.data(), 1);
    call_loss(k, loss, batch, outputs.data(), y.data(), dz.data(), losses.data());
    steps.outputs.insert(steps.outputs.end(), outputs.begin(), outputs.end());
    steps.losses.insert(steps.losses.end(), losses.begin(), losses.end());
    if (!k.all_finite(batch, losses.data())) return;
    const T one = 1;  // dX of a layer with the weight 1 is dZ times the derivative
    if (activation != Activation::identity)
        k.dense_backward_input(batch, 1, 1, dz.data(), 1, &one, 1, outputs.data(), 1, activation, dz.data(),
                               1);
    if (hidden > 0)
        k.dense_backward_input(batch, hidden, 1, dz.data(), 1, p + last.weights, 1, A.data(), hidden,
                               first.activation, dX.data(), hidden);
    k.dense_update(batch, last.inputs, 1, last_x, last.inputs, dz.data(), 1, scale, p + last.weights, 1,
                   p + last.biases);
    if (hidden > 0)
        k.dense_update(batch, in, hidden, x.data(), in, dX.data(), hidden, scale, p + first.weights,
                       first.stride, p + first.biases);
}

/// Steps on memory of just the sizes documented, between protected pages.
template <class T>
struct GuardedTiny {
    const Kernels<T>& k;
    GuardedVector<T> parameters, outputs, losses, memory;
    Guarded<T> X, Y;
    kernels::Training<T> job;

    GuardedTiny(const Kernels<T>& kernels, const TestNetwork<T>& net, Loss loss, T scale, const std::vector<T>& x,
                const std::vector<T>& y, std::size_t steps, std::size_t batch, Layout layout)
        : k(kernels),
          parameters(net.parameters, layout),
          outputs(steps * batch, layout),
          losses(steps * batch, layout),
          memory(k.training_program(net.layers.size(), net.layers.data(), loss, Method::minibatch, batch).memory,
                 layout),
          X(y.size(), net.inputs(), x, layout),
          Y(y.size(), 1, y, layout),
          job{.layers = net.layers.data(),
              .depth = net.layers.size(),
              .parameters = parameters.data(),
              .loss = loss,
              .method = Method::minibatch,
              .batch = batch,
              .learning_rate = -scale * static_cast<T>(batch),  // of scales where this is exact
              .X = X.data(),
              .ldx = X.ld(),
              .Y = Y.data(),
              .ldy = Y.ld(),
              .order = nullptr,
              .memory = memory.data()} {}

    std::size_t run(std::size_t steps, bool with_outputs = true) {
        return k.tiny_steps(job, 0, steps, losses.data(), with_outputs ? outputs.data() : nullptr);
    }
};

constexpr Loss losses[] = {Loss::mean_squared_error, Loss::binary_cross_entropy, Loss::mean_absolute_error,
                           Loss::huber};
constexpr Activation activations[] = {Activation::sigmoid, Activation::tanh, Activation::relu};

template <class T>
bool has_program(const TestNetwork<T>& net, Loss loss, std::size_t batch) {
    return kernels::active<T>()
        .training_program(net.layers.size(), net.layers.data(), loss, Method::minibatch, batch)
        .exists;
}

/// Calls check(network, batch, loss) for all shapes that the kernel takes, each with some of the activations
/// and losses.
template <class T, class Check>
void for_each_tiny(Random& random, const Check& check) {
    const auto one_of = [&random](const auto& all) { return all[random.below(std::size(all))]; };
    for (std::size_t in = 1; in <= 8; ++in)
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
                REQUIRE(has_program<T>(net, loss, batch));
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

TEST_CASE_TEMPLATE("tiny_steps has the bits of the layers' kernels", T, float, double) {
    constexpr std::size_t steps = 3;
    Random random;
    for_each_tiny<T>(random, [&](const TestNetwork<T>& net, std::size_t batch, Loss loss) {
        const std::size_t rows = steps * batch + 3;
        const auto X = random.vector<T>(rows * net.inputs()), Y = random.vector<T>(rows, 0, 1);
        const T scale = T{-0.03125};
        std::vector<std::size_t> order(steps * batch), shuffled(steps * batch);
        for (std::size_t i = 0; i < steps * batch; ++i) {
            order[i] = i;
            shuffled[i] = (7 * i + 2) % rows;  // with rows left out, and some twice
        }
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            std::vector<T> result;
            for (const bool in_order : {true, false}) {
                Steps<T> expected{net.parameters, {}, {}};
                for (std::size_t step = 0; step < steps; ++step)
                    step_layer_by_layer<T>(
                        kernels, net, loss, scale, X, Y,
                        std::span(in_order ? order : shuffled).subspan(step * batch, batch), expected);
                GuardedTiny<T> found(kernels, net, loss, scale, X, Y, steps, batch, layout);
                found.job.order = in_order ? nullptr : shuffled.data();
                CHECK(found.run(steps) == steps);
                CHECK(bit_difference(found.outputs.values(), expected.outputs) == "");
                CHECK(bit_difference(found.losses.values(), expected.losses) == "");
                CHECK(bit_difference(found.parameters.values(), expected.parameters) == "");
                CHECK((found.X.unchanged() && found.Y.unchanged()));
                GuardedTiny<T> without_outputs(kernels, net, loss, scale, X, Y, steps, batch, layout);
                without_outputs.job.order = found.job.order;
                CHECK(without_outputs.run(steps, false) == steps);
                CHECK(bit_difference(without_outputs.losses.values(), expected.losses) == "");
                CHECK(bit_difference(without_outputs.parameters.values(), expected.parameters) == "");
                const auto parameters = found.parameters.values();
                result.insert(result.end(), parameters.begin(), parameters.end());
            }
            return result;
        });
    });
}

TEST_CASE_TEMPLATE("tiny_steps is what the reference says", T, float, double) {
    Random random;
    for_each_tiny<T>(random, [&](const TestNetwork<T>& net, std::size_t batch, Loss loss) {
        const auto X = random.vector<T>(2 * batch * net.inputs()), Y = random.vector<T>(2 * batch, 0, 1);
        const auto run = [&](const Kernels<T>& kernels) {
            GuardedTiny<T> tiny(kernels, net, loss, T{-0.125} / static_cast<T>(batch), X, Y, 2, batch, layouts[0]);
            CHECK(tiny.run(2) == 2);
            auto results = tiny.parameters.values();
            for (const auto& more : {tiny.outputs.values(), tiny.losses.values()})
                results.insert(results.end(), more.begin(), more.end());
            return results;
        };
        const std::vector<T> expected = run(kernels::reference<T>());
        const T epsilon = std::numeric_limits<T>::epsilon();
        std::vector<T> bound(expected.size(), 100 * epsilon);
        for (const kernels::Isa isa : kernels::available_isas()) {
            INFO("isa ", std::string(kernels::name(isa)));
            CHECK(difference(run(kernels::table<T>(isa)), expected, bound) == "");
        }
    });
}

TEST_CASE_TEMPLATE("tiny_steps takes unusual numbers as the layers' kernels do", T, float, double) {
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
        std::vector<T> X = random.vector<T>(batch * net.inputs()), Y = random.vector<T>(batch, 0, 1);
        make_unusual(X, 6);
        make_unusual(net.parameters, random.below(2) == 0 ? 6 : std::size(unusual));
        std::vector<std::size_t> order(batch);
        std::iota(order.begin(), order.end(), std::size_t{0});
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            Steps<T> expected{net.parameters, {}, {}};
            step_layer_by_layer<T>(kernels, net, loss, T{-1}, X, Y, order, expected);
            GuardedTiny<T> found(kernels, net, loss, T{-1}, X, Y, 1, batch, layout);
            CHECK(found.run(1) ==
                  (kernels.all_finite(batch, expected.losses.data()) ? 1 : 0));
            CHECK(bit_difference(with_one_nan(found.losses.values()), with_one_nan(expected.losses)) == "");
            CHECK(bit_difference(with_one_nan(found.outputs.values()), with_one_nan(expected.outputs)) == "");
            const std::vector<T> parameters = with_one_nan(found.parameters.values());
            CHECK(bit_difference(parameters, with_one_nan(expected.parameters)) == "");
            return parameters;
        });
    });
}

TEST_CASE_TEMPLATE("tiny_steps keeps the sign of sums that vanish", T, float, double) {
    const T tiny = sizeof(T) == 4 ? T{1e-30f} : T(1e-200);
    TestNetwork<T> net = [] {
        Random random;
        return TestNetwork<T>({1, 1}, Activation::identity, 0, random);
    }();
    net.parameters[net.layers[0].weights] = -T{0};
    net.parameters[net.layers[0].biases] = 0;
    for (const std::size_t batch : {16u, 17u, 20u, 29u, 31u}) {
        INFO("batch ", batch);
        const std::vector<T> X(batch, tiny), Y(batch, tiny);
        std::vector<std::size_t> order(batch);
        std::iota(order.begin(), order.end(), std::size_t{0});
        on_every_isa<T>([&](const Kernels<T>& kernels, Layout layout) {
            const T scale = T{-0.0078125};
            Steps<T> expected{net.parameters, {}, {}};
            step_layer_by_layer<T>(kernels, net, Loss::mean_squared_error, scale, X, Y, order, expected);
            GuardedTiny<T> found(kernels, net, Loss::mean_squared_error, scale, X, Y, 1, batch, layout);
            CHECK(found.run(1) == 1);
            CHECK(bit_difference(found.parameters.values(), expected.parameters) == "");
            return expected.losses;
        });
    }
}

TEST_CASE_TEMPLATE("tiny_steps stops before a step with a loss that is not finite", T, float, double) {
    Random random;
    for_each_tiny<T>(random, [&](const TestNetwork<T>& net, std::size_t batch, Loss loss) {
        const std::size_t steps = 4, bad_step = random.below(steps);
        const auto X = random.vector<T>(steps * batch * net.inputs());
        auto Y = random.vector<T>(steps * batch, 0, 1);
        Y[bad_step * batch + random.below(batch)] =
            random.below(2) ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::quiet_NaN();
        for (const kernels::Isa isa : kernels::available_isas()) {
            INFO("isa ", std::string(kernels::name(isa)), ", step ", bad_step);
            const Kernels<T>& k = kernels::table<T>(isa);
            GuardedTiny<T> all(k, net, loss, T{-0.125}, X, Y, steps, batch, layouts[0]);
            CHECK(all.run(steps) == bad_step);
            GuardedTiny<T> fewer(k, net, loss, T{-0.125}, X, Y, steps, batch, layouts[0]);
            CHECK(fewer.run(bad_step) == bad_step);
            CHECK(bit_difference(all.parameters.values(), fewer.parameters.values()) == "");
            CHECK(!k.all_finite(batch, all.losses.data() + bad_step * batch));
        }
    });
}

TEST_CASE("which mini-batches have a program") {
    const auto exists = [](std::vector<std::size_t> widths, Activation activation, Loss loss, std::size_t batch = 16) {
        Random random;
        return has_program<float>(TestNetwork<float>(widths, activation, 0, random), loss, batch);
    };
    constexpr Activation sigmoid = Activation::sigmoid;
    constexpr Loss squares = Loss::mean_squared_error;
    CHECK(exists({8, 16, 1}, sigmoid, squares));
    CHECK(!exists({8, 16, 1}, sigmoid, squares, 15));
    CHECK(exists({1, 2, 1}, Activation::relu, Loss::huber));
    CHECK(!exists({9, 16, 1}, sigmoid, squares));
    CHECK(!exists({8, 17, 1}, sigmoid, squares));
    CHECK(!exists({8, 1, 1}, sigmoid, squares));
    CHECK(!exists({8, 16, 2}, sigmoid, squares));
    CHECK(exists({8, 1}, Activation::softplus, squares));
    CHECK(!exists({8, 1}, Activation::silu, squares));
    CHECK(!exists({9, 1}, sigmoid, squares));
    CHECK(!exists({8, 2}, sigmoid, squares));
    CHECK(!exists({8, 16, 16, 1}, sigmoid, squares));
    CHECK(!exists({8, 16, 1}, Activation::elu, squares));
    CHECK(!exists({8, 16, 1}, sigmoid, Loss::cosine_distance));
}
