// Reading an IDX file, plain or compressed by gzip.
#pragma once

#include <filesystem>

#include "mnist/idx.hpp"

namespace mnist {

// Throws nn::Error, with the path in its message, for a file that cannot be read, compressed data that is
// damaged or ends too early, and what parse_idx refuses.
Idx read_idx(const std::filesystem::path& path, IdxType type = IdxType::unsigned_bytes);

}  // namespace mnist
