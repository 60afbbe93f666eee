// Tables on the terminal and in the output folder, and the plot.
#include "mnist/output.hpp"

#include <cstdio>
#include <sstream>

#include "common/names.hpp"
#include "common/output.hpp"
#include "mnist/embedded.hpp"

namespace mnist {

void print_epoch_header() {
    std::printf("%-20s %6s %9s %14s %14s\n", "run", "epoch", "seconds", "training loss", "test accuracy");
}

void print_epoch(const Run& run, const Epoch& epoch) {
    std::printf("%-20s %6zu %9.3f %14.5f %14.4f\n", run.name.c_str(), epoch.epoch, epoch.seconds,
                epoch.training_loss, epoch.test_accuracy);
    std::fflush(stdout);
}

void print_results(const std::vector<Result>& results, const Options& options) {
    std::printf("\nTraining %s, %s, to a test accuracy of %g\n", results.front().outcome.network.c_str(),
                common::loss_name(options.loss).c_str(), options.target);
    std::printf("%-20s %13s %6s %9s %14s\n", "run", "learning rate", "epochs", "seconds", "test accuracy");
    for (const auto& [run, outcome] : results) {
        const Epoch& last = outcome.epochs.back();
        std::printf("%-20s %13g %6zu %9.3f %14.4f%s\n", run.name.c_str(), run.options.optimizer.learning_rate,
                    last.epoch, last.seconds, last.test_accuracy, outcome.reached ? "" : "  NOT REACHED");
    }
}

void write_tables(const std::vector<Result>& results, const Options& options) {
    std::ostringstream table;
    table << "run,name,batch_size,learning_rate,epoch,seconds,training_loss,test_accuracy\n";
    for (std::size_t i = 0; i < results.size(); ++i)
        for (const auto& [run, outcome] = results[i]; const Epoch& epoch : outcome.epochs)
            table << i + 1 << ",\"" << run.name << "\"," << run.options.batch_size << ','
                  << run.options.optimizer.learning_rate << ',' << epoch.epoch << ',' << epoch.seconds << ','
                  << epoch.training_loss << ',' << epoch.test_accuracy << '\n';
    common::write_file(options.output / "history.csv", table.str());
}

bool draw_plots(const std::vector<Result>& results, const Options& options) {
    std::ostringstream commands;
    commands << "loss = " << common::quoted(common::loss_name(options.loss)) << '\n'
             << "target = " << options.target << '\n'
             << "heading = "
             << common::quoted((options.name.empty() ? "MNIST" : options.name) + " (" +
                               results.front().outcome.network + "), after each epoch")
             << '\n'
             << "array runs[" << results.size() << "]\n";
    for (std::size_t i = 0; i < results.size(); ++i)
        commands << "runs[" << i + 1 << "] = " << common::quoted(results[i].run.name) << '\n';
    commands << common::draw_commands("training", "training");
    return common::draw_plots(options.output, {{"training.gp", training_gp}}, commands.str());
}

}  // namespace mnist
