// The quick start of README.md: a network learns y = sqrt(mean(x)) and predicts a row that it has not seen.
#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>
#include <vector>

#include <densimd/nn.hpp>

namespace nn = densimd::nn;

int main() {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform(0, 1);
    std::vector<float> x(1000 * 8), y(1000);  // 1000 rows of 8 numbers, and what to predict for each row
    for (float& value : x) value = uniform(random);
    for (std::size_t i = 0; i < y.size(); ++i)
        y[i] = std::sqrt(std::accumulate(&x[i * 8], &x[i * 8] + 8, 0.0f) / 8);

    nn::Network net({.inputs = 8, .layers = {{16, nn::sigmoid}, {1, nn::sigmoid}}, .seed = 42});
    nn::History history = net.fit(nn::rows_of(8, x), nn::column(y),
                                  {.optimizer = nn::sgd(0.5), .epochs = 100, .validation_split = 0.2});

    std::vector<float> row = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f, 0.7f, 0.8f};
    std::printf("validation loss %.6f\n", history.epochs.back().validation->loss);
    std::printf("predicted %.3f, exact %.3f\n", static_cast<double>(net.predict(nn::rows_of(8, row))(0, 0)),
                std::sqrt(0.45));
}
