// What is probably wrong with a CSV file that cannot be read, in its user's words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace densimd::nn {

/// A part of a file as an error shows it: on one line, not too long; `shown` in quotes.
std::string named(std::string_view text);
std::string shown(std::string_view text);

/// Some of the names, and how many more there are.
std::string listed(const std::vector<std::string>& names);

/// Why a cell, trimmed, is not a finite number: "'red' (colour) is a word, not a number; ...".
std::string why_no_number(std::string_view cell, const std::string& column, char delimiter);

/// What a file is that starts like this, if it is known not to be CSV in UTF-8, else "".
std::string other_format(std::string_view start);

/// "; ..." where a line seems to be divided by another delimiter, else "".
std::string other_delimiter(std::string_view line, char delimiter);

/// As an error names a delimiter: "','", "a tab".
std::string delimiter_name(char delimiter);

}  // namespace densimd::nn
