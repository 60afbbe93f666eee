// A range of rows or columns.
#pragma once

#include <cstddef>

namespace densimd::nn {

struct Range {
    std::size_t first, last;

    std::size_t count() const { return last - first; }
};

}  // namespace densimd::nn
