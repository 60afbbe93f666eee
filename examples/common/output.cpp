// Writing tables and running gnuplot on them.
#include "common/output.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "common/command_line.hpp"
#include "common/embedded.hpp"

namespace common {
namespace {

namespace fs = std::filesystem;

// Where the plot scripts lie, from which a user can draw the plots again: gnuplot draw.gp
constexpr const char* script_folder = "gnuplot";

}  // namespace

void check_folder(const std::string& option, const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder / script_folder, error);
    const fs::path probe = folder / script_folder / "densimd-write-probe.tmp";
    if (error || !std::ofstream(probe))
        throw UsageError(option + ": expected a folder that can be written, found '" + folder.string() + "'" +
                         (error ? " (" + error.message() + ")" : ""));
    fs::remove(probe);
}

void write_file(const fs::path& path, std::string_view text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file) throw std::runtime_error("cannot write the file '" + path.string() + "'");
}

// In gnuplot's single quotes nothing is special but the quote itself, which is doubled.
std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
    return result + "'";
}

std::string draw_commands(const std::string& plot, const std::string& file) {
    std::string commands;
    for (const std::string format : {"png", "svg"})
        commands += "format = '" + format + "'; file = '" + file + "'; load '" + plot + ".gp'\n";
    return commands;
}

bool draw_plots(const fs::path& folder, const std::vector<File>& scripts, const std::string& commands) {
    const fs::path scripts_path = folder / script_folder;
    write_file(scripts_path / "style.gp", style_gp);
    write_file(scripts_path / "tics.gp", tics_gp);
    for (const auto& [name, text] : scripts) write_file(scripts_path / name, text);
    write_file(scripts_path / "draw.gp", "# Draws every plot: gnuplot draw.gp\n" + commands);

    if (std::system("gnuplot --version > /dev/null 2>&1") != 0) {
        std::printf("No plots: gnuplot is not installed (Debian, Ubuntu: apt-get install gnuplot-nox).\n");
        return true;
    }
    const fs::path here = fs::current_path();
    fs::current_path(scripts_path);  // so that no shell has to read the folder's name
    const int status = std::system("gnuplot draw.gp");
    fs::current_path(here);
    if (status != 0) std::fprintf(stderr, "gnuplot failed; plots are missing or incomplete\n");
    return status == 0;
}

}  // namespace common
