// Checks of the options of fit.
#pragma once

#include <densimd/nn/training.hpp>

namespace densimd::nn {

/// Throws Error for numbers out of their range and for an engine that does not go with the others.
/// validation_split, split, loss and metric are checked with the data.
template <class T>
void check_options(const FitOptions& options);

}  // namespace densimd::nn
