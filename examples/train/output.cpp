// Tables and plots in the output folder. The plots are drawn by gnuplot from the tables.
#include "output.hpp"

#include <sstream>

#include "common/names.hpp"
#include "common/output.hpp"
#include "embedded.hpp"

namespace train {
namespace {

namespace fs = std::filesystem;
using common::draw_commands;
using common::loss_name;
using common::write_file;

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

// The commands that draw every plot.
std::string draw_script(const std::vector<Result>& results) {
    std::ostringstream script;
    script << draw_commands("sigmoid", "sigmoid");
    for (std::size_t i = 0; i < results.size(); ++i) {
        const Task& task = *results[i].task;
        if (i > 0 && results[i - 1].task == &task) continue;
        std::string batches;
        for (const Task::Batching& batching : task.batchings)
            batches += (batches.empty() ? "" : " ") + std::to_string(batching.batch_size);
        script << "data_set = '" << task.name << "'; batches = '" << batches << "'; loss = '"
               << loss_name(task.loss) << "'\n"
               << "heading = " << common::quoted(task.title + " (" + results[i].outcome.network + ")")
               << '\n';
        script << draw_commands("loss", "loss-" + task.name);
        script << draw_commands("time", "time-" + task.name);
        if (task.metric == nn::Metric::r2) script << draw_commands("prediction", "prediction-" + task.name);
    }
    return script.str();
}

}  // namespace

void write_tables(const fs::path& folder, const std::vector<Result>& results) {
    write_file(folder / "results.csv", results_table(results));
    write_file(folder / "history.csv", history_table(results));
    write_file(folder / "predictions.csv", predictions_table(results));
    write_file(folder / "sigmoid.csv", sigmoid_table());
}

bool draw_plots(const fs::path& folder, const std::vector<Result>& results) {
    return common::draw_plots(folder,
                              {{"batches.gp", batches_gp},
                               {"logarithmic.gp", logarithmic_gp},
                               {"sigmoid.gp", sigmoid_gp},
                               {"loss.gp", loss_gp},
                               {"time.gp", time_gp},
                               {"prediction.gp", prediction_gp}},
                              draw_script(results));
}

}  // namespace train
