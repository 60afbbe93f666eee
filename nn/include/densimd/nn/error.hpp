// The error that densimd::nn throws at its door, with what was found and what was expected in its message.
#pragma once

#include <densimd/version.hpp>

#include <stdexcept>

namespace densimd::nn {

/// Thrown before anything is changed: objects are as they were before the call. The one exception is
/// TrainingDiverged, which says what it leaves behind.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

}  // namespace densimd::nn
