// A dense layer on its own: the network's bits, gradients, what it refuses, subnormal numbers.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "support/nn.hpp"

using namespace densimd::test;

namespace {

constexpr nn::Activation activations[] = {nn::identity, nn::sigmoid,    nn::tanh, nn::softplus,
                                          nn::relu,     nn::leaky_relu, nn::elu};

// A layer with the caller's own parameters, rows of W `padding` elements longer than need be.
template <class T>
struct OwnLayer {
    std::size_t inputs, outputs;
    std::vector<T> W, b;
    nn::DenseView<T> view;

    OwnLayer(Random& random, std::size_t in, std::size_t out, nn::Activation activation,
             std::size_t padding = 0)
        : inputs(in),
          outputs(out),
          W(random.vector<T>(in * (out + padding), -1, 1)),
          b(random.vector<T>(out, -1, 1)),
          view(nn::MatrixView<T>(W.data(), in, out, out + padding), b, activation) {}
};

template <class T>
T sum_of_products(const nn::Matrix<T>& A, const nn::Matrix<T>& B) {
    T sum = 0;
    for (std::size_t i = 0; i < A.rows() * A.cols(); ++i) sum += A.data()[i] * B.data()[i];
    return sum;
}

}  // namespace

TEST_CASE_TEMPLATE("layers one after the other have the bits of the network's predictions", T, float,
                   double) {
    Random random;
    const nn::BasicNetwork<T> net(
        {.inputs = 33, .layers = {{40, nn::tanh}, {17, nn::relu}, {3, nn::sigmoid}}, .seed = 3});
    for (const std::size_t rows : {1u, 2u, 37u}) {
        const auto X = random_matrix<T>(random, rows, 33);
        nn::Matrix<T> A(rows, 40), B(rows, 17), C(rows, 3);
        net.layer(0).forward(X, A);
        net.layer(1).forward(A, B);
        net.layer(2).forward(B, C);
        CHECK(bit_difference(values_of(C), values_of(net.predict(X))) == "");
    }
}

TEST_CASE_TEMPLATE("layers forwards and backwards have the bits of train_step and gradient", T, float,
                   double) {
    Random random;
    const auto& k = densimd::kernels::active<T>();
    for (const std::size_t rows : {1u, 5u, 37u}) {
        INFO("rows ", rows);
        nn::BasicNetwork<T> net({.inputs = 33, .layers = {{40, nn::tanh}, {3, nn::sigmoid}}, .seed = 3}),
            by_hand = net;
        const auto X = random_matrix<T>(random, rows, 33), Y = random_matrix<T>(random, rows, 3, 0, 1);
        nn::Workspace<T> workspace = net.make_workspace(rows);
        std::vector<T> gradient(net.parameters().size()), gradient_by_hand(gradient.size());
        net.gradient(X, Y, nn::mean_squared_error, gradient, workspace);
        net.train_step(X, Y, nn::mean_squared_error, nn::sgd(0.5), workspace);

        const nn::DenseView<T> first = by_hand.layer(0), last = by_hand.layer(1);
        nn::Matrix<T> H(rows, 40), A(rows, 3), dA(rows, 3), dH(rows, 40);
        std::vector<T> losses(rows);
        first.forward(X, H);
        last.forward(H, A);
        k.mean_squared_error(rows, 3, A.data(), 3, Y.data(), 3, dA.data(), 3, losses.data());
        last.logit_gradient(A, dA, dA);
        last.backward(dA, H, first.activation, dH);

        const auto gradient_of = [&](std::size_t l, const nn::Matrix<T>& input, const nn::Matrix<T>& dZ) {
            const nn::Dense& dense = by_hand.layers()[l];
            T* const to = gradient_by_hand.data();
            by_hand.layer(l).gradient(input, dZ,
                                      {to + dense.weights, dense.inputs, dense.outputs, dense.stride},
                                      {to + dense.biases, dense.outputs});
        };
        gradient_of(0, X, dH);
        gradient_of(1, H, dA);
        for (T& g : gradient_by_hand) g /= static_cast<T>(rows);
        CHECK(bit_difference(gradient_by_hand, gradient) == "");

        const T scale = -T(0.5) / static_cast<T>(rows);
        last.update(H, dA, scale);
        first.update(X, dH, scale);
        CHECK(bit_difference(parameters_of(by_hand), parameters_of(net)) == "");
    }
}

TEST_CASE("a layer's gradients are the slopes of what it computes") {
    Random random;
    constexpr double h = 0x1p-10;
    for (const nn::Activation activation : {nn::identity, nn::sigmoid, nn::tanh, nn::softplus})
        for (const std::size_t rows : {1u, 3u, 20u}) {
            INFO("activation ", static_cast<int>(activation), ", rows ", rows);
            OwnLayer<double> layer(random, 7, 5, activation, 3);
            auto X = random_matrix<double>(random, rows, 7);
            // The loss is the sum of A's elements times these.
            const auto dA = random_matrix<double>(random, rows, 5);
            nn::Matrix<double> A(rows, 5), dZ(rows, 5), dX(rows, 7), dW(7, 5);
            std::vector<double> db(5);
            layer.view.forward(X, A);
            layer.view.logit_gradient(A, dA, dZ);
            layer.view.backward(dZ, dX);
            layer.view.gradient(X, dZ, dW, db);
            const auto slope = [&](double& number) {
                const double before = number;
                const auto loss = [&](double value) {
                    number = value;
                    layer.view.forward(X, A);
                    return sum_of_products(A, dA);
                };
                const double near = loss(before + h) - loss(before - h);
                const double far = loss(before + 2 * h) - loss(before - 2 * h);
                number = before;
                return (8 * near - far) / (12 * h);
            };
            const auto check = [](double found, double expected) {
                CHECK(std::abs(found - expected) <= 1e-8);
            };
            for (std::size_t i = 0; i < rows; ++i)
                for (std::size_t j = 0; j < 7; ++j) check(dX(i, j), slope(X(i, j)));
            for (std::size_t i = 0; i < 7; ++i)
                for (std::size_t j = 0; j < 5; ++j) check(dW(i, j), slope(layer.view.weights(i, j)));
            for (std::size_t j = 0; j < 5; ++j) check(db[j], slope(layer.b[j]));
        }
}

TEST_CASE_TEMPLATE("a layer's overloads agree, and it leaves what lies between rows alone", T, float,
                   double) {
    Random random;
    for (const nn::Activation activation : activations)
        for (const std::size_t rows : {0u, 1u, 4u}) {
            INFO("activation ", static_cast<int>(activation), ", rows ", rows);
            OwnLayer<T> layer(random, 6, 4, activation, 2);
            const auto X = random_matrix<T>(random, rows, 6), dA = random_matrix<T>(random, rows, 4);
            nn::Matrix<T> A(rows, 4), dZ(rows, 4);
            layer.view.forward(X, A);
            layer.view.logit_gradient(A, dA, dZ);

            constexpr T untouched = 77;
            std::vector<T> memory(rows * 9 + 9, untouched);
            const nn::MatrixView<T> strided(memory.data(), rows, 4, 9);
            const auto check_memory = [&](const nn::Matrix<T>& expected) {
                for (std::size_t i = 0; i < memory.size(); ++i)
                    CHECK(memory[i] == (i / 9 < rows && i % 9 < 4 ? expected(i / 9, i % 9) : untouched));
            };
            layer.view.forward(X, strided);
            check_memory(A);
            layer.view.logit_gradient(A, dA, strided);
            check_memory(dZ);
            for (std::size_t i = 0; i < rows; ++i)
                for (std::size_t j = 0; j < 4; ++j) strided(i, j) = dA(i, j);
            layer.view.logit_gradient(A, strided, strided);  // in place
            check_memory(dZ);

            // The activation of the layer before in one call, or in two; also in the place of its output.
            OwnLayer<T> next(random, 4, 3, nn::identity);
            const auto dY = random_matrix<T>(random, rows, 3);
            nn::Matrix<T> once(rows, 4), twice(rows, 4);
            next.view.backward(dY, A, activation, once);
            next.view.backward(dY, twice);
            layer.view.logit_gradient(A, twice, twice);
            for (std::size_t i = 0; i < rows; ++i)
                for (std::size_t j = 0; j < 4; ++j)
                    CHECK(std::abs(once(i, j) - twice(i, j)) <= 20 * std::numeric_limits<T>::epsilon());
            next.view.backward(dY, A, activation, A);
            CHECK(bit_difference(values_of(A), values_of(once)) == "");

            nn::Matrix<T> Z(rows, 4);
            layer.view.logits(X, Z);
            nn::DenseView<T>(layer.view.weights, layer.view.biases, nn::identity).forward(X, A);
            CHECK(bit_difference(values_of(A), values_of(Z)) == "");
        }
}

TEST_CASE("a read-only layer cannot be updated") {
    const auto can_update = []<class Layer>(const Layer& layer) {
        return requires(nn::MatrixView<const float> X) { layer.update(X, X, 1.0f); };
    };
    nn::Network net({.inputs = 2, .layers = {{2}}});
    CHECK(can_update(net.layer(0)));
    CHECK_FALSE(can_update(std::as_const(net).layer(0)));
    const nn::DenseView<const float> read_only = net.layer(0);
    CHECK_FALSE(can_update(read_only));
    CHECK(read_only.weights.data() == net.layer(0).weights.data());
    static_assert(std::is_same_v<nn::LayerParameters<float>, nn::DenseView<float>>);
}

TEST_CASE_TEMPLATE("a layer refuses what does not fit and writes nothing", T, float, double) {
    Random random;
    OwnLayer<T> layer(random, 4, 3, nn::sigmoid);
    const std::vector<T> W = layer.W, b = layer.b;
    const auto X = random_matrix<T>(random, 5, 4), Y = random_matrix<T>(random, 5, 3),
               Y6 = random_matrix<T>(random, 6, 3);
    nn::Matrix<T> x = X, y = Y, dW(4, 3);
    std::vector<T> db(3);
    const auto refuse = [&](auto call, std::initializer_list<const char*> parts) {
        check_error([&] { call(layer.view); }, parts);
        CHECK(layer.W == W);
        CHECK(layer.b == b);
        CHECK(values_of(x) == values_of(X));
        CHECK(values_of(y) == values_of(Y));
        CHECK(values_of(dW) == std::vector<T>(12));
        CHECK(db == std::vector<T>(3));
    };
    const std::span<T> short_db(db.data(), 2);
    const auto unknown = static_cast<nn::Activation>(77);
    refuse([&](auto& l) { l.forward(Y, y); }, {"X is 5 x 3", "expected 5 x 4"});
    refuse([&](auto& l) { l.forward(X, x); }, {"A is 5 x 4", "expected 5 x 3"});
    refuse([&](auto& l) { l.logits(X, x); }, {"Z is 5 x 4", "expected 5 x 3"});
    refuse([&](auto& l) { l.logit_gradient(Y6, Y, y); }, {"dA is 5 x 3", "expected 6 x 3"});
    refuse([&](auto& l) { l.logit_gradient(X, Y, y); }, {"A is 5 x 4", "expected 5 x 3"});
    refuse([&](auto& l) { l.logit_gradient(Y, Y, x); }, {"dZ is 5 x 4", "expected 5 x 3"});
    refuse([&](auto& l) { l.backward(X, x); }, {"dZ is 5 x 4", "expected 5 x 3"});
    refuse([&](auto& l) { l.backward(Y6, x); }, {"dX is 5 x 4", "expected 6 x 4"});
    refuse([&](auto& l) { l.backward(Y, Y, nn::tanh, x); }, {"X is 5 x 3", "expected 5 x 4"});
    refuse([&](auto& l) { l.backward(Y, X, unknown, x); }, {"layer before", "unknown"});
    refuse([&](auto& l) { l.gradient(X, Y6, dW, db); }, {"dZ is 6 x 3", "expected 5 x 3"});
    refuse([&](auto& l) { l.gradient(X, Y, x, db); }, {"dW is 5 x 4", "expected 4 x 3"});
    refuse([&](auto& l) { l.gradient(X, Y, dW, short_db); }, {"db is 1 x 2", "expected 1 x 3"});
    refuse([&](auto& l) { l.update(X, Y6, T(1)); }, {"dZ is 6 x 3", "expected 5 x 3"});

    const nn::MatrixView<T> weights = layer.view.weights;
    const auto make = [&](nn::MatrixView<T> w, std::size_t units, nn::Activation activation) {
        return [&layer, w, units, activation] {
            nn::DenseView<T>(w, std::span<T>(layer.b).subspan(0, units), activation);
        };
    };
    check_error(make({}, 0, nn::tanh), {"W is 0 x 0", "at least 1 x 1"});
    check_error(make(weights, 2, nn::tanh), {"b has 2", "expected 3"});
    check_error(make(weights, 3, unknown), {"activation", "unknown"});
    layer.view.biases = layer.view.biases.subspan(1);
    refuse([&](auto& l) { l.forward(X, y); }, {"b has 2", "expected 3"});
}

TEST_CASE_TEMPLATE("a layer of gelu predicts, and is trained by its logits", T, float, double) {
    Random random;
    const auto& k = densimd::kernels::active<T>();
    for (const nn::Activation activation : {nn::gelu, nn::gelu_tanh, nn::silu}) {
        OwnLayer<T> first(random, 4, 3, activation), last(random, 3, 2, nn::identity);
        const auto X = random_matrix<T>(random, 5, 4), dY = random_matrix<T>(random, 5, 2);
        nn::Matrix<T> Z(5, 3), A(5, 3), dZ(5, 3), expected(5, 3);
        first.view.logits(X, Z);
        first.view.forward(X, A);
        if (activation == nn::silu) {
            k.silu(15, Z.data(), expected.data());
            CHECK(bit_difference(values_of(A), values_of(expected)) == "");
        }
        check_error([&] { first.view.logit_gradient(A, A, dZ); }, {"gelu", "silu", "logits"});
        last.view.backward(dY, Z, activation, dZ);
        last.view.backward(dY, expected);
        if (activation == nn::silu) {
            k.silu_grad(15, Z.data(), expected.data(), expected.data());
            for (std::size_t i = 0; i < 15; ++i)
                CHECK(std::abs(dZ.data()[i] - expected.data()[i]) <= 20 * std::numeric_limits<T>::epsilon());
        }
    }
}

TEST_CASE_TEMPLATE("a layer's subnormal numbers are zeros", T, float, double) {
    constexpr T smallest = std::numeric_limits<T>::min(), subnormal = smallest / 4;
    const auto is_zero = [](const auto& values) {
        for (const T& value : values)
            if (std::fpclassify(value) != FP_ZERO) return false;
        return true;
    };
    for (const nn::Activation activation : {nn::identity, nn::relu, nn::leaky_relu, nn::elu}) {
        INFO("activation ", static_cast<int>(activation));
        for (const T input : {subnormal, smallest, T(1)})
            for (const T weight : {subnormal, T(0.25)}) {
                if (input == T(1) && weight != subnormal) continue;
                // Every product is subnormal, or has a subnormal factor.
                std::vector<T> W(12, weight), b(3, subnormal), values;
                const nn::DenseView<T> layer({W.data(), 4, 3}, b, activation);
                const nn::Matrix<T> X(2, 4, std::vector<T>(8, input)), dZ(2, 3, std::vector<T>(6, input));
                nn::Matrix<T> A(2, 3), dX(2, 4), out(2, 3);
                layer.forward(X, A);
                CHECK(is_zero(values_of(A)));
                layer.backward(dZ, dX);
                CHECK(is_zero(values_of(dX)));
                layer.backward(dZ, X, activation, dX);
                CHECK(is_zero(values_of(dX)));
            }
        std::vector<T> W(12, 0), b(3, 0);
        const nn::DenseView<T> layer({W.data(), 4, 3}, b, activation);
        const nn::Matrix<T> X(2, 4, std::vector<T>(8, smallest)), A(2, 3, std::vector<T>(6, T(1))),
            dA(2, 3, std::vector<T>(6, subnormal)), quarter(2, 3, std::vector<T>(6, T(0.25)));
        nn::Matrix<T> dZ(2, 3, std::vector<T>(6, T(1))), dW(4, 3, std::vector<T>(12, T(1)));
        std::vector<T> db(3, 1);
        layer.logit_gradient(A, dA, dZ);
        CHECK(is_zero(values_of(dZ)));
        layer.gradient(X, dA, dW, db);
        CHECK(is_zero(values_of(dW)));
        CHECK(is_zero(db));
        layer.update(X, dA, T(1));
        CHECK(is_zero(W));
        CHECK(is_zero(b));
        layer.update(X, quarter, T(0.125));  // the products are subnormal
        CHECK(is_zero(W));
    }
    for (const nn::Activation activation : {nn::sigmoid, nn::tanh}) {
        std::vector<T> W(12, 0), b(3, 0);
        const nn::Matrix<T> A(2, 3, std::vector<T>(6, T(0.5))), dA(2, 3, std::vector<T>(6, smallest));
        nn::Matrix<T> dZ(2, 3, std::vector<T>(6, T(1)));
        nn::DenseView<T>({W.data(), 4, 3}, b, activation).logit_gradient(A, dA, dZ);  // 1/4 or 3/4 of dA
        CHECK(is_zero(values_of(dZ)));
    }
}
