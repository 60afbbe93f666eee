// IDX files, plain and compressed: read alike, and damage in either is seen.
#include <doctest/doctest.h>

#include "idx_data.hpp"
#include "mnist/idx_file.hpp"
#include "support/nn.hpp"

using namespace densimd::test;

TEST_CASE("plain and compressed files read alike, whatever they are called") {
    const TemporaryFolder folder("densimd-idx");
    Random random;
    const Bytes values = random_bytes(random, 50 * 60 * 700);  // more than zlib and the reader take at once
    const Bytes bytes = idx_header({50, 60, 700}) + values;
    write_plain(folder.path() / "plain", bytes);
    write_compressed(folder.path() / "compressed.gz", bytes);
    write_compressed(folder.path() / "compressed", bytes);
    for (const char* name : {"plain", "compressed.gz", "compressed"}) {
        const mnist::Idx idx = mnist::read_idx(folder.path() / name);
        CHECK(idx.sizes == std::vector<std::size_t>{50, 60, 700});
        CHECK(idx.values == values);
    }
}

TEST_CASE("what the parser refuses names the file") {
    const TemporaryFolder folder("densimd-idx");
    const auto path = folder.path() / "data.gz";
    const std::vector<std::pair<Bytes, const char*>> malformed = {
        {{}, "0 bytes"},
        {{0, 0, 8, 3}, "header of 16"},
        {{1, 0, 8, 1}, "0x01 0x00"},
        {idx_header({1}, 0x0d) + Bytes(4), "0x0d (32-bit floating point)"},
        {{0, 0, 8, 0}, "0 dimensions"},
        {idx_header({3, 0}), "dimension 2 of 2"},
        {idx_header({0xffffffff, 2}), "too large"},
        {idx_header({4}) + Bytes(3), "too few"},
        {idx_header({4}) + Bytes(5), "too many"},
    };
    for (const auto& [bytes, why] : malformed) {
        write_plain(path, bytes);
        check_error([&] { mnist::read_idx(path); }, {path.c_str(), why});
        write_compressed(path, bytes);
        check_error([&] { mnist::read_idx(path); }, {path.c_str(), why});
    }
}

TEST_CASE("files that cannot be read") {
    const TemporaryFolder folder("densimd-idx");
    const auto missing = folder.path() / "missing.gz";
    check_error([&] { mnist::read_idx(missing); }, {missing.c_str(), "no such file"});
    check_error([&] { mnist::read_idx(folder.path()); }, {folder.path().c_str(), "not a readable file"});
}

TEST_CASE("compressed files that end too early, at every byte") {
    const TemporaryFolder folder("densimd-idx");
    Random random;
    const auto path = folder.path() / "data.gz";
    write_compressed(path, idx_header({5, 8}) + random_bytes(random, 40));
    const Bytes whole = bytes_of(path);
    REQUIRE(whole.size() > 40);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        INFO("bytes: ", length, " of ", whole.size());
        write_plain(path, {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)});
        check_error([&] { mnist::read_idx(path); }, {path.c_str()});
        // The first two bytes are what a compressed file is known by.
        if (length >= 2) check_error([&] { mnist::read_idx(path); }, {"ends too early, after", " bytes"});
    }
}

TEST_CASE("compressed files that are damaged") {
    const TemporaryFolder folder("densimd-idx");
    Random random;
    const auto path = folder.path() / "data.gz";
    const Bytes values = random_bytes(random, 40);
    write_compressed(path, idx_header({5, 8}) + values);
    const Bytes whole = bytes_of(path);
    for (std::size_t i = 10; i < whole.size(); ++i) {
        INFO("changed byte: ", i, " of ", whole.size());
        Bytes damaged = whole;
        damaged[i] ^= 0x10;
        write_plain(path, damaged);
        mnist::Idx idx;
        const std::string message = error_of([&] { idx = mnist::read_idx(path); });
        // The last byte before checksum and length may have bits that mean nothing.
        if (i == whole.size() - 9 && idx.values == values) continue;
        INFO("message: ", message);
        CHECK(contains(message, path.string() + ": the compressed data"));
    }
}
