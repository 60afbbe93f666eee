// Data at the edges: huge shapes, NaN that must stay visible, columns without spread.
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <doctest/doctest.h>
#include <densimd/nn.hpp>

namespace nn = densimd::nn;

TEST_CASE("a matrix too large for memory is an error, also when its size overflows") {
    CHECK_THROWS_AS(nn::Matrix<float>(std::size_t{1} << 32, std::size_t{1} << 32), nn::Error);
    CHECK_THROWS_AS(nn::Matrix<float>(std::size_t{1} << 32, std::size_t{1} << 32, {}), nn::Error);
    CHECK_THROWS_AS(nn::one_hot(nn::Matrix<float>(2, 1), std::size_t{1} << 63), nn::Error);
}

TEST_CASE("a view of no memory has no elements") {
    float* const none = nullptr;
    CHECK_THROWS_AS(nn::MatrixView<float>(none, 2, 3), nn::Error);
    CHECK(nn::MatrixView<float>(none, 0, 3).rows() == 0);
}

TEST_CASE("a network too large to count is an error") {
    constexpr std::size_t widest = std::size_t{1} << 31;
    CHECK_THROWS_AS(nn::Network({.inputs = widest, .layers = {{widest, nn::sigmoid}}}), nn::Error);
}

TEST_CASE("a long constant column is constant") {
    nn::Matrix<float> X(200000, 1);
    for (std::size_t i = 0; i < X.rows(); ++i) X(i, 0) = 1.7f;
    const nn::Standardizer<float> standardizer(X);
    CHECK(standardizer.deviation()[0] == 0);
    CHECK(standardizer.transform(X)(0, 0) == 0);
}

TEST_CASE("a NaN in a constant column stays a NaN") {
    const nn::Standardizer<float> standardizer({1.0}, {0.0});
    const float values[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            5.f};
    const nn::Matrix<float> result = standardizer.transform(nn::MatrixView<const float>(values, 3, 1));
    CHECK(std::isnan(result(0, 0)));
    CHECK(std::isnan(result(1, 0)));
    CHECK(result(2, 0) == 0);
}

TEST_CASE("columns of any magnitude and offset are standardised") {
    const double rows[][4] = {{1e200, 1e-170, 1.7e9, 1}, {-1e200, 3e-170, 1.7e9 + 1e-6, 3}};
    const nn::MatrixView<const double> X(&rows[0][0], 2, 4);
    const nn::Matrix<double> Z = nn::Standardizer<double>(X).transform(X);
    for (std::size_t j = 0; j < 4; ++j) CHECK(std::abs(Z(0, j)) == doctest::Approx(1).epsilon(1e-6));
}

TEST_CASE("accuracy counts a NaN as wrong") {
    nn::Network net({.inputs = 1, .layers = {{1, nn::identity}}});
    net.layer(0).biases[0] = std::numeric_limits<float>::quiet_NaN();
    const nn::Matrix<float> X(4, 1), Y(4, 1);
    CHECK(net.evaluate(X, Y, nn::mean_squared_error, nn::Metric::accuracy).metric == 0);
}

TEST_CASE("a gradient of an infinite loss is an error and not written") {
    nn::Network net({.inputs = 1, .layers = {{1, nn::identity}}});
    net.layer(0).biases[0] = 1e30f;
    const nn::Matrix<float> X(1, 1), Y(1, 1);
    std::vector<float> gradient(net.parameters().size(), 7.f);
    auto workspace = net.make_workspace();
    CHECK_THROWS_AS(net.gradient(X, Y, nn::mean_squared_error, gradient, workspace), nn::Error);
    CHECK(gradient == std::vector<float>(gradient.size(), 7.f));
}
