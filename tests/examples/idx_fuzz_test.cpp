// Random damage to valid IDX files: a file reads with the shape that its own header says, or is refused.
#include <doctest/doctest.h>

#include "idx_data.hpp"
#include "mnist/idx_file.hpp"
#include "support/nn.hpp"

using namespace densimd::test;

namespace {

#ifdef DENSIMD_TESTS_ARE_SLOW
constexpr int parsed_files = 20000, read_files = 300;
#else
constexpr int parsed_files = 200000, read_files = 3000;
#endif

Bytes random_idx(Random& random) {
    std::vector<std::uint32_t> sizes(1 + random.below(4));
    std::size_t count = 1;
    for (std::uint32_t& size : sizes) {
        size = static_cast<std::uint32_t>(1 + random.below(5));
        count *= size;
    }
    return idx_header(sizes) + random_bytes(random, count);
}

// Changes, cuts off, inserts or removes bytes, mostly near the start.
void damage(Random& random, Bytes& bytes) {
    for (std::size_t changes = 1 + random.below(3); changes > 0 && !bytes.empty(); --changes) {
        const std::size_t place = random.below(1 + random.below(bytes.size()));
        const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(place);
        switch (random.below(6)) {
            case 0:
                *at = static_cast<std::uint8_t>(random.below(256));
                break;
            case 1:
                *at = static_cast<std::uint8_t>(random.below(4));
                break;
            case 2:
                *at ^= static_cast<std::uint8_t>(1u << random.below(8));
                break;
            case 3:
                bytes.erase(at, bytes.end());
                break;
            case 4:
                bytes.erase(at);
                break;
            default:
                bytes.insert(at, static_cast<std::uint8_t>(random.below(256)));
        }
    }
}

// Whether the call reads an Idx at all; one that it reads has the shape that `bytes` say.
template <class Call>
bool reads(const Bytes& bytes, Call call) {
    mnist::Idx idx;
    try {
        idx = call();
    } catch (const nn::Error&) {
        return false;
    }
    std::size_t count = 1;
    for (const std::size_t size : idx.sizes) count *= size;
    const std::size_t header = 4 + 4 * idx.sizes.size();
    REQUIRE(idx.values.size() == count);
    REQUIRE(bytes.size() == header + count);
    const std::vector<std::uint32_t> sizes(idx.sizes.begin(), idx.sizes.end());
    REQUIRE(idx_header(sizes) + idx.values == bytes);
    return true;
}

}  // namespace

TEST_CASE("the parser reads what a damaged file says, or refuses it") {
    Random random;
    int read = 0;
    for (int i = 0; i < parsed_files; ++i) {
        Bytes bytes = random_idx(random);
        REQUIRE(reads(bytes, [&] { return mnist::parse_idx(bytes, "whole"); }));
        damage(random, bytes);
        read += reads(bytes, [&] { return mnist::parse_idx(bytes, "damaged"); });
    }
    CHECK(read > parsed_files / 20);  // changed pixels are no error
    CHECK(read < parsed_files / 2);
}

TEST_CASE("damaged files, plain and compressed, are refused or read as what they say") {
    const TemporaryFolder folder("densimd-idx-fuzz");
    Random random;
    const auto path = folder.path() / "data";
    for (int i = 0; i < read_files; ++i) {
        Bytes bytes = random_idx(random);
        write_compressed(path, bytes);
        Bytes compressed = bytes_of(path);
        damage(random, compressed);
        write_plain(path, compressed);
        // The checksum covers the values, so that damage elsewhere is the most that goes unseen.
        reads(bytes, [&] { return mnist::read_idx(path); });

        damage(random, bytes);
        write_plain(path, bytes);
        reads(bytes, [&] { return mnist::read_idx(path); });
    }
}
