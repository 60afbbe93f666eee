// Tables and plots in the output folder. The plots are drawn by gnuplot from the tables.
#include "output.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
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

// All digits of a number that another program needs.
template <class T>
std::string digits(T value) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

bool classifies(const Task& task) { return task.metric == nn::Metric::accuracy; }

// What the outputs say of each class: probabilities, where the loss is a cross-entropy.
nn::Matrix<float> class_outputs(const Task& task, const nn::Matrix<float>& predictions) {
    nn::Matrix<float> outputs = predictions;
    if (task.loss == nn::categorical_cross_entropy)
        densimd::kernels::active<float>().softmax(outputs.rows(), outputs.cols(), predictions.data(),
                                                  predictions.cols(), outputs.data(), outputs.cols());
    return outputs;
}

std::size_t predicted_class(const float* outputs, std::size_t count) {
    if (count == 1) return outputs[0] >= 0.5f ? 1 : 0;
    return static_cast<std::size_t>(std::max_element(outputs, outputs + count) - outputs);
}

std::string predictions_table(const std::vector<Result>& results) {
    std::size_t outputs = 0;
    for (const auto& [task, outcome] : results)
        if (classifies(*task)) outputs = std::max(outputs, outcome.predictions.cols());
    std::ostringstream table;
    table << "data_set,batch_size,target,prediction";
    for (std::size_t j = 0; j < outputs; ++j) table << ",output_" << j;
    table << '\n';
    for (const auto& [task, outcome] : results) {
        const nn::Matrix<float> shares = class_outputs(*task, outcome.predictions);
        std::optional<nn::Matrix<double>> scaled;
        if (task->target_scale) scaled = task->target_scale->inverse_transform<double>(outcome.predictions);
        for (std::size_t i = 0; i < shares.rows(); ++i) {
            table << task->name << ',' << outcome.batching.batch_size << ','
                  << digits(task->test_targets(i, 0)) << ',';
            if (classifies(*task))
                table << predicted_class(shares.row(i), shares.cols());
            else
                table << (scaled ? digits((*scaled)(i, 0)) : digits(shares(i, 0)));
            for (std::size_t j = 0; j < outputs; ++j) {
                table << ',';
                if (classifies(*task) && j < shares.cols()) table << digits(shares(i, j));
            }
            table << '\n';
        }
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
std::string draw_script(const std::vector<Result>& results, bool built_in) {
    std::ostringstream script;
    if (built_in) script << draw_commands("sigmoid", "sigmoid");
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
        if (!classifies(task)) script << draw_commands("prediction", "prediction-" + task.name);
    }
    return script.str();
}

}  // namespace

void write_tables(const fs::path& folder, const std::vector<Result>& results, bool built_in) {
    write_file(folder / "results.csv", results_table(results));
    write_file(folder / "history.csv", history_table(results));
    write_file(folder / "predictions.csv", predictions_table(results));
    if (built_in) write_file(folder / "sigmoid.csv", sigmoid_table());
}

bool draw_plots(const fs::path& folder, const std::vector<Result>& results, bool built_in) {
    return common::draw_plots(folder,
                              {{"batches.gp", batches_gp},
                               {"logarithmic.gp", logarithmic_gp},
                               {"sigmoid.gp", sigmoid_gp},
                               {"loss.gp", loss_gp},
                               {"time.gp", time_gp},
                               {"prediction.gp", prediction_gp}},
                              draw_script(results, built_in));
}

}  // namespace train
