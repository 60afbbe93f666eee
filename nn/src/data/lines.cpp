// Lines of a text, found by looking for LF.
#include "data/lines.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace densimd::nn {

bool Lines::next(std::string_view& line) {
    for (std::size_t searched = 0;;) {
        const auto rest = static_cast<std::size_t>(end_ - next_);
        const void* found = rest == searched ? nullptr : std::memchr(next_ + searched, '\n', rest - searched);
        if (found != nullptr) {
            line = {next_, static_cast<std::size_t>(static_cast<const char*>(found) - next_)};
            next_ += line.size() + 1;
            size_ += line.size() + 1;
            return true;
        }
        searched = rest;
        if (file_ != nullptr && fill()) continue;
        if (rest == 0) return false;
        // The last line has no LF of its own.
        std::vector<char> last(next_, end_);
        last.push_back('\n');
        piece_ = std::move(last);
        file_ = nullptr;
        next_ = piece_.data();
        end_ = next_ + piece_.size();
    }
}

// Reads on behind what has not been used yet. Without more to read: false.
bool Lines::fill() {
    constexpr std::size_t usual = std::size_t{1} << 18;  // stays in L2
    const auto rest = static_cast<std::size_t>(end_ - next_);
    if (rest > 0) std::memmove(piece_.data(), next_, rest);
    piece_.resize(std::max({piece_.size(), usual, 2 * rest}));
    file_->read(piece_.data() + rest, static_cast<std::streamsize>(piece_.size() - rest));
    next_ = piece_.data();
    end_ = next_ + rest + static_cast<std::size_t>(file_->gcount());
    return file_->gcount() > 0;
}

}  // namespace densimd::nn
