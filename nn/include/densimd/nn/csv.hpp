// A strict reader of numeric CSV: every cell is a finite number, every row has the same length.
#pragma once

#include <densimd/version.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <densimd/nn/matrix.hpp>

namespace densimd::nn {

struct CsvOptions {
    bool header = true;    ///< whether the first line holds the columns' names
    char delimiter = ',';  ///< between cells: one of , ; : | tab or blank
    /// The column to predict, by its name (needs a header) or its index, counted from 0 (a std::size_t: 3u).
    std::variant<std::string, std::size_t> target;
};

template <class T>
struct Dataset {
    Matrix<T> X;                             ///< [rows][features]
    Matrix<T> Y;                             ///< [rows][1], the target column
    std::vector<std::string> feature_names;  ///< "column 0", ... without a header
    std::string target_name;
    bool left_out_index = false;  ///< whether the first column had no name, and so is no feature
};

/// Reads a CSV file: quotes as in RFC 4180, line breaks within them in the header only; lines end in LF or
/// CRLF; plain decimal numbers whatever the locale, to the last bit; one next to zero that T has not is zero.
///
/// Lines that say nothing are skipped: blank ones, those with nothing but delimiters, comments (# and
/// anything but a delimiter or a failed formula such as #N/A), a closing Ctrl-Z. A delimiter at the end of
/// every row, and of the header or not, ends no further cell. A first column whose name in the header is
/// empty is the row index that pandas and R write: unless it is the target it is left out, whatever it holds,
/// and left_out_index says so.
///
/// A file as text in memory or one that can be read only once, as a pipe, costs its size in memory beside the
/// result; other files are read in small pieces.
///
/// Throws Error that names file, row and column (both counted from 1; a row is a line of the file) for: a
/// file that cannot be read or has no data rows; a row of another length than the first; a cell that is not a
/// finite number; a missing or ambiguous target column; no column besides the target; a header that seems to
/// be a row of numbers; and a number that T does not keep:
/// - one that is written down to its units and moved by half of one or more: whole numbers such as 16777217,
///   times such as 1700000001.5 in float, 9007199254740993 in double;
/// - in float, one whose written digits are not kept, in a column so narrow that they matter: where rounding
///   moves it by more than a millionth of the column's range, as with coordinates within one town. Numbers
///   such as 0.1 and 0.12345678901 in a column from 0 to 1 are rounded, as always.
/// Read such a file as double and let a Standardizer<float> make floats of it.
template <class T>
Dataset<T> read_csv(const std::filesystem::path& path, const CsvOptions& options);

/// The same from memory; `name` stands for the file in errors.
template <class T>
Dataset<T> parse_csv(std::string_view text, const CsvOptions& options, std::string_view name = "csv");

}  // namespace densimd::nn
