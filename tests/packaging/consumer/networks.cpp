// An outside user of densimd: learns y = 2 x, prints its prediction for x = 3, sigmoid(0) and the version.
#include <cstdio>
#include <vector>

#include <densimd/kernels.hpp>
#include <densimd/nn.hpp>

namespace nn = densimd::nn;

int main() {
    nn::Network net({.inputs = 1, .layers = {{1, nn::identity}}});
    const std::vector<float> x{-1, 0, 1, 2}, y{-2, 0, 2, 4};
    net.fit(nn::column(x), nn::column(y), {.epochs = 200, .threads = 2});
    const std::vector<float> three{3};
    const auto prediction = net.predict(nn::column(three));

    float value = 0;
    densimd::kernels::active<float>().sigmoid(1, &value, &value);
    std::printf("%.3f %.3f %d.%d.%d\n", static_cast<double>(prediction(0, 0)), static_cast<double>(value),
                DENSIMD_VERSION_MAJOR, DENSIMD_VERSION_MINOR, DENSIMD_VERSION_PATCH);
}
