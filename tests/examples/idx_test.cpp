// What the IDX parser reads, and what it refuses.
#include <doctest/doctest.h>

#include "idx_data.hpp"
#include "mnist/idx.hpp"
#include "support/nn.hpp"

using namespace densimd::test;

namespace {

void refuse(const Bytes& bytes, std::initializer_list<const char*> parts) {
    check_error([&] { mnist::parse_idx(bytes, "data-idx"); }, {"data-idx"});
    check_error([&] { mnist::parse_idx(bytes, "data-idx"); }, parts);
}

}  // namespace

TEST_CASE("arrays of one, two, three and many dimensions") {
    const auto one = mnist::parse_idx(idx_header({3}) + Bytes{7, 0, 255}, "one");
    CHECK(one.sizes == std::vector<std::size_t>{3});
    CHECK(one.values == Bytes{7, 0, 255});
    const auto two = mnist::parse_idx(idx_header({2, 3}) + Bytes{1, 2, 3, 4, 5, 6}, "two");
    CHECK(two.sizes == std::vector<std::size_t>{2, 3});
    CHECK(two.values == Bytes{1, 2, 3, 4, 5, 6});
    const auto three = mnist::parse_idx(idx_header({2, 1, 2}) + Bytes{1, 2, 3, 4}, "three");
    CHECK(three.sizes == std::vector<std::size_t>{2, 1, 2});
    const auto most = mnist::parse_idx(idx_header(std::vector<std::uint32_t>(255, 1)) + Bytes{9}, "most");
    CHECK(most.sizes == std::vector<std::size_t>(255, 1));
    CHECK(most.values == Bytes{9});
}

TEST_CASE("sizes are big-endian") {
    const auto idx = mnist::parse_idx(Bytes{0, 0, 8, 1, 0, 1, 2, 3} + Bytes(0x010203), "long");
    CHECK(idx.sizes == std::vector<std::size_t>{0x010203});
    CHECK(idx.values.size() == 0x010203);
}

TEST_CASE("files that end within the header") {
    const Bytes whole = idx_header({2, 3}) + Bytes(6);
    refuse({}, {"0 bytes", "4"});
    for (std::size_t length = 1; length < 4; ++length)
        refuse({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)},
               {std::to_string(length).c_str(), "starts with 4 bytes"});
    for (std::size_t length = 4; length < 12; ++length)
        refuse({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)},
               {(std::to_string(length) + " bytes").c_str(), "header of 12", "2 dimensions"});
    refuse({0, 0, 8, 1, 0}, {"5 bytes", "header of 8", "1 dimension"});
    refuse({0, 0, 8, 255, 0}, {"5 bytes", "header of 1024", "255 dimensions"});
}

TEST_CASE("files that are not IDX") {
    refuse({0x1f, 0x8b, 8, 0, 0}, {"0x1f 0x8b", "0x00 0x00"});
    refuse({0, 1, 8, 1, 0, 0, 0, 1, 5}, {"0x00 0x01", "0x00 0x00"});
    refuse({'a', ',', 'b', '\n', '1'}, {"0x61 0x2c"});
}

TEST_CASE("element types other than unsigned bytes") {
    const std::vector<std::pair<std::uint8_t, const char*>> types = {{0x09, "0x09 (signed bytes)"},
                                                                     {0x0b, "0x0b (16-bit integers)"},
                                                                     {0x0c, "0x0c (32-bit integers)"},
                                                                     {0x0d, "0x0d (32-bit floating point)"},
                                                                     {0x0e, "0x0e (64-bit floating point)"},
                                                                     {0x00, "0x00 (unknown)"},
                                                                     {0x0a, "0x0a (unknown)"},
                                                                     {0xff, "0xff (unknown)"}};
    for (const auto& [type, text] : types)
        refuse(idx_header({1}, type) + Bytes(8), {"element type", text, "0x08 (unsigned bytes)"});
}

TEST_CASE("dimensions that hold nothing") {
    refuse({0, 0, 8, 0}, {"0 dimensions", "1 to 255"});
    refuse({0, 0, 8, 0, 1}, {"0 dimensions"});
    refuse(idx_header({0}), {"dimension 1 of 1", "size 0", "at least 1"});
    refuse(idx_header({2, 0, 3}), {"dimension 2 of 3", "size 0"});
    refuse(idx_header({0xffffffff, 0xffffffff, 0}), {"dimension 3 of 3", "size 0"});
}

TEST_CASE("sizes that are too large, or whose product overflows") {
    constexpr std::uint32_t most = 0xffffffff;
    refuse(idx_header({most}) + Bytes(5), {"4294967295", "too large", "1073741824"});
    refuse(idx_header({0x40000001}), {"1073741825", "too large"});
    refuse(idx_header({65536, 65536, 65536, 65536}), {"65536 x 65536 x 65536 x 65536", "too large"});
    refuse(idx_header({most, most, most}), {"4294967295 x 4294967295", "too large"});
    refuse(idx_header(std::vector<std::uint32_t>(255, most)), {"too large"});
    refuse(idx_header({0x40000000}), {"0 bytes", "too few", "1073741824"});  // allowed, but not there
}

TEST_CASE("data that is shorter or longer than the sizes say") {
    refuse(idx_header({2, 3}), {"0 bytes", "too few", "expected 6", "2 x 3"});
    refuse(idx_header({2, 3}) + Bytes(5), {"5 bytes", "too few", "expected 6", "2 x 3"});
    refuse(idx_header({2, 3}) + Bytes(7), {"7 bytes", "too many", "expected 6", "2 x 3"});
    refuse(idx_header({60000, 28, 28}) + Bytes(100), {"100 bytes", "expected 47040000", "60000 x 28 x 28"});
}
