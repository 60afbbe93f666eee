// The strict CSV reader.
#include <densimd/nn/csv.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>

namespace densimd::nn {
namespace {

class Reader {
  public:
    Reader(std::string_view text, const CsvOptions& options, std::string_view name)
        : text_(text), delimiter_(options.delimiter), name_(name) {
        if (std::string_view(",;:|\t ").find(delimiter_) == std::string_view::npos)
            throw Error(name_ + ": the delimiter '" + delimiter_ + "' is not one of , ; : | tab or blank");
        if (text_.substr(0, 3) == "\xef\xbb\xbf") text_.remove_prefix(3);  // UTF-8 byte order mark
    }

    bool at_end() const { return text_.empty(); }

    /// The cells of the next line, without quotes and line break.
    std::vector<std::string> next_line() {
        ++line_;
        std::vector<std::string> cells(1);
        bool quoted = false, was_quoted = false;
        while (!text_.empty()) {
            const char c = text_.front();
            text_.remove_prefix(1);
            if (quoted) {
                if (c != '"')
                    cells.back() += c;
                else if (!text_.empty() && text_.front() == '"') {
                    cells.back() += '"';
                    text_.remove_prefix(1);
                } else
                    quoted = false;
            } else if (c == '"' && cells.back().empty() && !was_quoted) {
                quoted = was_quoted = true;
            } else if (c == delimiter_) {
                cells.emplace_back();
                was_quoted = false;
            } else if (c == '\n') {
                return cells;
            } else if (c == '\r') {
                if (!text_.empty() && text_.front() != '\n')
                    fail(cells.size(), "a carriage return without a line feed; lines end in LF or CRLF");
            } else if (was_quoted) {
                fail(cells.size(), "there is text after a closing quote");
            } else {
                cells.back() += c;
            }
        }
        if (quoted) fail(cells.size(), "a quote is not closed");
        return cells;
    }

    [[noreturn]] void fail(std::size_t column, const std::string& why) const {
        throw Error(name_ + ": row " + std::to_string(line_) + ", column " + std::to_string(column) + ": " +
                    why);
    }

    [[noreturn]] void fail(const std::string& why) const { throw Error(name_ + ": " + why); }

    std::size_t line() const { return line_; }

  private:
    std::string_view text_;
    char delimiter_;
    std::string name_;
    std::size_t line_ = 0;
};

std::string_view trim(std::string_view cell) {
    while (!cell.empty() && (cell.front() == ' ' || cell.front() == '\t')) cell.remove_prefix(1);
    while (!cell.empty() && (cell.back() == ' ' || cell.back() == '\t')) cell.remove_suffix(1);
    return cell;
}

template <class T>
T number(const Reader& reader, std::string_view cell, std::size_t column, const std::string& column_name) {
    std::string_view digits = trim(cell);
    const std::string where = " (" + column_name + ")";
    if (digits.empty()) reader.fail(column, "the cell is empty" + where + "; expected a number");
    if (digits.front() == '+' && digits.size() > 1 && digits[1] != '-') digits.remove_prefix(1);
    T value{};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const std::string quoted = std::string("'").append(cell).append("'") + where;
    if (error == std::errc::result_out_of_range) reader.fail(column, quoted + " is out of range");
    if (error != std::errc() || end != digits.data() + digits.size())
        reader.fail(column, quoted + " is not a number");
    if (!std::isfinite(value)) reader.fail(column, quoted + " is not a finite number");
    return value;
}

std::size_t target_index(const Reader& reader, const CsvOptions& options,
                         const std::vector<std::string>& names) {
    const std::size_t columns = names.size();
    if (const auto* index = std::get_if<std::size_t>(&options.target)) {
        if (*index >= columns)
            reader.fail("there is no target column " + std::to_string(*index) + "; the columns are 0 to " +
                        std::to_string(columns - 1));
        return *index;
    }
    const std::string& wanted = std::get<std::string>(options.target);
    if (wanted.empty()) reader.fail("no target column is named");
    if (!options.header)
        reader.fail("the target column '" + wanted + "' cannot be found by name without a header");
    const auto matches = std::count(names.begin(), names.end(), wanted);
    if (matches == 1)
        return static_cast<std::size_t>(std::find(names.begin(), names.end(), wanted) - names.begin());
    if (matches > 1)
        reader.fail("the target column '" + wanted + "' is there " + std::to_string(matches) +
                    " times; name it by its index");
    std::string list;
    for (const std::string& name : names) list.append(list.empty() ? "" : ", ").append(name);
    reader.fail("there is no target column '" + wanted + "'; the columns are " + list);
}

}  // namespace

template <class T>
Dataset<T> parse_csv(std::string_view text, const CsvOptions& options, std::string_view name) {
    Reader reader(text, options, name);
    std::vector<std::string> names;
    if (options.header) {
        if (reader.at_end()) reader.fail("the file is empty; expected a header");
        for (const std::string& cell : reader.next_line()) names.emplace_back(trim(cell));
        if (names.size() == 1 && names[0].empty()) reader.fail("the first line is blank; expected a header");
    }
    std::vector<T> features, targets;
    std::size_t target = 0, rows = 0;
    std::optional<std::size_t> columns;
    while (!reader.at_end()) {
        const std::vector<std::string> cells = reader.next_line();
        if (!columns) {
            if (!options.header)
                for (std::size_t i = 0; i < cells.size(); ++i) names.push_back("column " + std::to_string(i));
            columns = names.size();
            target = target_index(reader, options, names);
            if (*columns < 2) reader.fail("there is no column besides the target");
        }
        if (cells.size() != *columns)
            throw Error(std::string(name) + ": row " + std::to_string(reader.line()) + " has " +
                        std::to_string(cells.size()) + (cells.size() == 1 ? " cell" : " cells") +
                        "; expected " + std::to_string(*columns));
        for (std::size_t i = 0; i < cells.size(); ++i)
            (i == target ? targets : features).push_back(number<T>(reader, cells[i], i + 1, names[i]));
        ++rows;
    }
    if (rows == 0) reader.fail("there are no data rows");

    Dataset<T> data{Matrix<T>(rows, *columns - 1, std::move(features)),
                    Matrix<T>(rows, 1, std::move(targets)),
                    std::move(names),
                    {}};
    data.target_name = data.feature_names[target];
    data.feature_names.erase(data.feature_names.begin() + static_cast<std::ptrdiff_t>(target));
    return data;
}

template <class T>
Dataset<T> read_csv(const std::filesystem::path& path, const CsvOptions& options) {
    std::error_code ignored;
    std::ifstream file(path, std::ios::binary);
    if (!file || std::filesystem::is_directory(path, ignored))
        throw Error(path.string() + ": cannot be opened for reading: " +
                    (std::filesystem::exists(path, ignored) ? "not a readable file" : "no such file"));
    std::ostringstream text;
    text << file.rdbuf();
    if (file.bad() || text.bad()) throw Error(path.string() + ": reading failed");
    return parse_csv<T>(text.str(), options, path.string());
}

template Dataset<float> parse_csv<float>(std::string_view, const CsvOptions&, std::string_view);
template Dataset<double> parse_csv<double>(std::string_view, const CsvOptions&, std::string_view);
template Dataset<float> read_csv<float>(const std::filesystem::path&, const CsvOptions&);
template Dataset<double> read_csv<double>(const std::filesystem::path&, const CsvOptions&);

}  // namespace densimd::nn
