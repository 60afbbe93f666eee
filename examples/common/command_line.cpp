// Checks of what a command line says, and what is wrong with it if it says something else.
#include "common/command_line.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

namespace common {
namespace {

// The whole of `text` as a T, or nothing.
template <class T>
std::optional<T> number(const std::string& text) {
    T value{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

constexpr std::size_t max_units = 8192;  // two such layers have 256 MiB of weights

}  // namespace

CLI::Validator whole_number(std::uint64_t lowest, std::uint64_t highest) {
    const auto check = [lowest, highest](const std::string& text) {
        const auto value = number<std::uint64_t>(text);
        if (value && *value >= lowest && *value <= highest) return std::string();
        return "expected a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest) +
               ", found '" + text + "'";
    };
    return CLI::Validator(check, "");
}

CLI::Validator positive_number() {
    const auto check = [](const std::string& text) {
        const auto value = number<float>(text);  // what the network computes with
        if (value && std::isfinite(*value) && *value > 0) return std::string();
        return "expected a finite number above 0, found '" + text + "'";
    };
    return CLI::Validator(check, "");
}

std::vector<std::size_t> parse_hidden(const std::string& text) {
    std::vector<std::size_t> units;
    if (text == "none") return units;
    for (std::size_t start = 0; start <= text.size();) {
        const std::size_t comma = std::min(text.find(',', start), text.size());
        const auto value = number<std::size_t>(text.substr(start, comma - start));
        if (!value || *value < 1 || *value > max_units)
            throw UsageError("--hidden: expected 'none' or numbers from 1 to " + std::to_string(max_units) +
                             " such as 16,8, found '" + text + "'");
        units.push_back(*value);
        start = comma + 1;
    }
    return units;
}

bool parse(CLI::App& app, int argc, char** argv) {
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        std::fputs(app.help().c_str(), stdout);
        return false;
    } catch (const CLI::ParseError& error) {
        throw UsageError(error.what());
    }
    // An unset shell variable must not silently choose a default.
    for (const CLI::Option* option : app.get_options())
        for (const std::string& value : option->results())
            if (value.empty()) throw UsageError(option->get_name() + ": the value is empty");
    return true;
}

}  // namespace common
