// Learning a CSV file of the user's own.
#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>

#include "common/command_line.hpp"
#include "task.hpp"

namespace train {
namespace {

using common::UsageError;

constexpr double test_fraction = 0.2;

// A name that can stand in file names and CSV cells.
std::string plain_name(std::string name) {
    const auto keep = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    std::replace_if(
        name.begin(), name.end(), [&](char c) { return !keep(c); }, '-');
    return name.empty() ? "data" : name;
}

bool all_targets(const nn::Matrix<double>& Y, auto condition) {
    return std::all_of(Y.data(), Y.data() + Y.rows() * Y.cols(), condition);
}

// Which targets the options allow, if not any number: class numbers for --classes, 0 to 1 for bce.
void check_targets(const nn::Matrix<double>& Y, nn::Loss loss, const Options& options) {
    if (loss == nn::cosine_distance && options.classes == 0)
        throw UsageError(
            "--loss cosine: compares directions, which a single number has not; it needs --classes");
    if (loss == nn::categorical_cross_entropy && options.classes == 0)
        throw UsageError("--loss cce: chooses among classes; it needs --classes");
    const bool classes = options.classes > 0;
    if (!classes && loss != nn::binary_cross_entropy) return;

    const double highest = classes ? static_cast<double>(options.classes - 1) : 1;
    const auto allowed = [&](double y) { return y >= 0 && y <= highest && (!classes || y == std::floor(y)); };
    const double* found = std::find_if_not(Y.data(), Y.data() + Y.rows(), allowed);
    if (found == Y.data() + Y.rows()) return;
    std::ostringstream message;
    message << (classes ? "--classes: expected whole numbers" : "--loss bce: expected numbers")
            << " from 0 to " << highest << " in the column '" << options.target << "', found " << *found;
    throw UsageError(message.str());
}

}  // namespace

Task csv_task(const Options& options, std::uint64_t seed) {
    const auto all =
        nn::read_csv<double>(options.data, {.delimiter = options.delimiter, .target = options.target});
    const bool two_valued = all_targets(all.Y, [](double y) { return y == 0 || y == 1; });
    const bool in_range = all_targets(all.Y, [](double y) { return y >= 0 && y <= 1; });
    const nn::Loss loss = options.loss.value_or(options.classes > 0 || two_valued ? nn::binary_cross_entropy
                                                                                  : nn::mean_squared_error);
    check_targets(all.Y, loss, options);

    nn::TrainTest<double> rows = nn::train_test_split(all.X, all.Y, test_fraction, seed);
    Features features = standardized_features(rows);
    const bool unbounded = options.classes == 0 && !in_range;
    std::optional<nn::Standardizer<float>> target_scale;
    if (unbounded) target_scale.emplace(rows.Y_train);
    const auto targets = [&](const nn::Matrix<double>& Y) {
        if (options.classes > 0) return nn::one_hot<float>(Y, options.classes);
        return unbounded ? target_scale->transform(Y) : nn::to_float(Y);
    };
    nn::TrainTest<float> data{std::move(features.train), targets(rows.Y_train), std::move(features.test),
                              targets(rows.Y_test)};

    std::vector<nn::LayerOptions> layers;
    for (const std::size_t units : options.hidden) layers.push_back({units, nn::sigmoid});
    const bool identity = unbounded || loss == nn::categorical_cross_entropy;
    layers.push_back({data.Y_train.cols(), identity ? nn::identity : nn::sigmoid});

    // The gradient of an identity output is larger, and that of a larger batch is steadier.
    const double rate = identity ? 0.01 : 0.1;
    std::vector<Task::Batching> batchings;
    for (const std::size_t batch : options.batches) {
        const auto samples = static_cast<double>(std::min(batch, data.X_train.rows()));
        batchings.push_back({batch, options.learning_rate.value_or(rate * std::sqrt(samples))});
    }

    const bool classifies = options.classes > 0 || loss == nn::binary_cross_entropy;
    return {.name = plain_name(options.data.stem().string()),
            .title = options.data.filename().string() + ": " + options.target,
            .data = std::move(data),
            .test_targets = std::move(rows.Y_test),
            .layers = std::move(layers),
            .loss = loss,
            .metric = classifies ? nn::Metric::accuracy : nn::Metric::r2,
            .epochs = options.epochs,
            .batchings = std::move(batchings),
            .target_scale = std::move(target_scale),
            .remark = all.left_out_index
                          ? "The first column has no name and is left out: it is taken for the rows' index."
                          : ""};
}

}  // namespace train
