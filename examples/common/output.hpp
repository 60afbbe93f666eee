// The folder that a program leaves its results in: tables, and the plots that gnuplot draws from them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace common {

// A text file, by name.
struct File {
    std::string name;
    std::string_view text;
};

// Creates the folder if need be. Throws UsageError, which names the option, if no file can be written in it.
void check_folder(const std::string& option, const std::filesystem::path& folder);

// Throws std::runtime_error if the file cannot be written.
void write_file(const std::filesystem::path& path, std::string_view text);

// As gnuplot reads it.
std::string quoted(const std::string& text);

// The lines of draw.gp that draw a plot, as PNG and as SVG, into files of this name.
std::string draw_commands(const std::string& plot, const std::string& file);

// Draws plots from the tables in the folder: writes the scripts and draw.gp, with these commands, and runs
// it. Returns false if gnuplot reported an error, and has then said so; where there is no gnuplot it says how
// to get it.
bool draw_plots(const std::filesystem::path& folder, const std::vector<File>& scripts,
                const std::string& commands);

}  // namespace common
