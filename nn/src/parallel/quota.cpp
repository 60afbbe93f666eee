// Reads the quota of CPU time of the control groups that this process is in, of version 1 and 2.
#include "parallel/quota.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <limits>
#include <string_view>

#ifdef __linux__
#include <fcntl.h>
#include <unistd.h>
#endif

namespace densimd::nn {

constexpr double no_limit = std::numeric_limits<double>::infinity();

#ifdef __linux__
namespace {

// A short text in memory of its own.
class Text {
  public:
    std::string_view view() const noexcept { return {characters_, length_}; }

    void append(std::string_view more) noexcept {
        const std::size_t count = std::min(more.size(), capacity - length_);
        std::copy_n(more.data(), count, characters_ + length_);
        length_ += count;
        characters_[length_] = '\0';
    }

    // What is in the file from its beginning, as far as there is room; nothing if it cannot be read.
    void read(const char* path) noexcept {
        length_ = 0;
        const int file = ::open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0) return;
        for (::ssize_t count = 1; count > 0 && length_ < capacity;) {
            count = ::read(file, characters_ + length_, capacity - length_);
            if (count > 0) length_ += static_cast<std::size_t>(count);
        }
        ::close(file);
    }

    const char* c_str() const noexcept { return characters_; }

  private:
    static constexpr std::size_t capacity = 4095;
    char characters_[capacity + 1] = {};
    std::size_t length_ = 0;
};

// The part of `text` before the first `separator`, which is taken off it.
std::string_view cut(std::string_view& text, char separator) noexcept {
    const std::size_t end = std::min(text.find(separator), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

// The quotient of two numbers, infinity if one of them is none: "max", or -1.
double quotient(std::string_view quota, std::string_view period) noexcept {
    const auto number = [](std::string_view text) {
        long long value = 0;
        std::from_chars(text.data(), text.data() + text.size(), value);
        return static_cast<double>(value);
    };
    return number(quota) > 0 && number(period) > 0 ? number(quota) / number(period) : no_limit;
}

Text file_in(std::string_view root, std::string_view group, std::string_view name) noexcept {
    Text path, text;
    for (const std::string_view part : {root, group, name}) path.append(part);
    text.read(path.c_str());
    return text;
}

double limit_of_group(std::string_view root, std::string_view group, bool version_2) noexcept {
    if (version_2) {
        const Text both = file_in(root, group, "/cpu.max");
        std::string_view rest = both.view();
        const std::string_view quota = cut(rest, ' ');
        return quotient(quota, rest);
    }
    return quotient(file_in(root, group, "/cpu.cfs_quota_us").view(),
                    file_in(root, group, "/cpu.cfs_period_us").view());
}

// The least limit of a group and those that it is in. Of a path that this process cannot see, as in some
// containers, the root is left, which is the container's own group.
double limit_of_groups(std::string_view root, std::string_view group, bool version_2) noexcept {
    double least = no_limit;
    while (true) {
        if (group.ends_with('/')) group.remove_suffix(1);
        least = std::min(least, limit_of_group(root, group, version_2));
        if (group.empty()) return least;
        group = group.substr(0, std::min(group.rfind('/'), group.size() - 1));
    }
}

bool lists(std::string_view controllers, std::string_view controller) noexcept {
    while (!controllers.empty())
        if (cut(controllers, ',') == controller) return true;
    return false;
}

}  // namespace

double granted_cpus() noexcept {
    Text groups;
    groups.read("/proc/self/cgroup");
    double least = no_limit;
    for (std::string_view lines = groups.view(); !lines.empty();) {
        std::string_view group = cut(lines, '\n');  // number:controllers:path
        cut(group, ':');
        const std::string_view controllers = cut(group, ':');
        if (controllers.empty())
            least = std::min(least, limit_of_groups("/sys/fs/cgroup", group, true));
        else if (lists(controllers, "cpu"))
            least = std::min(least, limit_of_groups("/sys/fs/cgroup/cpu", group, false));
    }
    return least;
}
#else
double granted_cpus() noexcept { return no_limit; }
#endif

}  // namespace densimd::nn
