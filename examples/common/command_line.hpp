// What the programs' command lines have in common: errors, checks of values, parsing.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace common {

// A command line that cannot be used.
class UsageError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

CLI::Validator whole_number(std::uint64_t lowest, std::uint64_t highest);
CLI::Validator positive_number();

// Units of hidden layers, "16,8" or "none". Throws UsageError that names the option --hidden.
std::vector<std::size_t> parse_hidden(const std::string& text);

// Returns false if the command line asked for help, which has then been printed. Throws UsageError.
bool parse(CLI::App& app, int argc, char** argv);

}  // namespace common
