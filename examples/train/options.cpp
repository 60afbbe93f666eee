// What the command line may say, and what is wrong with it if it says something else.
#include "options.hpp"

#include <algorithm>
#include <map>

#include "common/command_line.hpp"

namespace train {
namespace {

namespace nn = densimd::nn;
using common::positive_number;
using common::UsageError;
using common::whole_number;

constexpr const char* footer =
    R"(A CSV file has a header line, numbers in every cell and commas between them, or what
--delimiter says. Blank lines and comments (#) are skipped; a first column without a name is taken
for the rows' index and left out. Features are standardised; a fifth of the rows, chosen at random, is
held out for the test, a fifth of the others for the validation loss. The output layer is sigmoid, except for cce: then it is identity, and for mse,
mae and huber with targets outside 0..1: then it is identity, and the targets are standardised too.

In the output folder are results.csv, history.csv, plots of them, and predictions.csv: for each
test row its target, what was predicted (a number, or the class), and what each output of a network
for classes said: probabilities, for cce of all classes together, for bce of each on its own.

Exit codes: 0 done, without plots where gnuplot is missing; 1 gnuplot failed, or a result of --seeds is worse than it has to be;
2 something is wrong with the command line or the data; 3 training diverged.

Examples:
  densimd_train
  densimd_train --seeds 5
  densimd_train --data houses.csv --target price --hidden 32,16 --epochs 200
  densimd_train --data examples/data/digits.csv --target digit --classes 10)";

void refuse_repetition(std::vector<std::size_t> batches) {
    std::sort(batches.begin(), batches.end());
    const auto repeated = std::adjacent_find(batches.begin(), batches.end());
    if (repeated != batches.end())
        throw UsageError("--batch: expected different sizes, found " + std::to_string(*repeated) + " twice");
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv) {
    Options options;
    std::string hidden;
    std::string loss;
    std::string delimiter;
    double learning_rate = 0;
    const std::map<std::string, nn::Loss> losses = {{"bce", nn::binary_cross_entropy},
                                                    {"cce", nn::categorical_cross_entropy},
                                                    {"mse", nn::mean_squared_error},
                                                    {"mae", nn::mean_absolute_error},
                                                    {"huber", nn::huber},
                                                    {"cosine", nn::cosine_distance}};

    const std::map<std::string, char> delimiters = {{",", ','}, {";", ';'},    {":", ':'},
                                                    {"|", '|'}, {"tab", '\t'}, {"blank", ' '}};

    // clang-format off
    CLI::App app("Trains small networks, per sample and in mini-batches side by side, and shows what came\n"
                 "of it: on data sets of its own, or on a CSV file.\n", "densimd_train");
    app.footer(footer);
    app.get_formatter()->column_width(22);

    const std::string any = "Any run";
    auto* seed = app.add_option("--seed", options.seed, "Of made data, splits, initial weights (default 1)")
        ->option_text("N")->group(any)->check(whole_number(0, UINT64_MAX));
    auto* seeds = app.add_option("--seeds", options.seeds, "Show the test results of each seed from 1 to N, no plots")
        ->option_text("N")->group(any)->check(whole_number(1, 1000));
    app.add_option("--threads", options.threads, "Threads at most; they change no result (default 1)")
        ->option_text("N")->group(any)->check(whole_number(1, 1024));
    auto* out = app.add_option("--out", options.out, "Folder for plots and tables (default out)")
        ->option_text("DIR")->group(any);
    seeds->excludes(seed)->excludes(out);

    const std::string own = "A CSV file of your own";
    auto* data = app.add_option("--data", options.data, "The file to learn from")
        ->option_text("FILE")->group(own);
    auto* target = app.add_option("--target", options.target, "The column to predict")
        ->option_text("NAME")->group(own);
    target->needs(data);
    data->needs(target);
    app.add_option("--delimiter", delimiter, "Between cells: , ; : | tab or blank (default ,)")
        ->option_text("C")->group(own)->needs(data)->check([&](const std::string& text) {
            return delimiters.contains(text) ? "" : "expected one of , ; : | tab blank, found '" + text + "'";
        });
    app.add_option("--classes", options.classes, "The target is a class, 0 to N-1: one output for each")
        ->option_text("N")->group(own)->needs(data)->check(whole_number(2, 65536));
    app.add_option("--hidden", hidden, "Units of the hidden layers, or none (default 16)")
        ->option_text("N,...")->group(own)->needs(data);
    app.add_option("--loss", loss, "bce: binary cross-entropy; mse: mean squared error; mae: mean\n"
                   "absolute error; huber; with classes also cce: categorical\n"
                   "cross-entropy, and cosine: cosine distance (default bce for\n"
                   "classes and for targets that are all 0 or 1, else mse)")
        ->option_text("NAME")->group(own)->needs(data)->check([&](const std::string& text) {
            return losses.contains(text) ? "" : "expected bce, cce, mse, mae, huber or cosine, found '" + text + "'";
        });
    app.add_option("--batch", options.batches, "Samples in an update, 1 updates after each (default 1,32)")
        ->option_text("N,...")->group(own)->delimiter(',')->needs(data)->check(whole_number(1, 1'000'000'000));
    app.add_option("--epochs", options.epochs, "Passes over the training rows (default 100)")
        ->option_text("N")->group(own)->needs(data)->check(whole_number(1, 1'000'000'000));
    app.add_option("--lr", learning_rate, "Learning rate (default 0.1, or 0.01 for an identity output, times\n"
                   "the root of the batch size)")
        ->option_text("X")->group(own)->needs(data)->check(positive_number());
    // clang-format on

    if (!common::parse(app, argc, argv)) return std::nullopt;
    refuse_repetition(options.batches);
    if (!hidden.empty()) options.hidden = common::parse_hidden(hidden);
    if (!delimiter.empty()) options.delimiter = delimiters.at(delimiter);
    if (!loss.empty()) options.loss = losses.at(loss);
    if (learning_rate > 0) options.learning_rate = learning_rate;
    return options;
}

}  // namespace train
