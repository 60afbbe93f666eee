// How random shapes are drawn.
#include "random.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <densimd/stride.hpp>

namespace densimd::bench {

// SplitMix64, of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
std::size_t LogUniform::operator()(std::size_t largest) {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    const double uniform = static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;  // in [0, 1)
    const double number = std::exp(uniform * std::log(static_cast<double>(largest) + 1));
    return std::clamp<std::size_t>(static_cast<std::size_t>(number), 1, largest);
}

std::vector<Shape> random_shapes(std::size_t count, std::uint64_t seed, Largest largest) {
    LogUniform draw(seed);
    std::vector<Shape> shapes;
    while (shapes.size() < count) {
        const Shape shape = {draw(largest.batch), draw(largest.in), draw(largest.out)};
        if (shape.in * kernels::weights_stride<float>(shape.out) <= largest.weights) shapes.push_back(shape);
    }
    return shapes;
}

std::vector<Shape> shapes_of(const std::vector<std::string>& texts) {
    std::vector<Shape> shapes;
    for (const std::string& text : texts) {
        Shape shape = {};
        char rest = 0;
        if (std::sscanf(text.c_str(), "%zux%zux%zu%c", &shape.in, &shape.out, &shape.batch, &rest) != 3 ||
            shape.in == 0 || shape.out == 0 || shape.batch == 0) {
            std::fprintf(stderr, "--shape %s: expected INPUTSxOUTPUTSxROWS, each 1 at least, as in 784x128x32\n",
                         text.c_str());
            std::exit(2);
        }
        shapes.push_back(shape);
    }
    return shapes;
}

std::vector<std::vector<std::size_t>> random_networks(std::size_t count, std::uint64_t seed, std::size_t widest) {
    LogUniform draw(seed);
    std::vector<std::vector<std::size_t>> networks(count);
    for (auto& widths : networks) {
        const std::size_t layers = 1 + draw(1 << 20) % 4;
        for (std::size_t i = 0; i <= layers; ++i) widths.push_back(draw(widest));
    }
    return networks;
}

}  // namespace densimd::bench
