// densimd and its peers on shapes that nobody chose: how much longer each takes than densimd, and where it takes less.
//
// Layers: dense_forward with sigmoid, dense_backward_input with its derivative, dense_update, on rows as networks lay
// them out, of random shapes. Networks: an epoch per sample and with batches of 32 and 256, of random widths. Everyone is
// timed in turn, in short blocks, on one thread.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <densimd/explain.hpp>
#include <densimd/kernels.hpp>
#include <densimd/nn.hpp>

#include "interleaved.hpp"
#include "peers/networks.hpp"
#include "peers/peers.hpp"
#include "problem.hpp"
#include "random.hpp"

namespace densimd::bench {
namespace {

constexpr double slower_by = 1.05;  // beyond noise

struct Row {
    std::string name, plan;
    double ours, theirs;  // ns
    double ratio() const { return ours / theirs; }
};

void print_rows(const char* title, std::vector<Row> rows, std::size_t shown) {
    std::ranges::sort(rows, std::greater{}, &Row::ratio);
    std::vector<double> ratios;
    for (const Row& row : rows) ratios.push_back(row.ratio());
    const auto slower = std::ranges::count_if(ratios, [](double r) { return r > slower_by; });
    std::printf("%s: %zu rows, geometric mean of our time over theirs %.3f, slower by more than 5 %%: %td, worst %.2f\n",
                title, rows.size(), geometric_mean(ratios), slower, ratios.front());
    for (std::size_t i = 0; i < std::min(shown, rows.size()); ++i)
        std::printf("  %.2f  %10.0f ns, %10.0f ns  %s%s%s\n", rows[i].ratio(), rows[i].ours, rows[i].theirs,
                    rows[i].name.c_str(), rows[i].plan.empty() ? "" : "  ", rows[i].plan.c_str());
}

kernels::Operation operation_of(std::string_view kernel) {
    return kernel == "dense_forward"  ? kernels::Operation::dense_forward
           : kernel == "dense_update" ? kernels::Operation::dense_update
                                      : kernels::Operation::dense_backward_input;
}

struct Settings {
    std::size_t count = 100, rounds = 15, shown = 5;
    double block_us = 30;
    std::uint64_t seed = 1;
    std::vector<std::string> kernels, peers, shapes;
};

bool wants(const std::vector<std::string>& names, std::string_view name) {
    return names.empty() || std::ranges::any_of(names, [&](const std::string& n) { return name.starts_with(n); });
}

void compare_layers(const Settings& settings, Largest largest) {
    const Peers peers = find_peers();
    const kernels::Kernels<float>& ours = kernels::active<float>();
    const auto shapes = settings.shapes.empty() ? random_shapes(settings.count, settings.seed, largest)
                                                : shapes_of(settings.shapes);
    for (const char* kernel : {"dense_forward", "dense_backward_input", "dense_update"}) {
        if (!wants(settings.kernels, kernel)) continue;
        const KernelCall& call = *std::ranges::find(kernel_calls(), std::string_view(kernel), &KernelCall::name);
        std::vector<std::string> names;
        std::vector<std::vector<Row>> rows;
        for (const Shape& shape : shapes) {
            const std::string name = std::to_string(shape.in) + " -> " + std::to_string(shape.out) + ", batch " +
                                     std::to_string(shape.batch);
            Operands operands(shape, Rows::padded), expected(shape, Rows::padded);
            call.call(kernels::reference<float>(), expected);
            std::vector<Repeated> calls = {repeated([&] { call.call(ours, operands); })};
            std::vector<std::string> present;
            for (const Peer& peer : peers.present) {
                if (!peer.prepares(kernel) || !wants(settings.peers, peer.name)) continue;
                Operands found(shape, Rows::padded);
                peer.prepare(kernel, found)();
                check(std::string(kernel) + " " + name + " by " + peer.name, expected, found);
                calls.push_back(repeated(peer.prepare(kernel, operands)));
                present.push_back(peer.name);
            }
            if (names.empty()) {
                names = present;
                rows.resize(names.size());
            }
            const std::vector<double> ns = interleaved_ns(calls, settings.rounds, 1e3 * settings.block_us);
            const std::string plan = kernels::explain<float>({.operation = operation_of(kernel),
                                                              .batch = shape.batch,
                                                              .in = shape.in,
                                                              .out = shape.out,
                                                              .ldw = operands.ldw,
                                                              .ldz = operands.ld_out});
            for (std::size_t p = 0; p < names.size(); ++p)
                rows[p].push_back({name, plan.substr(plan.find(": ") + 2), ns[0], ns[p + 1]});
        }
        for (std::size_t p = 0; p < names.size(); ++p)
            print_rows((std::string(kernel) + " against " + names[p]).c_str(), rows[p], settings.shown);
    }
}

// An epoch of densimd takes the drawing of the order with it, as fit does; so everyone draws it.
void compare_networks(const Settings& settings, std::size_t widest) {
    const NetworkPeers peers = find_network_peers();
    const auto networks = random_networks(settings.count, settings.seed, widest);
    for (const std::size_t batch : {std::size_t{1}, std::size_t{32}, std::size_t{256}}) {
        std::vector<Row> rows;
        for (const auto& widths : networks) {
            const Problem problem(widths);
            nn::Network network = problem.network();
            nn::FitOptions epoch{.optimizer = nn::sgd(Problem::learning_rate), .batch_size = batch, .threads = 1};
            std::vector<Repeated> calls = {[&](std::size_t times) {
                epoch.epochs = times;
                network.fit(problem.inputs(), problem.targets(), epoch);
            }};
            std::vector<std::unique_ptr<PeerNetwork>> theirs;
            for (const NetworkPeer& peer : peers.present) {
                if (!peer.takes(problem.name(), batch) || !wants(settings.peers, peer.name)) continue;
                theirs.emplace_back(peer.make(problem.job(batch)));
                calls.push_back(repeated([trained = theirs.back().get(), n = std::size_t{0}]() mutable {
                    trained->train(nn::permutation(Problem::samples, Problem::seed, ++n).data());
                }));
            }
            if (theirs.empty()) continue;
            std::vector<double> ns = interleaved_ns(calls, settings.rounds, 1e3 * settings.block_us);
            for (double& value : ns) value /= static_cast<double>(Problem::samples);
            rows.push_back({problem.name(), "", ns[0], *std::min_element(ns.begin() + 1, ns.end())});
        }
        if (!rows.empty())
            print_rows(("training, batch " + std::to_string(batch) + ", against the fastest peer").c_str(), rows,
                       settings.shown);
    }
}

// Batches of 256 rows against batches of 32, both by densimd.
void compare_batches(const Settings& settings, std::size_t widest) {
    auto networks = std::vector<std::vector<std::size_t>>{
        {8, 1}, {8, 16, 1}, {64, 64, 10}, {784, 128, 10}, {1024, 1024, 10}};
    for (std::uint64_t seed = settings.seed; networks.size() < settings.count + 5; ++seed)
        for (const auto& widths : random_networks(1, seed, widest))
            if (Problem(widths).network().parameters().size() >= 10000) networks.push_back(widths);
    std::vector<Row> rows;
    for (const auto& widths : networks) {
        const Problem problem(widths);
        std::vector<nn::Network> copies(2, problem.network());
        std::vector<Repeated> calls;
        for (const std::size_t i : {std::size_t{0}, std::size_t{1}})
            calls.push_back([&, i](std::size_t times) {
                copies[i].fit(problem.inputs(), problem.targets(),
                              {.optimizer = nn::sgd(Problem::learning_rate),
                               .batch_size = i == 0 ? std::size_t{256} : std::size_t{32},
                               .epochs = times,
                               .threads = 1});
            });
        std::vector<double> ns = interleaved_ns(calls, settings.rounds, 1e3 * settings.block_us);
        for (double& value : ns) value /= static_cast<double>(Problem::samples);
        rows.push_back({problem.name(), "", ns[0], ns[1]});
    }
    print_rows("training, batch 256 against batch 32", rows, settings.shown);
}

}  // namespace
}  // namespace densimd::bench

int main(int argc, char** argv) {
    using namespace densimd::bench;
    CLI::App app{"Times densimd and its peers on random layers or networks, on one thread."};
    app.require_subcommand(1);
    Settings settings;
    Largest largest = {512, 1024, 1024, std::size_t{1} << 22};
    std::size_t widest = 200;
    CLI::App* const layers = app.add_subcommand("layers", "layers, kernel by kernel");
    CLI::App* const networks = app.add_subcommand("networks", "training of networks");
    CLI::App* const batches = app.add_subcommand("batches", "training with batches of 256 rows against 32");
    for (CLI::App* const sub : {layers, networks, batches}) {
        sub->add_option("--count", settings.count, "how many are drawn")->capture_default_str();
        sub->add_option("--seed", settings.seed, "of what is drawn")->capture_default_str();
        sub->add_option("--rounds", settings.rounds, "blocks of each, of which the median counts")->capture_default_str();
        sub->add_option("--block", settings.block_us, "microseconds that a block takes at least")->capture_default_str();
        sub->add_option("--show", settings.shown, "rows that are printed, the worst first")->capture_default_str();
        sub->add_option("--peer", settings.peers, "peers, by the beginning of their names (default: all)");
    }
    layers->add_option("--kernel", settings.kernels, "kernels, by the beginning of their names (default: all)");
    layers->add_option("--shape", settings.shapes, "shapes to time instead, as INPUTSxOUTPUTSxROWS");
    layers->add_option("--batch", largest.batch, "at most so many rows")->capture_default_str();
    layers->add_option("--in", largest.in, "at most so many inputs")->capture_default_str();
    layers->add_option("--out", largest.out, "at most so many outputs")->capture_default_str();
    networks->add_option("--width", widest, "at most so many neurons in a layer")->capture_default_str();
    batches->add_option("--width", widest, "at most so many neurons in a layer")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    if (settings.count == 0 || settings.rounds == 0) {
        std::fprintf(stderr, "--count and --rounds are 1 at least\n");
        return 2;
    }
    if (*layers) compare_layers(settings, largest);
    if (*networks) compare_networks(settings, widest);
    if (*batches) compare_batches(settings, widest);
}
