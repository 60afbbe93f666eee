// What the program leaves in the output folder: tables as CSV, plots as PNG and SVG.
#pragma once

#include <filesystem>
#include <vector>

#include "training.hpp"

namespace train {

struct Result {
    const Task* task;
    Outcome outcome;
};

// results.csv, history.csv, predictions.csv and, for the built-in data sets, sigmoid.csv. Throws
// std::runtime_error if a file cannot be written.
void write_tables(const std::filesystem::path& folder, const std::vector<Result>& results, bool built_in);

// Draws what write_tables has written, through gnuplot. Returns false if gnuplot reported an error, and has
// then said so; where there is no gnuplot it says how to get it.
bool draw_plots(const std::filesystem::path& folder, const std::vector<Result>& results, bool built_in);

}  // namespace train
