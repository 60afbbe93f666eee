// Gradients of random networks against differences of their losses, and what train_step makes of them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <span>
#include <vector>

#include "support/nn.hpp"

using namespace densimd::test;

namespace {

// Without kinks, at which differences say nothing.
constexpr nn::Activation smooth[] = {nn::identity, nn::sigmoid, nn::tanh, nn::softplus};

nn::NetworkOptions random_network(Random& random, nn::Loss loss) {
    nn::NetworkOptions options{.inputs = 1 + random.below(20), .layers = {}, .seed = random.bits()};
    for (std::size_t depth = 1 + random.below(4); depth > 0; --depth)
        options.layers.push_back({1 + random.below(20), smooth[random.below(std::size(smooth))]});
    // The cosine of two numbers is 1 or -1: nothing to differentiate. One class is no choice.
    if (loss == nn::cosine_distance || loss == nn::categorical_cross_entropy)
        options.layers.back().units += 1;
    return suited_to(loss, options);
}

// A network with random biases, too, and data for it.
template <class T>
struct Problem {
    nn::Loss loss;
    nn::BasicNetwork<T> net;
    nn::Matrix<T> X, Y;

    Problem(Random& random, nn::Loss chosen, std::size_t rows)
        : loss(chosen),
          net(random_network(random, chosen)),
          X(random_matrix<T>(random, rows, net.inputs())),
          Y(random_matrix<T>(random, rows, net.outputs(), 0, 1)) {
        for (std::size_t l = 0; l < net.layers().size(); ++l)
            for (T& b : net.layer(l).biases) b = random.uniform(T{-1}, T{1});
        if (loss == nn::mean_absolute_error || loss == nn::huber) {
            // Residuals away from the kinks at 0 and +-1, on all sides of them.
            Y = net.predict(X);
            for (T& y : std::span(Y.data(), rows * net.outputs())) {
                const T size = random.uniform(T{0.25}, T{0.75}) + static_cast<T>(random.below(2));
                y += random.below(2) == 0 ? size : -size;
            }
        }
    }

    std::vector<T> gradient(std::size_t first, std::size_t count) const {
        std::vector<T> result(net.parameters().size());
        nn::Workspace<T> workspace = net.make_workspace(count);
        net.gradient(X.view().middle_rows(first, count), Y.view().middle_rows(first, count), loss, result,
                     workspace);
        return result;
    }

    std::string name() const {
        std::string text =
            "loss " + std::to_string(static_cast<int>(loss)) + ", network " + std::to_string(net.inputs());
        for (const nn::Dense& layer : net.layers())
            text += "-" + std::to_string(layer.outputs) + "(activation " +
                    std::to_string(static_cast<int>(layer.activation)) + ")";
        return text + ", rows " + std::to_string(X.rows());
    }
};

}  // namespace

TEST_CASE("gradients are the slopes of the loss") {
    Random random;
    for (const nn::Loss loss : every_loss)
        for (int repeat = 0; repeat < 12; ++repeat) {
            Problem<double> p(random, loss, 1 + random.below(7));
            INFO(p.name());
            const std::vector<double> gradient = p.gradient(0, p.X.rows());

            const auto loss_with = [&](double& parameter, double value) {
                const double before = parameter;
                parameter = value;
                const double result = p.net.evaluate(p.X, p.Y, loss).loss;
                parameter = before;
                return result;
            };
            // Central differences of order 4: an error of h^4 / 30 times the fifth derivative, and of eps /
            // h.
            constexpr double h = 0x1p-10;
            std::vector<double> slopes(gradient.size());
            const auto find_slope = [&](double& parameter) {
                const double w = parameter;
                const double near = loss_with(parameter, w + h) - loss_with(parameter, w - h);
                const double far = loss_with(parameter, w + 2 * h) - loss_with(parameter, w - 2 * h);
                slopes[static_cast<std::size_t>(&parameter - p.net.parameters().data())] =
                    (8 * near - far) / (12 * h);
            };
            for (std::size_t l = 0; l < p.net.layers().size(); ++l) {
                const auto layer = p.net.layer(l);
                for (std::size_t k = 0; k < layer.weights.rows(); ++k)
                    for (std::size_t j = 0; j < layer.weights.cols(); ++j) find_slope(layer.weights(k, j));
                for (double& b : layer.biases) find_slope(b);
            }
            // Padding has neither slope nor gradient.
            CHECK(difference(gradient, slopes, std::vector<double>(slopes.size(), 1e-9)) == "");
        }
}

TEST_CASE_TEMPLATE("the gradient of a batch is the mean of its rows' gradients", T, float, double) {
    Random random;
    for (const nn::Loss loss : every_loss)
        for (int repeat = 0; repeat < 12; ++repeat) {
            const Problem<T> p(random, loss, 2 + random.below(20));
            INFO(p.name());
            const std::size_t rows = p.X.rows();
            std::vector<T> mean(p.net.parameters().size()), bound(mean.size());
            for (std::size_t i = 0; i < rows; ++i) {
                const std::vector<T> one = p.gradient(i, 1);
                for (std::size_t j = 0; j < mean.size(); ++j) {
                    mean[j] += one[j] / static_cast<T>(rows);
                    bound[j] +=
                        std::abs(one[j]);  // sum of |terms| times n times eps, n cancelled by the mean
                }
            }
            // Both sums round. And a batch's input gradients are summed in another order than single rows', which where terms
            // cancel shows relative to the largest: here those of one layer are of the same size.
            const T largest = *std::max_element(bound.begin(), bound.end()) / static_cast<T>(rows);
            std::size_t widest = 0;
            for (const nn::Dense& layer : p.net.layers()) widest = std::max(widest, layer.outputs);
            for (T& b : bound) b = (2 * b + static_cast<T>(widest) * largest) * std::numeric_limits<T>::epsilon();
            CHECK(difference(p.gradient(0, rows), mean, bound) == "");
        }
}

TEST_CASE_TEMPLATE("train_step goes down the gradient and returns the loss before", T, float, double) {
    Random random;
    constexpr T epsilon = std::numeric_limits<T>::epsilon();
    for (const nn::Loss loss : every_loss)
        for (int repeat = 0; repeat < 12; ++repeat) {
            Problem<T> p(random, loss, 1 + random.below(9));
            INFO(p.name());
            const std::size_t rows = p.X.rows();
            const T learning_rate = random.uniform(T{0}, T{2});
            const double loss_before = p.net.evaluate(p.X, p.Y, loss).loss;
            const std::vector<T> gradient = p.gradient(0, rows);
            std::vector<T> expected = parameters_of(p.net), bound(expected.size());
            // dense_update's sum of rows + 1 terms.
            for (std::size_t i = 0; i < rows; ++i) {
                const std::vector<T> one = p.gradient(i, 1);
                for (std::size_t j = 0; j < bound.size(); ++j)
                    bound[j] += learning_rate / static_cast<T>(rows) * std::abs(one[j]);
            }
            for (std::size_t j = 0; j < expected.size(); ++j) {
                bound[j] = 2 * static_cast<T>(rows + 1) * epsilon * (std::abs(expected[j]) + bound[j]);
                expected[j] -= learning_rate * gradient[j];
            }
            nn::Workspace<T> workspace = p.net.make_workspace(rows);
            const T returned =
                p.net.train_step(p.X, p.Y, loss, nn::sgd(static_cast<double>(learning_rate)), workspace);
            CHECK(static_cast<double>(returned) == doctest::Approx(loss_before).epsilon(1e-6));
            CHECK(difference(parameters_of(p.net), expected, bound) == "");
        }
}

TEST_CASE_TEMPLATE("every activation that a network takes learns", T, float, double) {
    Random random;
    const auto X = random_matrix<T>(random, 60, 3);
    nn::Matrix<T> Y(60, 1);
    for (std::size_t i = 0; i < 60; ++i)
        Y(i, 0) = X(i, 0) * T{0.5} + T{0.625};  // positive, for all activations
    for (const nn::Activation activation :
         {nn::identity, nn::sigmoid, nn::tanh, nn::softplus, nn::relu, nn::leaky_relu, nn::elu}) {
        INFO("activation ", static_cast<int>(activation));
        nn::BasicNetwork<T> net({.inputs = 3, .layers = {{16, activation}, {1, activation}}, .seed = 5});
        const double before = net.evaluate(X, Y, nn::mean_squared_error).loss;
        net.fit(X, Y, {.optimizer = nn::sgd(0.1), .epochs = 60});
        CHECK(net.evaluate(X, Y, nn::mean_squared_error).loss < 0.1 * before);
    }
}
