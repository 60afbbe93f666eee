// What the program prints, and leaves in the output folder: the history of every run and a plot of it.
#pragma once

#include <vector>

#include "mnist/options.hpp"
#include "mnist/runs.hpp"

namespace mnist {

struct Result {
    Run run;
    Outcome outcome;
};

void print_epoch_header();
void print_epoch(const Run& run, const Epoch& epoch);

// A row for each run: whether and when it reached the target.
void print_results(const std::vector<Result>& results, const Options& options);

// history.csv. Throws std::runtime_error if it cannot be written.
void write_tables(const std::vector<Result>& results, const Options& options);

// Draws history.csv. Returns false if gnuplot failed, and has then said so.
bool draw_plots(const std::vector<Result>& results, const Options& options);

}  // namespace mnist
