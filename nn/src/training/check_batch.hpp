// Checks of a workspace for steps and gradients.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <densimd/nn/network.hpp>

#include "check.hpp"
#include "model/names.hpp"

namespace densimd::nn {

/// Whether the workspace, which `fits` the layers or not, has room for so many rows.
template <class T, class Report>
bool check_batch(const std::vector<Dense>& layers, std::size_t rows, const Workspace<T>& workspace, bool fits,
                 const Report& report) {
    if (!fits)
        return report([&] {
            return "the workspace was made for a network of another shape; expected " + shape_of(layers);
        });
    return rows <= workspace.batch() || report([&] {
               return "a batch of " + std::to_string(rows) + " rows does not fit a workspace for " +
                      std::to_string(workspace.batch()) + "; expected one of make_workspace(" +
                      std::to_string(rows) + ")";
           });
}

}  // namespace densimd::nn
