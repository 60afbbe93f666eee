// The data sets that come with the program: two made from a formula, two measured.
#include <cmath>
#include <numbers>
#include <random>

#include "embedded.hpp"
#include "task.hpp"

namespace train {
namespace {

// Random numbers whose bits do not depend on the standard library, as those of its distributions do.
class Random {
  public:
    explicit Random(std::uint64_t seed) : bits_(seed) {}

    // In [0, 1).
    double uniform() { return static_cast<double>(bits_() >> 11) * 0x1p-53; }

    // Box and Muller's transform.
    double normal(double mean, double deviation) {
        const double radius = std::sqrt(-2 * std::log(1 - uniform()));
        return mean + deviation * radius * std::cos(2 * std::numbers::pi * uniform());
    }

  private:
    std::mt19937_64 bits_;
};

using Rows = nn::TrainTest<double>;

Rows empty_rows(std::size_t training_rows, std::size_t test_rows, std::size_t features) {
    return {nn::Matrix<double>(training_rows, features), nn::Matrix<double>(training_rows, 1),
            nn::Matrix<double>(test_rows, features), nn::Matrix<double>(test_rows, 1)};
}

// What a network learns of these rows, and which targets of the test rows it will be compared with.
struct Learnable {
    nn::TrainTest<float> data;
    nn::Matrix<double> test_targets;
};

Learnable learnable(Rows rows) {
    Features features = standardized_features(rows);
    return {{std::move(features.train), nn::to_float(rows.Y_train), std::move(features.test),
             nn::to_float(rows.Y_test)},
            std::move(rows.Y_test)};
}

// y = sqrt(mean(x)) of 8 numbers in [0, 1).
Rows root_of_mean(std::uint64_t seed) {
    Random random(seed);
    const auto fill = [&](nn::Matrix<double>& X, nn::Matrix<double>& Y) {
        for (std::size_t i = 0; i < X.rows(); ++i) {
            double sum = 0;
            for (std::size_t j = 0; j < X.cols(); ++j) {
                X(i, j) = random.uniform();
                sum += X(i, j);
            }
            Y(i, 0) = std::sqrt(sum / static_cast<double>(X.cols()));
        }
    };
    Rows rows = empty_rows(2000, 1000, 8);
    fill(rows.X_train, rows.Y_train);
    fill(rows.X_test, rows.Y_test);
    return rows;
}

// Height in metres and weight in kilograms of adults: 1 for overweight, a body mass index of 25 kg/m^2 or
// more. The label is that of the true height and weight; the training rows were measured to a centimetre or
// so and a kilogram or so, the test rows are exact.
Rows body_mass_index(std::uint64_t seed) {
    Random random(seed);
    const auto fill = [&](nn::Matrix<double>& X, nn::Matrix<double>& Y, double height_noise,
                          double weight_noise) {
        for (std::size_t i = 0; i < X.rows(); ++i) {
            const double height = random.normal(1.70, 0.09);
            const double index = random.normal(25.5, 4.5);
            X(i, 0) = random.normal(height, height_noise);
            X(i, 1) = random.normal(index * height * height, weight_noise);
            Y(i, 0) = index >= 25 ? 1 : 0;
        }
    };
    Rows rows = empty_rows(3000, 1000, 2);
    fill(rows.X_train, rows.Y_train, 0.01, 1.0);
    fill(rows.X_test, rows.Y_test, 0, 0);
    return rows;
}

Rows breast_cancer(std::uint64_t seed) {
    const auto rows = nn::parse_csv<double>(breast_cancer_csv, {.target = "malignant"}, "breast_cancer.csv");
    return nn::train_test_split(rows.X, rows.Y, 0.25, seed);
}

Learnable digits(std::uint64_t seed) {
    const auto all = nn::parse_csv<double>(digits_csv, {.target = "digit"}, "digits.csv");
    const Rows rows = nn::train_test_split(all.X, all.Y, 0.25, seed);
    Features features = standardized_features(rows);
    return {{std::move(features.train), nn::one_hot<float>(rows.Y_train, 10), std::move(features.test),
             nn::one_hot<float>(rows.Y_test, 10)},
            rows.Y_test};
}

}  // namespace

Features standardized_features(const nn::TrainTest<double>& rows) {
    const nn::Standardizer<float> scale(rows.X_train);
    return {scale.transform(rows.X_train), scale.transform(rows.X_test)};
}

// Learning rates: the mean gradient of a batch is steadier than that of one sample and bears a longer step.
// They were chosen by the validation loss.
std::vector<Task> built_in_tasks(std::uint64_t seed) {
    std::vector<Task> tasks;
    const Learnable roots = learnable(root_of_mean(seed));
    Learnable people = learnable(body_mass_index(seed)), cells = learnable(breast_cancer(seed)),
              images = digits(seed);
    tasks.push_back({.name = "regression",
                     .title = "y = √mean(x), one layer",
                     .data = roots.data,
                     .test_targets = roots.test_targets,
                     .layers = {{1, nn::sigmoid}},
                     .loss = nn::mean_squared_error,
                     .metric = nn::Metric::r2,
                     .epochs = 30,
                     .batchings = {{1, 0.02}, {32, 0.5}}});
    tasks.push_back({.name = "regression-hidden",
                     .title = "y = √mean(x), hidden layer of 16",
                     .data = roots.data,
                     .test_targets = roots.test_targets,
                     .layers = {{16, nn::sigmoid}, {1, nn::sigmoid}},
                     .loss = nn::mean_squared_error,
                     .metric = nn::Metric::r2,
                     .epochs = 300,
                     .batchings = {{1, 0.2}, {32, 2}},
                     .goal = Task::Goal{0.99, 0.99}});
    tasks.push_back({.name = "overweight",
                     .title = "Overweight from height and weight",
                     .data = std::move(people.data),
                     .test_targets = std::move(people.test_targets),
                     .layers = {{8, nn::sigmoid}, {1, nn::sigmoid}},
                     .loss = nn::binary_cross_entropy,
                     .metric = nn::Metric::accuracy,
                     .epochs = 100,
                     .batchings = {{1, 0.02}, {32, 0.5}},
                     .goal = Task::Goal{0.97, 0.97}});
    tasks.push_back({.name = "breast-cancer",
                     .title = "Breast cancer, malignant or benign",
                     .data = std::move(cells.data),
                     .test_targets = std::move(cells.test_targets),
                     .layers = {{8, nn::sigmoid}, {1, nn::sigmoid}},
                     .loss = nn::binary_cross_entropy,
                     .metric = nn::Metric::accuracy,
                     .epochs = 50,
                     .batchings = {{1, 0.02}, {32, 0.5}},
                     .goal = Task::Goal{0.93, 0.955}});
    tasks.push_back({.name = "digits",
                     .title = "Handwritten digits",
                     .data = std::move(images.data),
                     .test_targets = std::move(images.test_targets),
                     .layers = {{32, nn::sigmoid}, {10, nn::sigmoid}},
                     .loss = nn::binary_cross_entropy,
                     .metric = nn::Metric::accuracy,
                     .epochs = 50,
                     .batchings = {{1, 0.2}, {32, 4}},
                     .goal = Task::Goal{0.95, 0.95}});
    return tasks;
}

}  // namespace train
