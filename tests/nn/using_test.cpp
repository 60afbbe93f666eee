// What a program gets that names all of nn by a using-directive, beside <cmath> and functions of its own.
#include <math.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <densimd/nn.hpp>

namespace {
float relu(float x) { return x > 0 ? x : 0; }
}  // namespace

using namespace densimd::nn;

TEST_CASE("after a using-directive tanh is a function as well as an activation") {
    CHECK(tanh(0.5) == std::tanh(0.5));
    CHECK(tanh(0.5f) == doctest::Approx(std::tanh(0.5f)));
    CHECK(tanh(1) == std::tanh(1.0));
    CHECK(relu(-2.0f) == 0);
    CHECK(log(exp(1.0)) == doctest::Approx(1));

    const Network net({.inputs = 2, .layers = {{4, tanh}, {3, relu}, {1, sigmoid}}});
    CHECK((net.layers()[0].activation == tanh));
    CHECK((net.layer(0).activation == tanh));
    CHECK((net.layers()[1].activation != tanh));
    CHECK((relu == net.layer(1).activation));
}

namespace nn = densimd::nn;

TEST_CASE("the names of activations can be kept, compared and chosen from") {
    using densimd::kernels::Layer;
    constexpr nn::Activation all[] = {nn::identity,   nn::sigmoid, nn::tanh, nn::softplus,  nn::relu,
                                      nn::leaky_relu, nn::elu,     nn::gelu, nn::gelu_tanh, nn::silu};
    for (int i = 0; i < 10; ++i) {
        CHECK(static_cast<int>(all[i]) == i);
        CHECK((all[i] == nn::Activation(i)));
    }
    static_assert(all[2] == nn::tanh && all[2] == nn::Activation::tanh && all[2] != nn::relu);

    int seen = 0;
    for (const auto activation : {nn::tanh, nn::relu}) seen += activation == nn::tanh ? 1 : 10;
    for (const nn::Activation activation : {nn::tanh, nn::relu}) seen += activation == nn::tanh ? 1 : 10;
    CHECK(seen == 22);

    nn::Activation chosen = seen > 0 ? nn::tanh : nn::relu;
    CHECK(chosen == nn::Activation::tanh);
    chosen = nn::Activation::elu;
    switch (chosen) {
        case nn::Activation::elu:
            break;
        default:
            FAIL("not elu");
    }
    const std::map<std::string, nn::Activation> by_name{{"tanh", nn::tanh}, {"relu", nn::relu}};
    std::vector<nn::LayerOptions> layers{{4, by_name.at("tanh")}};
    layers.push_back({.units = 2, .activation = nn::relu});
    const nn::Network net({.inputs = 1, .layers = layers});
    const std::vector<Layer>& made = net.layers();
    CHECK(made[0].activation == nn::Activation::tanh);
    CHECK(made[1].activation == densimd::kernels::Activation::relu);
    // A number is no activation unless it is said to be one, and a null pointer never is.
    static_assert(!std::is_convertible_v<int, nn::Activation>);
    static_assert(!std::is_convertible_v<std::nullptr_t, nn::Activation>);
}
