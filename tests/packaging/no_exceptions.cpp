// What needs no exceptions, in a program that has neither them nor run-time type information.
#include <cmath>
#include <cstdio>
#include <vector>

#include <densimd/nn.hpp>

namespace kernels = densimd::kernels;
namespace nn = densimd::nn;

namespace {

int failures = 0;

void check(bool holds, const char* what) {
    if (holds) return;
    std::printf("does not hold: %s\n", what);
    ++failures;
}

}  // namespace

int main() {
    // Before the first network: then nothing reads DENSIMD_ISA, which might hold nonsense.
    kernels::set_active_isa(kernels::available_isas().back());

    constexpr std::size_t rows = 3, in = 2, stride = 5, outputs = 2;
    const float x[rows * stride] = {0.5f, -1, 9, 9, 9, 0.25f, 2, 9, 9, 9, -3, 1, 9, 9, 9};
    float out[rows * outputs] = {7, 7, 7, 7, 7, 7};
    const nn::MatrixView<const float> X(x, rows, in, stride);
    const nn::MatrixView<float> predictions(out, rows, outputs);

    nn::Network net({.inputs = in, .layers = {{4, nn::tanh}, {outputs, nn::sigmoid}}, .seed = 1});
    nn::Workspace<float> workspace = net.make_workspace(rows);
    check(net.try_predict(X, predictions, workspace), "it predicts");
    const auto first = net.layer(0), second = net.layer(1);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < outputs; ++j) {
            double z = 0;
            for (std::size_t h = 0; h < 4; ++h) {
                double logit = 0;
                for (std::size_t k = 0; k < in; ++k)
                    logit += static_cast<double>(X(i, k)) * static_cast<double>(first.weights(k, h));
                z += std::tanh(logit) * static_cast<double>(second.weights(h, j));
            }
            const double expected = 1 / (1 + std::exp(-z));
            check(std::abs(static_cast<double>(predictions(i, j)) - expected) < 1e-6, "the predictions");
        }

    out[0] = 7;
    const nn::MatrixView<const float> wrong(x, rows, in + 1, stride);
    check(!net.try_predict(wrong, predictions, workspace), "a wrong shape is refused");
    check(out[0] == 7, "what is refused writes nothing");

    nn::Matrix<float> Y(rows, outputs);
    const nn::MatrixView<const float> targets = Y.view();
    net.reset_optimizer(nn::adam());
    const auto loss = net.try_train_step(X, targets, nn::mean_squared_error, nn::adam(), workspace);
    check(loss.has_value() && *loss > 0, "it takes a step");
    check(!net.try_train_step(X, X, nn::categorical_cross_entropy, nn::adam(), workspace).has_value(),
          "a step that does not fit is refused");

    // What throws only where something is wrong can be called.
    int epochs = 0;
    net.fit(X, Y, {.epochs = 2, .on_epoch = [&](const nn::EpochRecord&) { return ++epochs < 5; }});
    check(epochs == 2, "it trains");

    float half = 0;
    kernels::best<float>().sigmoid(1, &half, &half);
    check(half == 0.5f, "sigmoid(0)");
    check(kernels::find_table<float>(static_cast<kernels::Isa>(99)) == nullptr, "no such table");
    return failures == 0 ? 0 : 1;
}
