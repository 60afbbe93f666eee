// Reading files through zlib, which reads plain ones as they are.
#include "mnist/idx_file.hpp"

#include <zlib.h>

#include <memory>
#include <system_error>

#include <densimd/nn.hpp>

namespace mnist {
namespace {

using densimd::nn::Error;

struct Close {
    void operator()(gzFile file) const { gzclose_r(file); }
};

// After gzread has come to an end: a file that ends too early is no error to gzread, but it is one to
// gzerror.
std::string why_reading_failed(gzFile file, std::size_t count) {
    int code = Z_OK;
    const char* message = gzerror(file, &code);
    switch (code) {
        case Z_OK:
            return "";
        case Z_BUF_ERROR:
            return "the compressed data ends too early, after " + std::to_string(count) + " bytes";
        case Z_DATA_ERROR:
            return "the compressed data is damaged";
        default:
            return std::string("reading failed: ") + message;
    }
}

std::vector<std::uint8_t> read_bytes(const std::filesystem::path& path) {
    std::error_code ignored;
    const std::unique_ptr<gzFile_s, Close> file(gzopen(path.c_str(), "rb"));
    if (!file || std::filesystem::is_directory(path, ignored))
        throw Error(path.string() + ": cannot be opened for reading: " +
                    (std::filesystem::exists(path, ignored) ? "not a readable file" : "no such file"));

    constexpr std::size_t most = max_idx_header + max_idx_values;
    constexpr std::size_t part = std::size_t{1} << 20;
    std::vector<std::uint8_t> bytes;
    std::size_t count = 0;
    for (int found = 1; found > 0;) {
        bytes.resize(count + part);
        found = gzread(file.get(), bytes.data() + count, static_cast<unsigned>(part));
        if (found > 0) count += static_cast<std::size_t>(found);
        if (count > most)
            throw Error(path.string() + ": the file is too large; expected at most " + std::to_string(most) +
                        " bytes");
    }
    bytes.resize(count);
    const std::string why = why_reading_failed(file.get(), count);
    if (!why.empty()) throw Error(path.string() + ": " + why);
    return bytes;
}

}  // namespace

Idx read_idx(const std::filesystem::path& path, IdxType type) {
    return parse_idx(read_bytes(path), path.string(), type);
}

}  // namespace mnist
