// The leading dimensions that stride.hpp recommends: values, and what it promises of them.
#include <densimd/stride.hpp>

#include <cstddef>

#include <doctest/doctest.h>

using densimd::kernels::padded_stride;
using densimd::kernels::weights_stride;

static_assert(padded_stride<float>(0) == 1 && padded_stride<double>(0) == 1);
static_assert(padded_stride<float>(1) == 1 && padded_stride<double>(1) == 1);
static_assert(padded_stride<float>(3) == 4 && padded_stride<double>(3) == 4);
static_assert(padded_stride<float>(9) == 16 && padded_stride<double>(9) == 16);
static_assert(padded_stride<float>(16) == 16 && padded_stride<double>(8) == 8);
static_assert(padded_stride<float>(17) == 32 && padded_stride<double>(17) == 24);
static_assert(padded_stride<float>(784) == 784 && padded_stride<double>(784) == 784);
static_assert(padded_stride<float>(241) == 272 && padded_stride<float>(256) == 272);
static_assert(padded_stride<double>(121) == 136 && padded_stride<double>(128) == 136);
static_assert(padded_stride<float>(1024) == 1040 && padded_stride<double>(1024) == 1032);

static_assert(weights_stride<float>(0) == 1 && weights_stride<double>(0) == 1);
static_assert(weights_stride<float>(1) == 1 && weights_stride<double>(1) == 1);
static_assert(weights_stride<float>(2) == 16 && weights_stride<double>(2) == 8);
static_assert(weights_stride<float>(10) == 16 && weights_stride<double>(10) == 16);
static_assert(weights_stride<float>(17) == 32 && weights_stride<double>(9) == 16);
static_assert(weights_stride<float>(1024) == 1040 && weights_stride<double>(1024) == 1032);

TEST_CASE_TEMPLATE("strides keep their promises", T, float, double) {
    constexpr std::size_t line = 64 / sizeof(T), kibibyte = 1024 / sizeof(T);
    for (std::size_t width = 1; width < 3 * kibibyte; ++width) {
        CAPTURE(width);
        const std::size_t padded = padded_stride<T>(width), weights = weights_stride<T>(width);
        REQUIRE(padded >= width);
        REQUIRE(padded < width + 2 * line);
        REQUIRE(padded % kibibyte != 0);
        // Whole lines, or a whole number of rows to a line.
        REQUIRE((padded % line == 0 || line % padded == 0));
        REQUIRE(weights >= padded);
        REQUIRE(weights % kibibyte != 0);
        REQUIRE((width == 1 ? weights == 1 : weights % line == 0));
    }
}
