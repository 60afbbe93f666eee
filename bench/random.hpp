// Shapes that nobody chose, the same for a seed on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "operands.hpp"

namespace densimd::bench {

/// The largest sizes that are drawn; `weights`: elements of W, from one row to the next as networks lay them out.
struct Largest {
    std::size_t batch, in, out, weights;
};

/// Numbers from 1 to `largest`, each order of magnitude as likely as any other.
class LogUniform {
  public:
    explicit LogUniform(std::uint64_t seed) : state_(seed) {}
    std::size_t operator()(std::size_t largest);

  private:
    std::uint64_t state_;
};

std::vector<Shape> random_shapes(std::size_t count, std::uint64_t seed, Largest largest);

/// What "784x128x32" names: inputs, outputs, rows. Ends the program, with status 2, if a text is not like that.
std::vector<Shape> shapes_of(const std::vector<std::string>& texts);

/// Widths of networks of one to four layers, from inputs to outputs.
std::vector<std::vector<std::size_t>> random_networks(std::size_t count, std::uint64_t seed, std::size_t widest);

}  // namespace densimd::bench
