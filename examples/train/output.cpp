// Tables and plots in the output folder. The plots are drawn by gnuplot from the tables.
#include "output.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "embedded.hpp"
#include "table.hpp"

namespace train {
namespace {

namespace fs = std::filesystem;

// Where the plot scripts lie, from which a user can draw the plots again: gnuplot draw.gp
constexpr const char* script_folder = "gnuplot";

void write_file(const fs::path& path, std::string_view text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file) throw std::runtime_error("cannot write the file '" + path.string() + "'");
}

std::string results_table(const std::vector<Result>& results) {
    std::ostringstream table;
    table << "data_set,network,loss,batch_size,learning_rate,epochs,training_loss,validation_loss,test_loss,"
             "test_metric,metric,seconds,nanoseconds_per_sample\n";
    for (const auto& [task, outcome] : results) {
        const nn::EpochRecord& last = outcome.history.epochs.back();
        table << task->name << ',' << outcome.network << ',' << loss_name(task->loss) << ','
              << outcome.batching.batch_size << ',' << outcome.batching.learning_rate << ',' << task->epochs
              << ',' << last.training.loss << ',' << last.validation->loss << ',' << outcome.test.loss << ','
              << outcome.test.metric << ',' << (task->metric == nn::Metric::r2 ? "R2" : "accuracy") << ','
              << outcome.seconds << ',' << outcome.nanoseconds_per_sample << '\n';
    }
    return table.str();
}

std::string history_table(const std::vector<Result>& results) {
    std::ostringstream table;
    table << "data_set,batch_size,epoch,seconds,training_loss,validation_loss\n";
    for (const auto& [task, outcome] : results) {
        double seconds = 0;
        for (const nn::EpochRecord& record : outcome.history.epochs) {
            seconds += record.seconds;
            table << task->name << ',' << outcome.batching.batch_size << ',' << record.epoch << ',' << seconds
                  << ',' << record.training.loss << ',' << record.validation->loss << '\n';
        }
    }
    return table.str();
}

nn::Matrix<float> in_data_units(const Task& task, const nn::Matrix<float>& Y) {
    return task.target_scale ? task.target_scale->inverse_transform(Y) : Y;
}

std::string predictions_table(const std::vector<Result>& results) {
    std::ostringstream table;
    table << "data_set,batch_size,target,prediction\n";
    for (const auto& [task, outcome] : results) {
        if (task->metric != nn::Metric::r2) continue;
        const nn::Matrix<float> targets = in_data_units(*task, task->data.Y_test);
        const nn::Matrix<float> predictions = in_data_units(*task, outcome.predictions);
        for (std::size_t i = 0; i < targets.rows(); ++i)
            table << task->name << ',' << outcome.batching.batch_size << ',' << targets(i, 0) << ','
                  << predictions(i, 0) << '\n';
    }
    return table.str();
}

// The kernels' own sigmoid and derivative, not gnuplot's.
std::string sigmoid_table() {
    const auto& kernels = densimd::kernels::active<float>();
    std::ostringstream table;
    table << "x,sigmoid,derivative\n";
    for (int step = -80; step <= 80; ++step) {
        const float x = static_cast<float>(step) / 10, one = 1;
        float s = 0, derivative = 0;
        kernels.sigmoid(1, &x, &s);
        kernels.sigmoid_grad(1, &s, &one, &derivative);
        table << x << ',' << s << ',' << derivative << '\n';
    }
    return table.str();
}

// In gnuplot's single quotes nothing is special but the quote itself, which is doubled.
std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
    return result + "'";
}

// The script that draws every plot, as PNG and as SVG.
std::string draw_script(const std::vector<Result>& results) {
    std::ostringstream script;
    script << "# Draws every plot: gnuplot draw.gp\n";
    const auto draw = [&](const std::string& plot, const std::string& file) {
        for (const char* format : {"png", "svg"})
            script << "format = '" << format << "'; file = '" << file << "'; load '" << plot << ".gp'\n";
    };
    draw("sigmoid", "sigmoid");
    for (std::size_t i = 0; i < results.size(); ++i) {
        const Task& task = *results[i].task;
        if (i > 0 && results[i - 1].task == &task) continue;
        std::string batches;
        for (const Task::Batching& batching : task.batchings)
            batches += (batches.empty() ? "" : " ") + std::to_string(batching.batch_size);
        script << "data_set = '" << task.name << "'; batches = '" << batches << "'; loss = '"
               << loss_name(task.loss) << "'\n"
               << "heading = " << quoted(task.title + " (" + results[i].outcome.network + ")") << '\n';
        draw("loss", "loss-" + task.name);
        draw("time", "time-" + task.name);
        if (task.metric == nn::Metric::r2) draw("prediction", "prediction-" + task.name);
    }
    return script.str();
}

}  // namespace

void check_folder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder / script_folder, error);
    const fs::path probe = folder / script_folder / "densimd-write-probe.tmp";
    if (error || !std::ofstream(probe))
        throw UsageError("--out: expected a folder that can be written, found '" + folder.string() + "'" +
                         (error ? " (" + error.message() + ")" : ""));
    fs::remove(probe);
}

void write_tables(const fs::path& folder, const std::vector<Result>& results) {
    write_file(folder / "results.csv", results_table(results));
    write_file(folder / "history.csv", history_table(results));
    write_file(folder / "predictions.csv", predictions_table(results));
    write_file(folder / "sigmoid.csv", sigmoid_table());
}

bool draw_plots(const fs::path& folder, const std::vector<Result>& results) {
    const fs::path scripts = folder / script_folder;
    write_file(scripts / "style.gp", style_gp);
    write_file(scripts / "logarithmic.gp", logarithmic_gp);
    write_file(scripts / "sigmoid.gp", sigmoid_gp);
    write_file(scripts / "loss.gp", loss_gp);
    write_file(scripts / "time.gp", time_gp);
    write_file(scripts / "prediction.gp", prediction_gp);
    write_file(scripts / "draw.gp", draw_script(results));

    if (std::system("gnuplot --version > /dev/null 2>&1") != 0) {
        std::printf("No plots: gnuplot is not installed (Debian, Ubuntu: apt-get install gnuplot-nox).\n");
        return true;
    }
    const fs::path here = fs::current_path();
    fs::current_path(scripts);  // so that no shell has to read the folder's name
    const int status = std::system("gnuplot draw.gp");
    fs::current_path(here);
    if (status != 0) std::fprintf(stderr, "densimd_train: gnuplot failed; plots are missing or incomplete\n");
    return status == 0;
}

}  // namespace train
