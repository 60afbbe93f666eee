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
    /// The column to predict, by its name (needs a header) or its index, counted from 0.
    std::variant<std::string, std::size_t> target;
};

template <class T>
struct Dataset {
    Matrix<T> X;                             ///< [rows][features]
    Matrix<T> Y;                             ///< [rows][1], the target column
    std::vector<std::string> feature_names;  ///< "column 0", ... without a header
    std::string target_name;
};

/// Reads a CSV file (RFC 4180 quotes in the header, LF or CRLF, plain decimal numbers whatever the locale).
/// Throws Error that names file, row and column (both counted from 1) for: a file that cannot be read or has
/// no data rows, a row of another length than the first, a cell that is not a finite number, a missing or
/// ambiguous target column, no column besides the target.
template <class T>
Dataset<T> read_csv(const std::filesystem::path& path, const CsvOptions& options);

/// The same from memory; `name` stands for the file in errors.
template <class T>
Dataset<T> parse_csv(std::string_view text, const CsvOptions& options, std::string_view name = "csv");

}  // namespace densimd::nn
