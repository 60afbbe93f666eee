// Hashes of results that must never change silently: one line each, with a name, in a file of tests/golden.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <map>
#include <set>
#include <sstream>
#include <string>

namespace densimd::test {

using GoldenLines = std::map<std::string, std::uint64_t>;

inline std::string hex(std::uint64_t hash) {
    std::ostringstream text;
    text << std::hex << std::setw(16) << std::setfill('0') << hash;
    return text.str();
}

/// "name hash" in each line, the hash in 16 hexadecimal digits. Without a file there are no lines.
inline GoldenLines read_golden(const std::string& path) {
    GoldenLines lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const std::size_t space = line.rfind(' ');
        const std::string hash = space == line.npos ? "" : line.substr(space + 1);
        if (hash.size() != 16 || hash.find_first_not_of("0123456789abcdef") != hash.npos)
            FAIL(path, ": this is no line of a name and a hash: ", line);
        if (!lines.emplace(line.substr(0, space), std::stoull(hash, nullptr, 16)).second)
            FAIL(path, ": this name is there twice: ", line);
    }
    return lines;
}

inline void write_golden(const std::string& path, const GoldenLines& lines) {
    std::ofstream file(path);
    for (const auto& [name, hash] : lines) file << name << ' ' << hex(hash) << '\n';
    if (!file.flush()) FAIL(path, ": cannot be written");
}

/// What differs, a line each, the first 40 of them in full. Empty if nothing does.
inline std::string golden_difference(const GoldenLines& expected, const GoldenLines& found) {
    constexpr std::size_t most = 40;
    std::string text;
    std::size_t count = 0;
    const auto add = [&](const std::string& name, const std::string& what) {
        if (++count <= most) text += "  " + name + ": " + what + "\n";
    };
    GoldenLines all = expected;
    all.insert(found.begin(), found.end());
    for (const auto& [name, unused] : all) {
        const auto before = expected.find(name), now = found.find(name);
        if (before == expected.end())
            add(name, "not in the file, found " + hex(now->second));
        else if (now == found.end())
            add(name, "in the file, but not computed");
        else if (before->second != now->second)
            add(name, "expected " + hex(before->second) + ", found " + hex(now->second));
    }
    if (count > most) text += "  and " + std::to_string(count - most) + " more\n";
    return text;
}

/// The lines that were found must be those of tests/golden/<file>. With DENSIMD_WRITE_GOLDEN=<folder> the
/// first ones are written to that folder instead, which counts as a failure, and the following ones compared
/// with them.
inline void check_golden(const std::string& file, const GoldenLines& found) {
    static std::set<std::string> written;
    const char* const folder = std::getenv("DENSIMD_WRITE_GOLDEN");
    const std::string path = (folder == nullptr ? DENSIMD_GOLDEN_FOLDER : folder) + ("/" + file);
    if (folder != nullptr && written.insert(file).second) {
        write_golden(path, found);
        FAIL_CHECK(path, ": written and not checked; run again without DENSIMD_WRITE_GOLDEN");
    }
    const std::string difference = golden_difference(read_golden(path), found);
    if (!difference.empty())
        FAIL_CHECK(
            path, " holds other bits:\n", difference,
            "If they are meant to change: DENSIMD_WRITE_GOLDEN=tests/golden before this program writes "
            "the new lines.\nTake them over once every compiler, AVX2, AVX-512 and AArch64 agree.");
}

}  // namespace densimd::test
