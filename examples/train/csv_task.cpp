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

bool all_targets(const nn::Matrix<float>& Y, auto condition) {
    return std::all_of(Y.data(), Y.data() + Y.rows() * Y.cols(), condition);
}

// Which targets the options allow, if not any number: class numbers for --classes, 0 to 1 for bce.
void check_targets(const nn::Matrix<float>& Y, nn::Loss loss, const Options& options) {
    if (loss == nn::cosine_distance && options.classes == 0)
        throw UsageError(
            "--loss cosine: compares directions, which a single number has not; it needs --classes");
    if (loss == nn::categorical_cross_entropy && options.classes == 0)
        throw UsageError("--loss cce: chooses among classes; it needs --classes");
    const bool classes = options.classes > 0;
    if (!classes && loss != nn::binary_cross_entropy) return;

    const float highest = classes ? static_cast<float>(options.classes - 1) : 1.0f;
    const auto allowed = [&](float y) { return y >= 0 && y <= highest && (!classes || y == std::floor(y)); };
    const float* found = std::find_if_not(Y.data(), Y.data() + Y.rows(), allowed);
    if (found == Y.data() + Y.rows()) return;
    std::ostringstream message;
    message << (classes ? "--classes: expected whole numbers" : "--loss bce: expected numbers")
            << " from 0 to " << highest << " in the column '" << options.target << "', found " << *found;
    throw UsageError(message.str());
}

}  // namespace

Task csv_task(const Options& options, std::uint64_t seed) {
    auto rows = nn::read_csv<float>(options.data, {.target = options.target});
    const bool two_valued = all_targets(rows.Y, [](float y) { return y == 0 || y == 1; });
    const bool in_range = all_targets(rows.Y, [](float y) { return y >= 0 && y <= 1; });
    const nn::Loss loss = options.loss.value_or(options.classes > 0 || two_valued ? nn::binary_cross_entropy
                                                                                  : nn::mean_squared_error);
    check_targets(rows.Y, loss, options);
    if (options.classes > 0) rows.Y = nn::one_hot(rows.Y, options.classes);

    auto data = nn::train_test_split(rows.X, rows.Y, test_fraction, seed);
    standardize_features(data);
    const bool unbounded = options.classes == 0 && !in_range;
    std::optional<nn::Standardizer<float>> target_scale;
    if (unbounded) {
        target_scale.emplace(data.Y_train);
        data.Y_train = target_scale->transform(data.Y_train);
        data.Y_test = target_scale->transform(data.Y_test);
    }

    std::vector<nn::LayerOptions> layers;
    for (const std::size_t units : options.hidden) layers.push_back({units, nn::sigmoid});
    const bool identity = unbounded || loss == nn::categorical_cross_entropy;
    layers.push_back({rows.Y.cols(), identity ? nn::identity : nn::sigmoid});

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
            .layers = std::move(layers),
            .loss = loss,
            .metric = classifies ? nn::Metric::accuracy : nn::Metric::r2,
            .epochs = options.epochs,
            .batchings = std::move(batchings),
            .target_scale = std::move(target_scale)};
}

}  // namespace train
