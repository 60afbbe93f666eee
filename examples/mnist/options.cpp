// What the command line may say.
#include "mnist/options.hpp"

#include <map>
#include <string>

#include "common/command_line.hpp"

namespace mnist {
namespace {

namespace nn = densimd::nn;
using common::whole_number;

constexpr const char* footer =
    R"(The data set is MNIST in IDX format: train-images-idx3-ubyte, train-labels-idx1-ubyte,
t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each as it is or compressed, with .gz at its end.
Its relatives are read too, with any number of classes: EMNIST (emnist-letters-train-..., test for
t10k), Fashion-MNIST, QMNIST (labels-idx2-int); so are names with a dot, as train-images.idx3-ubyte.

Exit codes: 0 done; 1 a plot could not be drawn, or a run did not reach the target; 2 something is
wrong with the command line or the data; 3 training diverged.

Example: densimd_mnist --data mnist --output out/mnist)";

CLI::Validator share() {
    const auto check = [](const std::string& text) {
        const std::string why = common::positive_number()(text);
        return why.empty() && std::stod(text) > 1 ? "expected at most 1, found '" + text + "'" : why;
    };
    return CLI::Validator(check, "");
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv) {
    Options options;
    std::string hidden;
    std::string loss;
    const std::map<std::string, nn::Loss> losses = {{"mean_squared_error", nn::mean_squared_error},
                                                    {"mse", nn::mean_squared_error},
                                                    {"binary_cross_entropy", nn::binary_cross_entropy},
                                                    {"bce", nn::binary_cross_entropy}};

    // clang-format off
    CLI::App app("Learns MNIST's handwritten digits, per sample and in mini-batches side by side: how many\n"
                 "seconds of training does each take to the same accuracy on the test images?\n", "densimd_mnist");
    app.footer(footer);
    app.get_formatter()->column_width(22);
    app.add_option("--data", options.data, "Folder that holds the data set")
        ->option_text("DIR")->required();
    app.add_option("--name", options.name, "Which data set, if the folder holds several, as emnist-letters")
        ->option_text("NAME");
    app.add_option("--target", options.target, "Test accuracy to train to (default 0.97)")
        ->option_text("X")->check(share());
    app.add_option("--epochs", options.epochs, "Passes over the training images at most (default 30)")
        ->option_text("N")->check(whole_number(1, 1'000'000'000));
    app.add_option("--hidden", hidden, "Units of the hidden layers, or none (default 128)")
        ->option_text("N,...");
    app.add_option("--loss", loss, "bce: binary cross-entropy; mse: mean squared error; or their full\n"
                   "names, with underscores (default bce)")
        ->option_text("NAME")->check([&](const std::string& text) {
            return losses.contains(text) ? "" : "expected binary_cross_entropy (bce) or mean_squared_error (mse), found '" + text + "'";
        });
    app.add_option("--seed", options.seed, "Of initial weights and the epochs' order (default 1)")
        ->option_text("N")->check(whole_number(0, UINT64_MAX));
    app.add_option("--threads", options.threads, "Threads at most; they change no result (default 1)")
        ->option_text("N")->check(whole_number(1, 1024));
    app.add_option("--output,--out", options.output, "Folder for the plot and the table (default out/mnist)")
        ->option_text("DIR");
    // clang-format on

    if (!common::parse(app, argc, argv)) return std::nullopt;
    if (!hidden.empty()) options.hidden = common::parse_hidden(hidden);
    if (!loss.empty()) options.loss = losses.at(loss);
    return options;
}

}  // namespace mnist
