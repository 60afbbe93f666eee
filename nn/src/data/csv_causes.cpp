// Guesses at what is wrong with a cell, a line or a file that is not made of numbers and delimiters.
#include "data/csv_causes.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdio>

namespace densimd::nn {
namespace {

bool is_digit_character(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || (c & 0x80) != 0; }

bool is_one_of(std::string_view cell, std::initializer_list<std::string_view> words) {
    std::string lower(cell);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return std::find(words.begin(), words.end(), lower) != words.end();
}

// Digits, with at least one of these characters among them and no others but a sign.
bool digits_and(std::string_view cell, std::string_view others) {
    if (!cell.empty() && (cell.front() == '-' || cell.front() == '+')) cell.remove_prefix(1);
    return cell.size() > 1 && is_digit_character(cell.front()) && cell.find_first_of(others) != cell.npos &&
           std::all_of(cell.begin(), cell.end(),
                       [&](char c) { return is_digit_character(c) || others.find(c) != others.npos; });
}

// One to three digits, a separator, three digits, and another separator or the end: 1.234,5 or 1 234 567
bool divided_in_thousands(std::string_view cell) {
    if (!cell.empty() && (cell.front() == '-' || cell.front() == '+')) cell.remove_prefix(1);
    const auto digits = [&] {
        std::size_t count = 0;
        while (count < cell.size() && is_digit_character(cell[count])) ++count;
        cell.remove_prefix(count);
        return count;
    };
    const auto separator = [&] {
        return !cell.empty() && std::string_view(",.' _").find(cell[0]) != cell.npos;
    };
    const std::size_t first = digits();
    if (first < 1 || first > 3 || !separator()) return false;
    cell.remove_prefix(1);
    return digits() == 3 && (cell.empty() || separator());
}

bool like_date_or_time(std::string_view cell) {
    return digits_and(cell, "-/:. TZ") &&
           (cell.find_first_of("-/:", 1) != cell.npos || std::count(cell.begin(), cell.end(), '.') == 2);
}

}  // namespace

std::string named(std::string_view text) {
    constexpr std::size_t most = 40;
    std::string result;
    for (const char c : text.substr(0, most)) {
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
            result += c;
            continue;
        }
        char code[8];
        std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
        result += c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : code;
    }
    return result + (text.size() > most ? "..." : "");
}

std::string shown(std::string_view text) { return "'" + named(text) + "'"; }

std::string listed(const std::vector<std::string>& names) {
    constexpr std::size_t most = 8;
    std::string list;
    for (std::size_t i = 0; i < std::min(most, names.size()); ++i) {
        list.append(i > 0 ? ", " : "").append(named(names[i]));
    }
    if (names.size() > most) list += " and " + std::to_string(names.size() - most) + " more";
    return list;
}

std::string delimiter_name(char delimiter) {
    if (delimiter == '\t') return "a tab";
    if (delimiter == ' ') return "a blank";
    return std::string("'") + delimiter + "'";
}

std::string why_no_number(std::string_view cell, const std::string& column, char delimiter) {
    const std::string where = " (" + named(column) + ")";
    const std::string found = shown(cell) + where + " ";
    const char* const fill_in = "fill missing values in, or leave their rows out";
    if (cell.empty())
        return "the cell is empty" + where + "; expected a number: " +
               (delimiter == ' ' ? "each blank is a delimiter, two have an empty cell between them"
                                 : fill_in);
    if (is_one_of(cell, {"na", "n/a", "#n/a", "nan", "null", "none", "nil", "missing", "?", "-", "--", "."}))
        return found + "stands for a missing value and is not a finite number: " + fill_in;
    if (cell.front() == '#') return found + "is a formula that failed, not a number";
    if (is_one_of(cell, {"true", "false", "yes", "no"}))
        return found + "is a truth value, which is not a number: write 1 and 0";
    for (const char other : {';', ',', '\t', '|'})
        if (other != delimiter && cell.find(other) != cell.npos &&
            (other != ',' || std::count(cell.begin(), cell.end(), ',') > 1 ||
             cell.find_first_not_of("+-0123456789.,") != cell.npos))
            return found + "is not a number; is " + delimiter_name(other) + " the delimiter, not " +
                   delimiter_name(delimiter) + "?";
    if (digits_and(cell, ","))
        return found + "is not a number: it has a decimal comma, or one between thousands; expected digits " +
               "with a decimal point";
    if (divided_in_thousands(cell))
        return found + "is not a number: are its thousands separated? Expected digits with a decimal point";
    if (like_date_or_time(cell))
        return found + "is not a number but perhaps a date or a time; make numbers of it, such as seconds";
    if (cell.find('\0') != cell.npos)
        return found + "is not a number; the file is no text, or is one in UTF-16 or UTF-32";
    if (cell.find_first_of("%$") != cell.npos || cell.find("\u20ac") != cell.npos ||
        cell.find("\u00a3") != cell.npos)
        return found + "is not a number: leave its unit out";
    if (is_letter(cell.front()))
        return found + "is a word, not a number: make numbers of words, or leave their column out";
    return found + "is not a number";
}

std::string other_format(std::string_view start) {
    const auto starts_with = [&](std::string_view magic) { return start.substr(0, magic.size()) == magic; };
    using namespace std::string_view_literals;
    if (starts_with("\xff\xfe"sv) || starts_with("\xfe\xff"sv) || starts_with("\0\0\xfe\xff"sv) ||
        (start.size() > 1 && (start[0] == 0) != (start[1] == 0)))
        return "the file is text in UTF-16 or UTF-32, as Excel's 'Unicode text' is; save it as CSV in UTF-8";
    if (starts_with("PK\x03\x04"sv))
        return "the file is a zip archive, as Excel's .xlsx files are; save it as CSV";
    if (starts_with("\x1f\x8b"sv)) return "the file is compressed by gzip; unpack it first";
    if (starts_with("\xd0\xcf\x11\xe0"sv)) return "the file is one of Excel (.xls); save it as CSV";
    if (starts_with("PAR1"sv)) return "the file is Parquet; save it as CSV";
    return "";
}

std::string other_delimiter(std::string_view line, char delimiter) {
    if (line.find(delimiter) != line.npos) return "";
    for (const char other : {';', '\t', '|', ',', ':', ' '})
        if (line.find(other) != line.npos)
            return "; the line is without " + delimiter_name(delimiter) + ": is " + delimiter_name(other) +
                   " the delimiter?";
    return "";
}

}  // namespace densimd::nn
