// A network's making: layout, initial weights, layers as views, copies, the kernels it keeps.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/nn.hpp"

using namespace densimd::test;
namespace kernels = densimd::kernels;

namespace {

const nn::NetworkOptions options{
    .inputs = 5, .layers = {{33, nn::sigmoid}, {256, nn::identity}, {1, nn::sigmoid}}, .seed = 9};

// Which elements of the buffer belong to a layer, and how often.
template <class T>
std::vector<int> uses(const nn::BasicNetwork<T>& net) {
    std::vector<int> count(net.parameters().size(), 0);
    const T* start = net.parameters().data();
    for (std::size_t l = 0; l < net.layers().size(); ++l) {
        const auto layer = net.layer(l);
        for (std::size_t k = 0; k < layer.weights.rows(); ++k)
            for (std::size_t j = 0; j < layer.weights.cols(); ++j)
                ++count[static_cast<std::size_t>(&layer.weights(k, j) - start)];
        for (const T& b : layer.biases) ++count[static_cast<std::size_t>(&b - start)];
    }
    return count;
}

}  // namespace

TEST_CASE_TEMPLATE("layers have the shapes asked for and share no parameter", T, float, double) {
    const nn::BasicNetwork<T> net(options);
    CHECK(net.inputs() == 5);
    CHECK(net.outputs() == 1);
    CHECK(net.epochs_trained() == 0);
    REQUIRE(net.layers().size() == 3);
    std::size_t inputs = 5;
    for (std::size_t l = 0; l < 3; ++l) {
        const nn::Dense& dense = net.layers()[l];
        const auto layer = net.layer(l);
        CHECK(dense.inputs == inputs);
        CHECK(dense.outputs == options.layers[l].units);
        CHECK(dense.stride >= dense.outputs);
        CHECK(dense.activation == options.layers[l].activation);
        CHECK(layer.weights.data() == net.parameters().data() + dense.weights);
        CHECK(layer.weights.rows() == dense.inputs);
        CHECK(layer.weights.cols() == dense.outputs);
        CHECK(layer.weights.stride() == dense.stride);
        CHECK(layer.biases.data() == net.parameters().data() + dense.biases);
        CHECK(layer.biases.size() == dense.outputs);
        CHECK(layer.activation == dense.activation);
        inputs = dense.outputs;
    }
    const std::vector<int> count = uses(net);
    CHECK(*std::max_element(count.begin(), count.end()) == 1);
    CHECK(std::count(count.begin(), count.end(), 1) == 5 * 33 + 33 + 33 * 256 + 256 + 256 + 1);
}

TEST_CASE_TEMPLATE("padding is 0 and stays 0", T, float, double) {
    nn::BasicNetwork<T> net(options);
    Random random;
    const auto X = random_matrix<T>(random, 30, 5), Y = random_matrix<T>(random, 30, 1, 0, 1);
    const std::vector<int> count = uses(net);
    for (int time = 0; time < 2; ++time) {
        for (std::size_t i = 0; i < count.size(); ++i)
            if (count[i] == 0 && net.parameters()[i] != 0)
                FAIL_CHECK("padding ", i, " is ", net.parameters()[i]);
        net.fit(X, Y, {.batch_size = 7, .epochs = 2});
        net.fit(X, Y, {.batch_size = 1, .epochs = 2});
    }
}

TEST_CASE_TEMPLATE("initial weights are uniform within Glorot's limit, biases 0", T, float, double) {
    const nn::BasicNetwork<T> net(options);
    for (std::size_t l = 0; l < 3; ++l) {
        INFO("layer ", l);
        const auto layer = net.layer(l);
        const double limit =
            std::sqrt(6.0 / static_cast<double>(layer.weights.rows() + layer.weights.cols()));
        double largest = 0, sum = 0;
        for (std::size_t k = 0; k < layer.weights.rows(); ++k)
            for (std::size_t j = 0; j < layer.weights.cols(); ++j) {
                const double w = static_cast<double>(layer.weights(k, j));
                largest = std::max(largest, std::abs(w));
                sum += w;
            }
        const double number = static_cast<double>(layer.weights.rows() * layer.weights.cols());
        CHECK(largest <= limit * (1 + 1e-6));
        CHECK(largest >= limit * 0.9);
        CHECK(std::abs(sum / number) <= 4 * limit / std::sqrt(3 * number));  // four standard deviations
        for (const T b : layer.biases) CHECK(b == 0);
    }
}

TEST_CASE_TEMPLATE("initial weights are a function of the seed", T, float, double) {
    nn::NetworkOptions other = options;
    other.seed = 10;
    CHECK(parameters_of(nn::BasicNetwork<T>(options)) == parameters_of(nn::BasicNetwork<T>(options)));
    CHECK(parameters_of(nn::BasicNetwork<T>(options)) != parameters_of(nn::BasicNetwork<T>(other)));
    // Layers of one shape are no copies of each other.
    const nn::BasicNetwork<T> twins({.inputs = 8, .layers = {{8}, {8}}});
    CHECK(twins.layer(0).weights(0, 0) != twins.layer(1).weights(0, 0));
}

TEST_CASE_TEMPLATE("parameters written through a layer are the network's", T, float, double) {
    nn::BasicNetwork<T> net({.inputs = 2, .layers = {{2, nn::identity}}});
    const auto layer = net.layer(0);
    layer.weights(0, 0) = 1;
    layer.weights(0, 1) = 2;
    layer.weights(1, 0) = 3;
    layer.weights(1, 1) = 4;
    layer.biases[0] = 10;
    layer.biases[1] = 20;
    const nn::Matrix<T> out = net.predict(nn::Matrix<T>(1, 2, {5, 7}));
    CHECK(out(0, 0) == 5 * 1 + 7 * 3 + 10);
    CHECK(out(0, 1) == 5 * 2 + 7 * 4 + 20);
    check_error([&] { net.layer(1); }, {"layer 1", "1"});
}

TEST_CASE_TEMPLATE("copies are independent and train alike", T, float, double) {
    Random random;
    const auto X = random_matrix<T>(random, 20, 5), Y = random_matrix<T>(random, 20, 1, 0, 1);
    nn::BasicNetwork<T> original(options);
    original.fit(X, Y, {.epochs = 1});
    const std::vector<T> before = parameters_of(original);
    nn::BasicNetwork<T> copy = original, assigned({.inputs = 1, .layers = {{1}}});
    assigned = original;
    copy.fit(X, Y, {.epochs = 2});
    assigned.fit(X, Y, {.epochs = 2});
    CHECK(bit_difference(parameters_of(original), before) == "");
    CHECK(original.epochs_trained() == 1);
    CHECK(bit_difference(parameters_of(assigned), parameters_of(copy)) == "");
    original.fit(X, Y, {.epochs = 2});
    CHECK(bit_difference(parameters_of(original), parameters_of(copy)) == "");
}

TEST_CASE_TEMPLATE("a network keeps the kernels that it was made with", T, float, double) {
    Random random;
    const nn::BasicNetwork<T> net(options);
    const auto X = random_matrix<T>(random, 20, 5);
    const std::vector<T> before = values_of(net.predict(X));
    const kernels::Isa active = kernels::active_isa();
    for (const kernels::Isa isa : kernels::available_isas()) {
        kernels::set_active_isa(isa);
        CHECK(bit_difference(values_of(net.predict(X)), before) == "");
    }
    kernels::set_active_isa(active);
}
