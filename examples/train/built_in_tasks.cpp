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

nn::TrainTest<float> empty_data(std::size_t training_rows, std::size_t test_rows, std::size_t features) {
    return {nn::Matrix<float>(training_rows, features), nn::Matrix<float>(training_rows, 1),
            nn::Matrix<float>(test_rows, features), nn::Matrix<float>(test_rows, 1)};
}

// y = sqrt(mean(x)) of 8 numbers in [0, 1).
nn::TrainTest<float> root_of_mean(std::uint64_t seed) {
    Random random(seed);
    const auto fill = [&](nn::Matrix<float>& X, nn::Matrix<float>& Y) {
        for (std::size_t i = 0; i < X.rows(); ++i) {
            double sum = 0;
            for (std::size_t j = 0; j < X.cols(); ++j) {
                X(i, j) = static_cast<float>(random.uniform());
                sum += static_cast<double>(X(i, j));
            }
            Y(i, 0) = static_cast<float>(std::sqrt(sum / static_cast<double>(X.cols())));
        }
    };
    auto data = empty_data(2000, 1000, 8);
    fill(data.X_train, data.Y_train);
    fill(data.X_test, data.Y_test);
    standardize_features(data);
    return data;
}

// Height in metres and weight in kilograms of adults: 1 for overweight, a body mass index of 25 kg/m^2 or
// more. The label is that of the true height and weight; the training rows were measured to a centimetre or
// so and a kilogram or so, the test rows are exact.
nn::TrainTest<float> body_mass_index(std::uint64_t seed) {
    Random random(seed);
    const auto fill = [&](nn::Matrix<float>& X, nn::Matrix<float>& Y, double height_noise,
                          double weight_noise) {
        for (std::size_t i = 0; i < X.rows(); ++i) {
            const double height = random.normal(1.70, 0.09);
            const double index = random.normal(25.5, 4.5);
            X(i, 0) = static_cast<float>(random.normal(height, height_noise));
            X(i, 1) = static_cast<float>(random.normal(index * height * height, weight_noise));
            Y(i, 0) = index >= 25 ? 1.0f : 0.0f;
        }
    };
    auto data = empty_data(3000, 1000, 2);
    fill(data.X_train, data.Y_train, 0.01, 1.0);
    fill(data.X_test, data.Y_test, 0, 0);
    standardize_features(data);
    return data;
}

nn::TrainTest<float> breast_cancer(std::uint64_t seed) {
    const auto rows = nn::parse_csv<float>(breast_cancer_csv, {.target = "malignant"}, "breast_cancer.csv");
    auto data = nn::train_test_split(rows.X, rows.Y, 0.25, seed);
    standardize_features(data);
    return data;
}

nn::TrainTest<float> digits(std::uint64_t seed) {
    const auto rows = nn::parse_csv<float>(digits_csv, {.target = "digit"}, "digits.csv");
    auto data = nn::train_test_split(rows.X, nn::one_hot(rows.Y, 10), 0.25, seed);
    standardize_features(data);
    return data;
}

}  // namespace

void standardize_features(nn::TrainTest<float>& data) {
    const nn::Standardizer<float> scale(data.X_train);
    data.X_train = scale.transform(data.X_train);
    data.X_test = scale.transform(data.X_test);
}

// Learning rates: the mean gradient of a batch is steadier than that of one sample and bears a longer step.
// They were chosen by the validation loss.
std::vector<Task> built_in_tasks(std::uint64_t seed) {
    std::vector<Task> tasks;
    tasks.push_back({.name = "regression",
                     .title = "y = √mean(x), one layer",
                     .data = root_of_mean(seed),
                     .layers = {{1, nn::sigmoid}},
                     .loss = nn::mean_squared_error,
                     .metric = nn::Metric::r2,
                     .epochs = 30,
                     .batchings = {{1, 0.02}, {32, 0.5}}});
    tasks.push_back({.name = "regression-hidden",
                     .title = "y = √mean(x), hidden layer of 16",
                     .data = root_of_mean(seed),
                     .layers = {{16, nn::sigmoid}, {1, nn::sigmoid}},
                     .loss = nn::mean_squared_error,
                     .metric = nn::Metric::r2,
                     .epochs = 300,
                     .batchings = {{1, 0.2}, {32, 2}},
                     .goal = Task::Goal{0.99, 0.99}});
    tasks.push_back({.name = "overweight",
                     .title = "Overweight from height and weight",
                     .data = body_mass_index(seed),
                     .layers = {{8, nn::sigmoid}, {1, nn::sigmoid}},
                     .loss = nn::binary_cross_entropy,
                     .metric = nn::Metric::accuracy,
                     .epochs = 100,
                     .batchings = {{1, 0.02}, {32, 0.5}},
                     .goal = Task::Goal{0.97, 0.97}});
    tasks.push_back({.name = "breast-cancer",
                     .title = "Breast cancer, malignant or benign",
                     .data = breast_cancer(seed),
                     .layers = {{8, nn::sigmoid}, {1, nn::sigmoid}},
                     .loss = nn::binary_cross_entropy,
                     .metric = nn::Metric::accuracy,
                     .epochs = 50,
                     .batchings = {{1, 0.02}, {32, 0.5}},
                     .goal = Task::Goal{0.93, 0.955}});
    tasks.push_back({.name = "digits",
                     .title = "Handwritten digits",
                     .data = digits(seed),
                     .layers = {{32, nn::sigmoid}, {10, nn::sigmoid}},
                     .loss = nn::binary_cross_entropy,
                     .metric = nn::Metric::accuracy,
                     .epochs = 50,
                     .batchings = {{1, 0.2}, {32, 4}},
                     .goal = Task::Goal{0.95, 0.95}});
    return tasks;
}

}  // namespace train
