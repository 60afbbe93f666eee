// Whether a step takes as long after many steps, on numbers that end up subnormal, as a first one on ordinary
// data.
//
//     densimd_bench_steady [steps [filter]]      300000 steps, unless said otherwise, for each combination
//
// For each activation, loss, optimiser and way to step, a network is trained on data made to produce
// subnormal numbers: inputs of 1e-41 and of 1e-20, ReLUs that are dead, sigmoids that are saturated, targets
// that its outputs meet up to 1e-30, weight decay. Its steps are then timed in turns with those of a fresh
// network on ordinary data, and so are predictions. Each line has both medians, in nanoseconds a row, and
// their ratio; the last line the worst.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <densimd/nn.hpp>

namespace nn = densimd::nn;

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t rows = 256, inputs = 16, turns = 41;

struct Data {
    nn::Matrix<float> X, Y;
};

struct Way {
    const char* name;
    std::size_t batch;
    nn::Engine engine;
    bool stepwise;  // by train_step, not by fit
};

constexpr Way ways[] = {{"train_step", 1, nn::Engine::plain, true}, {"plain", 1, nn::Engine::plain, false},
                        {"fused", 1, nn::Engine::fused, false},     {"block", 1, nn::Engine::block, false},
                        {"batch 16", 16, nn::Engine::plain, false}, {"step 16", 16, nn::Engine::plain, true}};

struct Combination {
    std::string name;
    nn::NetworkOptions network;
    nn::Loss loss;
    nn::Optimizer optimizer;
    Way way;
};

// One network with its data, and steps that go on from where they stand.
class Run {
  public:
    Run(const Combination& combination, Data data)
        : c_(combination), data_(std::move(data)), net_(c_.network), workspace_(net_.make_workspace(rows)) {}

    nn::Network& network() { return net_; }

    void epoch() {
        if (!c_.way.stepwise) {
            net_.fit(data_.X, data_.Y,
                     {.loss = c_.loss,
                      .optimizer = c_.optimizer,
                      .batch_size = c_.way.batch,
                      .engine = c_.way.engine});
            return;
        }
        const nn::MatrixView<const float> X = data_.X, Y = data_.Y;
        for (std::size_t i = 0; i < rows; i += c_.way.batch)
            net_.train_step(X.middle_rows(i, c_.way.batch), Y.middle_rows(i, c_.way.batch), c_.loss,
                            c_.optimizer, workspace_);
    }

    void predictions() {
        const nn::MatrixView<const float> X = data_.X;
        nn::MatrixView<float> out = out_;
        for (std::size_t i = 0; i < rows; ++i)
            if (!net_.try_predict(X.middle_rows(i, 1), out.middle_rows(i, 1), workspace_)) std::abort();
    }

  private:
    const Combination& c_;
    Data data_;
    nn::Network net_;
    nn::Workspace<float> workspace_;
    nn::Matrix<float> out_{rows, net_.outputs()};
};

Data ordinary_data(std::size_t outputs) {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform(0.1f, 1);
    Data data{{rows, inputs}, {rows, outputs}};
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t k = 0; k < inputs; ++k) data.X(i, k) = uniform(random) - 0.5f;
        data.Y(i, random() % outputs) = outputs == 1 ? uniform(random) : 1;
    }
    return data;
}

// Half of the columns are subnormal, a quarter so small that their products are.
Data small_data(std::size_t outputs) {
    Data data = ordinary_data(outputs);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t k = 0; k < inputs; ++k)
            if (k % 4 != 0) data.X(i, k) *= k % 4 == 1 ? 1e-20f : 1e-41f;
    return data;
}

// A third of the hidden units are dead or saturated, a third have tiny weights; the targets are what the
// network predicts, but for a trifle and where a loss takes no such target.
void make_small(Run& run, Data& data, nn::Loss loss) {
    nn::Network& net = run.network();
    for (std::size_t l = 0; l < net.layers().size(); ++l) {
        const auto layer = net.layer(l);
        const bool is_last = l + 1 == net.layers().size();
        for (std::size_t j = 0; j < layer.weights.cols(); ++j) {
            if (!is_last && j % 3 == 1 && layer.activation != nn::identity)
                // Sigmoids of less than -87 are another matter: they take the exponential's full range.
                layer.biases[j] = j % 2 == 0 ? (layer.activation == nn::relu ? -100.0f : -80.0f) : -30.0f;
            if (j % 3 == 2)
                for (std::size_t k = 0; k < layer.weights.rows(); ++k) layer.weights(k, j) *= 1e-30f;
        }
    }
    if (loss == nn::categorical_cross_entropy || loss == nn::cosine_distance) return;
    const nn::Matrix<float> outputs = net.predict(data.X);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < outputs.cols(); ++j) data.Y(i, j) = outputs(i, j) + 1e-30f;
}

// Those that both networks' calls have set would send the other's to the way for subnormal numbers.
void clear_exception_flags() {
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() & ~0x1fu);  // but the one for inexact results
#endif
}

double nanoseconds(const std::function<void()>& run, std::size_t count) {
    const Clock::time_point start = Clock::now();
    run();
    return std::chrono::duration<double, std::nano>(Clock::now() - start).count() /
           static_cast<double>(count);
}

double median(std::vector<double>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

std::vector<Combination> combinations() {
    const std::pair<const char*, nn::Activation> activations[] = {{"identity", nn::identity},
                                                                  {"sigmoid", nn::sigmoid},
                                                                  {"tanh", nn::tanh},
                                                                  {"softplus", nn::softplus},
                                                                  {"relu", nn::relu},
                                                                  {"leaky_relu", nn::leaky_relu},
                                                                  {"elu", nn::elu}};
    const std::pair<const char*, nn::Loss> losses[] = {
        {"mean_squared_error", nn::mean_squared_error},
        {"mean_absolute_error", nn::mean_absolute_error},
        {"huber", nn::huber},
        {"binary_cross_entropy", nn::binary_cross_entropy},
        {"categorical_cross_entropy", nn::categorical_cross_entropy},
        {"cosine_distance", nn::cosine_distance}};
    nn::Optimizer decaying = nn::sgd(0.01), clipped = nn::momentum(0.01);
    decaying.weight_decay = 0.5;
    clipped.max_gradient_norm = 1e-3;
    nn::Optimizer adam_decay = nn::adamw(0.001, 0.5);
    const std::pair<const char*, nn::Optimizer> optimizers[] = {
        {"sgd", nn::sgd(0.01)},        {"sgd with decay", decaying},     {"momentum", nn::momentum(0.01)},
        {"clipped momentum", clipped}, {"nesterov", nn::nesterov(0.01)}, {"adam", nn::adam()},
        {"adamw", adam_decay}};
    const std::pair<const char*, std::vector<std::size_t>> shapes[] = {{"16-64-32", {64, 32}}, {"16-8", {8}}};
    std::vector<Combination> all;
    for (const auto& [shape, widths] : shapes)
        for (const auto& [activation, function] : activations)
            for (const auto& [loss_name, loss] : losses)
                for (const auto& [optimizer_name, optimizer] : optimizers)
                    for (const Way& way : ways) {
                        if (way.engine != nn::Engine::plain && std::string(optimizer_name) != "sgd") continue;
                        nn::NetworkOptions network{.inputs = inputs, .layers = {}, .seed = 5};
                        for (const std::size_t width : widths) network.layers.push_back({width, function});
                        const bool many =
                            loss == nn::categorical_cross_entropy || loss == nn::cosine_distance;
                        network.layers.push_back(
                            {many ? std::size_t{3} : std::size_t{1},
                             loss == nn::binary_cross_entropy ? nn::sigmoid : nn::identity});
                        const std::string name = std::string(shape) + (many ? "-3 " : "-1 ") + activation +
                                                 ", " + loss_name + ", " + optimizer_name + ", " + way.name;
                        all.push_back({name, network, loss, optimizer, way});
                    }
    return all;
}

}  // namespace

int main(int argc, char** argv) {
    const std::size_t steps = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 300000;
    const std::string filter = argc > 2 ? argv[2] : "";
    std::printf("%9s %9s %6s  %9s %9s %6s  %s\n", "step: new", "old", "ratio", "predict: new", "old", "ratio",
                "network, loss, optimiser, way to step");
    double worst_step = 0, worst_prediction = 0;
    std::size_t count = 0;
    for (const Combination& c : combinations()) {
        if (c.name.find(filter) == std::string::npos) continue;
        const std::size_t outputs = c.network.layers.back().units;
        Data small = small_data(outputs);
        {
            Run probe(c, small);
            make_small(probe, small, c.loss);
        }
        Run fresh(c, ordinary_data(outputs)), old(c, small);
        make_small(old, small, c.loss);
        for (std::size_t step = 0; step < steps; step += rows / c.way.batch) old.epoch();
        std::vector<double> times[4];
        for (std::size_t turn = 0; turn < turns; ++turn) {
            clear_exception_flags();
            times[0].push_back(nanoseconds([&] { fresh.epoch(); }, rows));
            times[1].push_back(nanoseconds([&] { old.epoch(); }, rows));
            clear_exception_flags();
            times[2].push_back(nanoseconds([&] { fresh.predictions(); }, rows));
            times[3].push_back(nanoseconds([&] { old.predictions(); }, rows));
        }
        const double step = median(times[1]) / median(times[0]),
                     prediction = median(times[3]) / median(times[2]);
        worst_step = std::max(worst_step, step);
        worst_prediction = std::max(worst_prediction, prediction);
        ++count;
        std::printf("%9.1f %9.1f %6.2f  %9.1f %9.1f %6.2f  %s\n", median(times[0]), median(times[1]), step,
                    median(times[2]), median(times[3]), prediction, c.name.c_str());
        std::fflush(stdout);
    }
    if (count == 0) {
        std::fprintf(stderr, "no combination has '%s' in its name\n", filter.c_str());
        return 2;
    }
    std::printf("worst of %zu: step %.2f, prediction %.2f\n", count, worst_step, worst_prediction);
}
