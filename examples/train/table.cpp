// Progress and tables as text of fixed columns.
#include "table.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <numeric>

namespace train {
namespace {

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

const char* short_name(nn::Loss loss) {
    switch (loss) {
        case nn::mean_squared_error:
            return "mse";
        case nn::mean_absolute_error:
            return "mae";
        case nn::huber:
            return "huber";
        case nn::binary_cross_entropy:
            return "bce";
        case nn::categorical_cross_entropy:
            return "cce";
        case nn::cosine_distance:
            return "cosine";
    }
    return "";
}

const char* short_name(nn::Metric metric) { return metric == nn::Metric::r2 ? "R2" : "accuracy"; }

}  // namespace

Progress::Progress() : terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::show(const Task& task, const Task::Batching& batching, const nn::EpochRecord& record) {
    constexpr double seconds_between = 0.05;  // often enough to the eye, too seldom to cost anything
    if (!terminal_ || now() - last_ < seconds_between) return;
    std::fprintf(stderr, "\r\033[K%s, batch %zu: epoch %zu of %zu, validation loss %.5f", task.name.c_str(),
                 batching.batch_size, record.epoch, task.epochs, record.validation->loss);
    last_ = now();
    shown_ = true;
}

void Progress::erase() {
    if (shown_) std::fputs("\r\033[K", stderr);
    shown_ = false;
}

void print_header() {
    std::printf("%-18s %-10s %-6s %6s %8s %6s  %29s  %15s %8s %7s\n", "", "", "", "", "learning", "",  //
                "---------- loss -------------", "", "training", "ns per");
    std::printf("%-18s %-10s %-6s %6s %8s %6s  %9s %10s %8s  %15s %8s %7s\n", "data set", "network", "loss",
                "batch", "rate", "epochs", "training", "validation", "test", "test", "seconds", "sample");
}

void print_row(const Task& task, const Outcome& outcome) {
    const nn::EpochRecord& last = outcome.history.epochs.back();
    std::printf("%-18s %-10s %-6s %6zu %8.3g %6zu  %9.3g %10.3g %8.3g  %8s %6.4f %8.3f %7.0f\n",
                task.name.c_str(), outcome.network.c_str(), short_name(task.loss),
                outcome.batching.batch_size, outcome.batching.learning_rate, task.epochs, last.training.loss,
                last.validation->loss, outcome.test.loss, short_name(task.metric), outcome.test.metric,
                outcome.seconds, outcome.nanoseconds_per_sample);
    std::fflush(stdout);
}

bool print_seeds(const std::vector<SeedResults>& results) {
    std::printf("%-18s %-10s %6s %-8s", "data set", "network", "batch", "test");
    for (std::size_t seed = 1; seed <= results.front().values.size(); ++seed)
        std::printf("%8s", ("seed " + std::to_string(seed)).c_str());
    std::printf("   %6s  %6s  %s\n", "lowest", "mean", "has to be");

    bool all_met = true;
    for (const SeedResults& row : results) {
        const double lowest = *std::min_element(row.values.begin(), row.values.end());
        const double mean = std::accumulate(row.values.begin(), row.values.end(), 0.0) /
                            static_cast<double>(row.values.size());
        std::printf("%-18s %-10s %6zu %-8s", row.name.c_str(), row.network.c_str(), row.batch_size,
                    short_name(row.metric));
        for (const double value : row.values) std::printf("%8.4f", value);
        std::printf("   %6.4f  %6.4f", lowest, mean);
        if (row.goal) {
            const bool met = lowest >= row.goal->each_seed && mean >= row.goal->mean;
            all_met = all_met && met;
            std::printf("  %.3f each, %.3f in the mean: %s", row.goal->each_seed, row.goal->mean,
                        met ? "met" : "MISSED");
        }
        std::printf("\n");
    }
    return all_met;
}

}  // namespace train
