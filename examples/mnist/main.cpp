// densimd_mnist: how many seconds of training does MNIST take, per sample and in mini-batches?
#include <cstdio>

#include "common/output.hpp"
#include "common/program.hpp"
#include "mnist/data_set.hpp"
#include "mnist/options.hpp"
#include "mnist/output.hpp"
#include "mnist/runs.hpp"

namespace {

using namespace mnist;
namespace nn = densimd::nn;

using enum common::ExitCode;
using common::ExitCode;

ExitCode run_all(Options options) {
    const std::string_view isa = densimd::kernels::name(densimd::kernels::active_isa());
    std::printf("densimd on %.*s, at most %d thread%s\n", static_cast<int>(isa.size()), isa.data(),
                options.threads, options.threads == 1 ? "" : "s");
    const auto [rows, lowest, name] = read_data_set(options.data, options.name);
    options.name = name;
    std::printf("%zu training images, %zu test images of %zu pixels, classes %zu to %zu\n\n",
                rows.X_train.rows(), rows.X_test.rows(), rows.X_train.cols(), lowest,
                lowest + rows.Y_train.cols() - 1);
    common::check_folder("--output", options.output);

    bool all_reached = true;
    std::vector<Result> results;
    print_epoch_header();
    for (const Run& run : make_runs(options)) {
        results.push_back(
            {run, train(run, rows, options, [&](const Epoch& epoch) { print_epoch(run, epoch); })});
        all_reached = all_reached && results.back().outcome.reached;
    }
    print_results(results, options);
    write_tables(results, options);
    const bool drawn = draw_plots(results, options);
    std::printf("\nThe history and its plot are in %s\n", (options.output / "").string().c_str());
    return drawn && all_reached ? done : fell_short;
}

}  // namespace

int main(int argc, char** argv) {
    return common::run_program("densimd_mnist", [&] {
        const std::optional<Options> options = parse_options(argc, argv);
        return options ? run_all(*options) : done;
    });
}
