// Which rows train and which validate, and the order of an epoch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <densimd/nn/training.hpp>

namespace densimd::nn {

struct SplitRows {
    std::vector<std::size_t> training, validation;
    bool in_order;  ///< training is 0, 1, 2, ...

    /// order = the training rows, shuffled for an epoch.
    void shuffle_into(std::span<std::size_t> order, std::uint64_t seed, std::size_t epoch) const;
};

/// Throws Error if the options' validation_split leaves no row to train on or, unless 0, none to validate
/// with.
SplitRows split_rows(std::size_t rows, const FitOptions& options, std::uint64_t seed);

}  // namespace densimd::nn
