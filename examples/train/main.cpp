// densimd_train: trains networks on built-in data or on a CSV file, per sample and in mini-batches, and shows
// how.
#include <chrono>
#include <cstdio>
#include <sstream>

#include "common/output.hpp"
#include "common/program.hpp"
#include "options.hpp"
#include "output.hpp"
#include "table.hpp"

namespace {

using namespace train;

using enum common::ExitCode;
using common::ExitCode;

std::vector<Task> make_tasks(const Options& options, std::uint64_t seed) {
    if (options.data.empty()) return built_in_tasks(seed);
    std::vector<Task> tasks;
    tasks.push_back(csv_task(options, seed));
    return tasks;
}

Outcome train_with_progress(const Task& task, const Task::Batching& batching, std::uint64_t seed, int threads,
                            int timings) {
    Progress progress;
    try {
        return train_network(task, batching, seed, threads, timings,
                             [&](const nn::EpochRecord& record) { progress.show(task, batching, record); });
    } catch (const nn::TrainingDiverged& error) {
        std::ostringstream message;
        message << task.name << ", batch " << batching.batch_size << ": training diverged in epoch "
                << error.epoch() << ", step " << error.step() << "; a learning rate of "
                << batching.learning_rate << " is probably too high";
        throw nn::TrainingDiverged(message.str(), error.epoch(), error.step(), error.history());
    }
}

ExitCode run_once(const Options& options) {
    const std::vector<Task> tasks = make_tasks(options, options.seed);
    common::check_folder("--out", options.out);
    for (const Task& task : tasks)
        if (!task.remark.empty()) std::printf("%s\n\n", task.remark.c_str());
    print_header();
    std::vector<Result> results;
    for (const Task& task : tasks)
        for (const Task::Batching& batching : task.batchings) {
            results.push_back({&task, train_with_progress(task, batching, options.seed, options.threads, 5)});
            print_row(task, results.back().outcome);
        }
    write_tables(options.out, results, options.data.empty());
    const bool drawn = draw_plots(options.out, results, options.data.empty());
    std::printf("\nThe results are in %s\n", (options.out / "").string().c_str());
    return drawn ? done : fell_short;
}

ExitCode run_seeds(const Options& options) {
    std::vector<SeedResults> results;
    for (std::uint64_t seed = 1; seed <= options.seeds; ++seed) {
        std::size_t row = 0;
        for (const Task& task : make_tasks(options, seed))
            for (const Task::Batching& batching : task.batchings) {
                const Outcome outcome = train_with_progress(task, batching, seed, options.threads, 1);
                if (seed == 1)
                    results.push_back(
                        {task.name, outcome.network, batching.batch_size, task.metric, task.goal, {}});
                results[row++].values.push_back(outcome.test.metric);
            }
    }
    return print_seeds(results) ? done : fell_short;
}

ExitCode run(const Options& options) {
    const auto start = std::chrono::steady_clock::now();
    const std::string_view isa = densimd::kernels::name(densimd::kernels::active_isa());
    std::printf("densimd on %.*s, at most %d thread%s\n\n", static_cast<int>(isa.size()), isa.data(),
                options.threads, options.threads == 1 ? "" : "s");
    const ExitCode code = options.seeds > 0 ? run_seeds(options) : run_once(options);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    std::printf("Took %.1f s\n", elapsed.count());
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    return common::run_program("densimd_train", [&] {
        const std::optional<Options> options = parse_options(argc, argv);
        return options ? run(*options) : done;
    });
}
