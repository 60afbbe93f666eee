// The strict CSV reader.
#include <densimd/nn/csv.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <densimd/nn/error.hpp>

#include "data/csv_causes.hpp"
#include "data/decimal.hpp"
#include "data/lines.hpp"

namespace densimd::nn {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trimmed(std::string_view cell) {
    while (!cell.empty() && is_blank(cell.front())) cell.remove_prefix(1);
    while (!cell.empty() && is_blank(cell.back())) cell.remove_suffix(1);
    return cell;
}

// Without the CR before LF, of which Python on Windows may write two, and the Ctrl-Z that once ended files.
std::string_view without_ending(std::string_view line) {
    while (!line.empty() && (line.back() == '\r' || line.back() == '\x1a')) line.remove_suffix(1);
    return line;
}

// Where a formula of a spreadsheet failed, the line of its row may look like a comment.
bool starts_with_failed_formula(std::string_view line) {
    for (const std::string_view error : {"#N/A", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"})
        if (line.substr(0, error.size()) == error) return true;
    return false;
}

// A line that holds no row: blank, nothing but delimiters, as spreadsheets write their empty rows, or a
// comment. "#," is no comment but a cell, as there are columns called #.
bool says_nothing(std::string_view line, char delimiter) {
    line = trimmed(without_ending(line));
    if (line.empty()) return true;
    if (line[0] == '#')
        return (delimiter == ' ' || line.size() == 1 || line[1] != delimiter) &&
               !starts_with_failed_formula(line);
    const char nothing[] = {delimiter, ' ', '\t', '\0'};
    return line[0] == delimiter && line.find_first_not_of(nothing) == line.npos;
}

// How much there is to read, so that memory is asked for once.
struct Extent {
    std::size_t rows = 0, characters = 0;
};

Extent extent_of(Lines lines, const CsvOptions& options) {
    Extent extent;
    std::string_view line;
    while (lines.next(line)) {
        extent.characters += line.size() + 1;
        if (!says_nothing(line, options.delimiter)) ++extent.rows;
    }
    if (options.header && extent.rows > 0) --extent.rows;
    return extent;
}

// Where errors are: in a file, a row, a column, the last two counted from 1.
class Place {
  public:
    explicit Place(std::string_view file) : file_(file) {}

    [[noreturn]] void fail(const std::string& why) const { throw Error(file_ + ": " + why); }
    [[noreturn]] void fail(std::size_t row, const std::string& why) const {
        throw Error(file_ + ": row " + std::to_string(row) + " " + why);
    }
    [[noreturn]] void fail(std::size_t row, std::size_t column, const std::string& why) const {
        throw Error(file_ + ": row " + std::to_string(row) + ", column " + std::to_string(column) + ": " +
                    why);
    }
    [[noreturn]] void fail_at_return(std::size_t row, std::size_t column) const {
        fail(row, column, "a carriage return without a line feed; lines end in LF or CRLF");
    }
    [[noreturn]] void fail_after_quote(std::size_t row, std::size_t column) const {
        fail(row, column, "there is text after a closing quote");
    }
    [[noreturn]] void fail_in_quotes(std::size_t row, std::size_t column) const {
        fail(row, column, "a quote is not closed");
    }

  private:
    std::string file_;
};

// Divides a row, of several lines if there are any within quotes, into cells without their quotes.
class Cells {
  public:
    Cells(char delimiter, const Place& place, std::size_t row)
        : delimiter_(delimiter), place_(place), row_(row) {}

    bool within_quotes() const { return quoted_; }

    void add(std::string_view line) {
        if (quoted_) cells_.back() += '\n';
        for (std::size_t i = 0; i < line.size(); ++i) {
            const char c = line[i];
            std::string& cell = cells_.back();
            if (quoted_) {
                quoted_ = c != '"' || line.substr(i + 1, 1) == "\"";
                if (quoted_) cell += c;
                if (quoted_ && c == '"') ++i;
            } else if (c == delimiter_) {
                cells_.emplace_back();
                was_quoted_ = false;
            } else if (c == '\r') {
                place_.fail_at_return(row_, cells_.size());
            } else if (was_quoted_) {
                if (!is_blank(c)) place_.fail_after_quote(row_, cells_.size());
            } else if (c == '"' && trimmed(cell).empty()) {
                cell.clear();
                quoted_ = was_quoted_ = true;
            } else {
                cell += c;
            }
        }
    }

    std::vector<std::string> take() {
        if (quoted_) place_.fail_in_quotes(row_, cells_.size());
        for (std::string& cell : cells_) cell = std::string(trimmed(cell));
        return std::move(cells_);
    }

  private:
    char delimiter_;
    const Place& place_;
    std::size_t row_;
    std::vector<std::string> cells_ = std::vector<std::string>(1);
    bool quoted_ = false, was_quoted_ = false;
};

// Whether these seem to be numbers of a row and not names of columns, which 0, 1, 2 and 2010, 2011 may be.
bool are_measured(const std::vector<std::string>& cells) {
    double ignored = 0;
    std::set<std::string_view> seen;
    bool measured = false;
    for (const std::string& cell : cells) {
        if (read_decimal(cell, ignored) != Reading::done) return false;
        measured = measured || !seen.insert(cell).second || cell.find_first_of(".eE") != cell.npos;
    }
    return measured;
}

template <class T>
class Table {
  public:
    Table(Lines& lines, const CsvOptions& options, std::string_view name)
        : lines_(lines), options_(options), delimiter_(options.delimiter), place_(name) {
        if (std::string_view(",;:|\t ").find(delimiter_) == std::string_view::npos)
            place_.fail("the delimiter " + shown({&options.delimiter, 1}) +
                        " is not one of , ; : | tab or blank");
    }

    Dataset<T> read(const Extent& extent) {
        const bool any = next_row();
        if (options_.header) {
            if (!any) place_.fail("the file is empty; expected a header");
            read_header();
            if (!next_row()) place_.fail("there are no data rows");
        } else if (!any) {
            place_.fail("there are no data rows");
        }
        choose_columns();
        const std::size_t most = extent.characters / 2 + 1;  // no cell takes less than two characters
        features_.reserve(extent.rows < most / features_of_a_row() ? extent.rows * features_of_a_row()
                                                                   : most);
        targets_.reserve(extent.rows);
        do read_row();
        while (next_row());
        if constexpr (std::is_same_v<T, float>) check_rounding();

        const std::size_t rows = targets_.size(), features = features_of_a_row();
        Dataset<T> data{Matrix<T>(rows, features, std::move(features_)),
                        Matrix<T>(rows, 1, std::move(targets_)),
                        {},
                        names_[target_],
                        first_ == 1};
        for (std::size_t i = first_; i < names_.size(); ++i)
            if (i != target_) data.feature_names.push_back(std::move(names_[i]));
        return data;
    }

  private:
    // What rounding to float does to a column.
    struct Rounding {
        double moved = 0;  // the most that it moves a number whose digits it does not keep, and which one
        std::size_t row = 0;
        std::string text;
    };

    std::size_t features_of_a_row() const { return names_.size() - first_ - 1; }

    bool next_row() {
        while (lines_.next(line_)) {
            if (++row_ == 1) {
                if (const std::string format = other_format(line_); !format.empty()) place_.fail(format);
                if (line_.substr(0, 3) == "\xef\xbb\xbf") line_.remove_prefix(3);  // UTF-8 byte order mark
            }
            line_ = without_ending(line_);
            if (!says_nothing(line_, delimiter_)) return true;
        }
        return false;
    }

    std::vector<std::string> cells_of_row() const {
        Cells cells(delimiter_, place_, row_);
        cells.add(line_);
        return cells.take();
    }

    void read_header() {
        hint_ = other_delimiter(line_, delimiter_);
        Cells cells(delimiter_, place_, row_);
        cells.add(line_);
        for (; cells.within_quotes() && lines_.next(line_); ++row_) cells.add(without_ending(line_));
        names_ = cells.take();
    }

    // From the header and the first row.
    void choose_columns() {
        const std::vector<std::string> cells = cells_of_row();
        const bool ends_empty = cells.size() > 1 && cells.back().empty();
        if (options_.header) {
            const bool both = names_.size() == cells.size() && names_.back().empty();
            open_end_ = ends_empty && (both || names_.size() + 1 == cells.size());
            if (open_end_ && both) names_.pop_back();
        } else {
            open_end_ = ends_empty;
            hint_ = other_delimiter(line_, delimiter_);
            for (std::size_t i = 0; i < cells.size() - (open_end_ ? 1 : 0); ++i)
                names_.push_back("column " + std::to_string(i));
        }
        target_ = target_index();
        first_ = options_.header && names_.front().empty() && target_ != 0 ? 1 : 0;
        if (names_.size() < first_ + 2) place_.fail("there is no column besides the target" + hint_);
        lowest_.assign(names_.size(), std::numeric_limits<double>::infinity());
        highest_.assign(names_.size(), -std::numeric_limits<double>::infinity());
        roundings_.resize(std::is_same_v<T, float> ? names_.size() : 0);
    }

    std::size_t target_index() const {
        const bool no_header = options_.header && are_measured(names_);
        const std::string without =
            no_header ? "; the first line holds numbers and not names: is there no header?" : hint_;
        if (const auto* index = std::get_if<std::size_t>(&options_.target)) {
            if (*index >= names_.size())
                place_.fail("there is no target column " + std::to_string(*index) +
                            "; the columns are 0 to " + std::to_string(names_.size() - 1) + without);
            if (no_header) place_.fail("expected a header" + without);
            return *index;
        }
        const std::string& wanted = std::get<std::string>(options_.target);
        if (wanted.empty()) place_.fail("no target column is named");
        if (!options_.header)
            place_.fail("the target column " + shown(wanted) + " cannot be found by name without a header");
        const auto matches = std::count(names_.begin(), names_.end(), wanted);
        if (matches > 0 && no_header) place_.fail("expected a header" + without);
        if (matches == 1)
            return static_cast<std::size_t>(std::find(names_.begin(), names_.end(), wanted) - names_.begin());
        if (matches > 1)
            place_.fail("the target column " + shown(wanted) + " is there " + std::to_string(matches) +
                        " times; name it by its index");
        place_.fail("there is no target column " + shown(wanted) + "; the columns are " + listed(names_) +
                    without);
    }

    // The loop that the time goes into: most cells are short numbers, and end where read_short_decimal says.
    void read_row() {
        const std::size_t columns = names_.size();
        const std::size_t start = features_.size();
        features_.resize(start + features_of_a_row());
        T* x = features_.data() + start;
        const char* cell = line_.data();
        const char* const end = cell + line_.size();
        for (std::size_t i = 0; i < columns; ++i) {
            if (i > 0 && cell++ == end) fail_ragged();
            if (i < first_) {
                cell = text_at(cell, end, i).second;
                continue;
            }
            while (*cell == ' ' && delimiter_ != ' ' && cell != end) ++cell;
            double number = 0;
            const char* stop = read_short_decimal(cell, number);
            if (stop == nullptr) stop = read_long_decimal(cell, end, number);
            std::string_view text;
            if (stop != nullptr && (stop == end || *stop == delimiter_))
                text = {cell, stop};
            else
                std::tie(text, stop) = read_cell(cell, end, i, number);
            const T value = rounded(number, text, i);
            if (i == target_)
                targets_.push_back(value);
            else
                *x++ = value;
            cell = stop;
        }
        if (cell == end ? open_end_ : !open_end_ || !trimmed({cell + 1, end}).empty()) fail_ragged();
    }

    // A number with more digits or an exponent, if nothing is special about it.
    static const char* read_long_decimal(const char* cell, const char* end, double& number) {
        const auto [stop, error] = std::from_chars(cell, end, number);
        return error == std::errc() && std::abs(number) < 0x1p53 ? stop : nullptr;
    }

    // The text of a cell without quotes and blanks, and where the cell ends.
    std::pair<std::string_view, const char*> text_at(const char* cell, const char* end,
                                                     std::size_t column) const {
        while (cell != end && is_blank(*cell) && *cell != delimiter_) ++cell;
        if (cell == end || *cell != '"') {
            const void* const found = std::memchr(cell, delimiter_, static_cast<std::size_t>(end - cell));
            const char* const stop = found == nullptr ? end : static_cast<const char*>(found);
            return {trimmed({cell, stop}), stop};
        }
        const char* const text = ++cell;
        do {
            cell = std::find(cell, end, '"');
            if (cell == end) place_.fail_in_quotes(row_, column + 1);
        } while (cell + 1 != end && cell[1] == '"' && (cell += 2) != nullptr);
        const char* stop = cell + 1;
        while (stop != end && is_blank(*stop) && *stop != delimiter_) ++stop;
        if (stop != end && *stop != delimiter_) place_.fail_after_quote(row_, column + 1);
        return {trimmed({text, cell}), stop};
    }

    std::pair<std::string_view, const char*> read_cell(const char* cell, const char* end, std::size_t column,
                                                       double& number) const {
        const auto found = text_at(cell, end, column);
        const std::string_view text = found.first;
        const auto fail = [&](const std::string& why) {
            place_.fail(row_, column + 1, shown(text) + " (" + named(names_[column]) + ") " + why);
        };
        const Reading reading = read_decimal(text, number);
        if (reading == Reading::too_large) fail("is out of range");
        if (reading != Reading::done) {
            if (text.find('\r') != text.npos) place_.fail_at_return(row_, column + 1);
            place_.fail(row_, column + 1, why_no_number(text, names_[column], delimiter_));
        }
        if (whole_part_changes(text, number))
            fail("is a number that double does not keep, which makes " + digits_of(number) +
                 " of it; if it is an identifier, leave its column out");
        return found;
    }

    T rounded(double number, std::string_view text, std::size_t column) {
        if constexpr (std::is_same_v<T, float>) {
            lowest_[column] = std::min(lowest_[column], number);
            highest_[column] = std::max(highest_[column], number);
            const float value = static_cast<float>(number);
            return static_cast<double>(value) == number ? value : rounded_off(number, text, column);
        } else {
            return number;
        }
    }

    float rounded_off(double number, std::string_view text, std::size_t column) {
        const float value = nearest_float(text, number);
        const auto fail = [&](const std::string& why) {
            place_.fail(row_, column + 1, shown(text) + " (" + named(names_[column]) + ") " + why);
        };
        if (!std::isfinite(value)) fail("is out of range for float; read_csv<double> reads it");
        const double moved = std::abs(number - static_cast<double>(value));
        Rounding& rounding = roundings_[column];
        if (moved < 0.5 && moved <= rounding.moved) return value;
        const double unit = last_unit(text);
        if (moved <= unit / 2) return value;
        if (moved >= 0.5 && unit <= 1)
            fail("is a number that float does not keep, which makes " + digits_of(value) +
                 " of it; read_csv<double> and Standardizer keep it");
        if (moved > rounding.moved) rounding = {moved, row_, std::string(text)};
        return value;
    }

    void check_rounding() const {
        constexpr double bearable = 1e-6;
        for (std::size_t i = first_; i < names_.size(); ++i) {
            const Rounding& rounding = roundings_[i];
            const double range = highest_[i] - lowest_[i];
            if (range > 0 && rounding.moved > bearable * range)
                place_.fail(rounding.row, i + 1,
                            shown(rounding.text) + " (" + named(names_[i]) +
                                ") is a number that float does not keep: it moves by " +
                                digits_of(static_cast<float>(rounding.moved)) + ", in a column that spans " +
                                digits_of(static_cast<float>(range)) +
                                "; read_csv<double> and Standardizer keep it");
        }
    }

    [[noreturn]] void fail_ragged() const {
        const std::size_t found = cells_of_row().size(), expected = names_.size();
        std::string why = "has " + std::to_string(found) + (found == 1 ? " cell" : " cells") + "; expected " +
                          std::to_string(expected);
        if (open_end_) why += " and an empty one, as in the first row";
        if (found < expected)
            why += other_delimiter(line_, delimiter_);
        else if (targets_.size() <= 1 && found == expected + 1 && options_.header)
            why += "; does the header lack a name for the rows' index?";
        else if (found > expected && delimiter_ == ',')
            why += "; a decimal comma would divide a number in two";
        place_.fail(row_, why);
    }

    Lines& lines_;
    const CsvOptions& options_;
    const char delimiter_;
    const Place place_;
    std::string_view line_;
    std::size_t row_ = 0;
    std::string hint_;  // what seems to be wrong with the first line

    std::vector<std::string> names_;
    std::size_t target_ = 0;
    std::size_t first_ = 0;  // 1 if the first column has no name and is left out
    bool open_end_ = false;  // whether each row ends in a delimiter
    std::vector<T> features_, targets_;

    std::vector<double> lowest_, highest_;  // for float, of each column
    std::vector<Rounding> roundings_;
};

template <class T>
Dataset<T> read_seekable(std::ifstream& file, const CsvOptions& options, const std::string& name) {
    const Extent extent = extent_of(Lines(file), options);
    file.clear();
    file.seekg(0);
    Lines lines(file);
    Dataset<T> data = Table<T>(lines, options, name).read(extent);
    if (file.bad()) throw Error(name + ": reading failed");
    return data;
}

}  // namespace

template <class T>
Dataset<T> parse_csv(std::string_view text, const CsvOptions& options, std::string_view name) {
    Lines lines(text);
    return Table<T>(lines, options, name).read(extent_of(Lines(text), options));
}

template <class T>
Dataset<T> read_csv(const std::filesystem::path& path, const CsvOptions& options) {
    std::error_code ignored;
    std::ifstream file(path, std::ios::binary);
    if (!file || std::filesystem::is_directory(path, ignored))
        throw Error(path.string() + ": cannot be opened for reading: " +
                    (std::filesystem::exists(path, ignored) ? "not a readable file" : "no such file"));
    if (file.tellg() == std::ifstream::pos_type(0)) return read_seekable<T>(file, options, path.string());
    // A pipe can be read only once.
    file.clear();
    std::ostringstream text;
    text << file.rdbuf();
    if (file.bad() || text.bad()) throw Error(path.string() + ": reading failed");
    return parse_csv<T>(text.view(), options, path.string());
}

template Dataset<float> parse_csv<float>(std::string_view, const CsvOptions&, std::string_view);
template Dataset<double> parse_csv<double>(std::string_view, const CsvOptions&, std::string_view);
template Dataset<float> read_csv<float>(const std::filesystem::path&, const CsvOptions&);
template Dataset<double> read_csv<double>(const std::filesystem::path&, const CsvOptions&);

}  // namespace densimd::nn
