// The lines of a text, which lies in memory or is read from a file piece by piece.
#pragma once

#include <cstddef>
#include <istream>
#include <string_view>
#include <vector>

namespace densimd::nn {

class Lines {
  public:
    explicit Lines(std::string_view text) : next_(text.data()), end_(text.data() + text.size()) {}
    explicit Lines(std::istream& file) : file_(&file) {}
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;

    /// The next line, without its LF. It lives until the next call, and at its end() is a character that may
    /// be read and is no part of a number: LF. Without a further line: false.
    bool next(std::string_view& line);

    /// How many characters were gone through.
    std::size_t size() const { return size_; }

  private:
    bool fill();

    std::istream* file_ = nullptr;
    std::vector<char> piece_;  // what is read of the file, or the last line of a text in memory
    const char* next_ = nullptr;
    const char* end_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace densimd::nn
