// What fragments about networks take for granted: data, and what they call their own.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include <densimd/nn.hpp>

namespace nn = densimd::nn;

extern nn::Matrix<float> X, Y;                      // many rows
extern nn::MatrixView<float> x, y, prediction;  // a row, its target, and room for what is predicted
extern nn::Network net;
extern nn::Optimizer optimizer;
extern nn::Workspace<float> workspace;
extern float limit;  // of a loss that is still good
bool running();
