// How well kernels choose: the time of the plan that is chosen for a shape over that of the best plan that the shape
// accepts (its regret), on random shapes. All paths, tiles, K blocks, prefetch distances and copies are forced in turn, in
// short blocks; the best are timed again until one is left, and that one once more against the chosen one, as the minimum
// of many noisy times flatters.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <densimd/kernels.hpp>

#include "interleaved.hpp"
#include "plan/paths.hpp"
#include "planned.hpp"
#include "random.hpp"

namespace densimd::bench {
namespace {

using namespace kernels;

struct Candidate {
    std::string plan;
    std::function<void()> call;
};

// Each plan once: those that say the same are the same, such as tiles of a path that has none.
class Candidates {
  public:
    template <class Call>
    void add(const std::string& plan, const Call& call) {
        if (seen_.insert(plan).second) all_.push_back({plan, call});
    }
    std::vector<Candidate> all() && { return std::move(all_); }

  private:
    std::vector<Candidate> all_;
    std::set<std::string> seen_;
};

// Every combination of what a plan of tiles can say, in the order of how little it asks for.
std::vector<TilePlan> tile_plans(std::size_t accumulators, std::size_t depth, bool prefetches) {
    std::vector<std::size_t> k_blocks = {0};
    for (const std::size_t block : {128u, 256u, 384u, 512u, 768u, 1023u, 1152u, 1536u, 2048u})
        if (accumulators == 1 && prefetches && block < depth) k_blocks.push_back(block);
    struct Ahead {
        Prefetch prefetch;
        std::uint8_t rows;
        bool next_panel;
    };
    std::vector<Ahead> ahead = {{Prefetch::none, 0, false}};
    if (accumulators == 1 && prefetches)
        for (const bool next : {false, true})
            for (const Ahead& some : {Ahead{Prefetch::none, 0, next}, Ahead{Prefetch::first_tile, 4, next},
                                      Ahead{Prefetch::all_tiles, 4, next}, Ahead{Prefetch::all_tiles, 16, next}})
                if (next || some.prefetch != Prefetch::none) ahead.push_back(some);
    std::vector<TilePlan> plans;
    for (const std::size_t k_block : k_blocks) {
        for (std::uint8_t panel = 1; panel <= max_panel; ++panel)
            for (const Ahead& a : ahead)
                for (const bool rows_first : {false, true})
                    plans.push_back({static_cast<std::uint8_t>(accumulators), panel, a.prefetch, a.rows, a.next_panel,
                                     rows_first, Pack::none, k_block});
        for (const Pack pack : {Pack::panels, Pack::panels_and_blocks})
            if (prefetches == (pack == Pack::panels))
                plans.push_back({static_cast<std::uint8_t>(accumulators), 1, Prefetch::none, 0, false, false, pack, k_block});
    }
    return plans;
}

std::string text_of(const TilePlan& t) {
    std::string text = ", panel " + std::to_string(t.panel);
    if (t.prefetch != Prefetch::none)
        text += std::string(t.prefetch == Prefetch::first_tile ? ", first tile" : ", tiles") + " ahead by " +
                std::to_string(t.rows_ahead);
    if (t.next_panel) text += ", next panel";
    if (t.rows_first) text += ", rows first";
    if (t.pack == Pack::panels) text += ", panels packed";
    if (t.pack == Pack::panels_and_blocks) text += ", panels and blocks packed";
    if (t.k_block > 0) text += ", k " + std::to_string(t.k_block);
    return text;
}
// A path by the first word of what is said of it.
template <class Rows, class Path>
std::string text_of(const Rows& rows, Path path) {
    const std::string words = row_of(rows, path).words;
    return words.substr(0, words.find(','));
}

// What the shape accepts, the chosen plan first.
std::vector<Candidate> forward_candidates(Isa isa, Operands& o) {
    const Machine m = machine_for(isa, sizeof(float));
    const std::size_t batch = o.shape.batch, in = o.shape.in, out = o.shape.out;
    const ProductShape shape = {batch, out, in, o.ldw};
    Candidates candidates;
    const auto add = [&](ForwardPlan plan, const TilePlan& tiles) {
        candidates.add(text_of(forward_paths, plan.path) + (plan.stages ? ", staged" : "") +
                           (plan.path == ForwardPath::tile ? text_of(tiles) : ""),
                       [&o, isa, plan, tiles] {
                           planned<float>(isa).dense_forward(plan, tiles, o.shape.batch, o.shape.in, o.shape.out,
                                                             o.X.data(), o.ld_in, o.W.data(), o.ldw, o.b.data(),
                                                             Activation::sigmoid, o.A.data(), o.ld_out);
                       });
    };
    const std::size_t accumulators = accumulators_for(out, m.virtual_lanes());
    const std::size_t block = max_staged_elements / out;  // rows that are staged at once
    const auto accepts = [&](const TilePlan& tiles, std::size_t rows) {
        return accepts_tiles(tiles, {rows, out, in, o.ldw}, max_output_panel(accumulators, m), m);
    };
    add(plan_forward(shape, o.ld_out, true, m), plan_forward_tiles(shape, out, m));
    for (const auto& row : forward_paths) {
        if (!row.accepts(shape, m)) continue;
        if (row.path != ForwardPath::tile) {
            add({row.path, row.path == ForwardPath::dot && batch > 1 && o.ld_out != 1}, {});
            continue;
        }
        for (const bool stages : {false, true})
            for (const TilePlan& tiles : tile_plans(accumulators, in, true))
                if (!stages ? accepts(tiles, batch)
                            : block > 0 && accepts(tiles, std::min(batch, block)) &&
                                  (batch % block == 0 || accepts(tiles, batch % block)))
                    add({ForwardPath::tile, stages}, tiles);
    }
    return std::move(candidates).all();
}

std::vector<Candidate> backward_candidates(Isa isa, Operands& o) {
    const Machine m = machine_for(isa, sizeof(float));
    const auto [batch, in, out] = o.shape;
    Candidates candidates;
    const auto add = [&](BackwardPath path) {
        candidates.add(text_of(backward_paths, path), [&o, isa, path] {
            planned<float>(isa).dense_backward_input(path, o.shape.batch, o.shape.in, o.shape.out, o.dZ.data(),
                                                     o.ld_out, o.W.data(), o.ldw, o.X.data(), o.ld_in,
                                                     Activation::sigmoid, o.dX.data(), o.ld_in);
        });
    };
    add(plan_backward(batch, batch, in, out, o.ldw, m));
    for (const auto& row : backward_paths)
        if (row.accepts({batch, out, in, o.ldw}, m)) add(row.path);
    return std::move(candidates).all();
}

std::vector<Candidate> update_candidates(Isa isa, Operands& o) {
    const Machine m = machine_for(isa, sizeof(float));
    const auto [batch, in, out] = o.shape;
    const ProductShape shape = {in, out, batch, o.ld_out};
    Candidates candidates;
    const auto add = [&](UpdatePlan plan, const TilePlan& tiles) {
        candidates.add(text_of(update_paths, plan.path) + (plan.fetches ? ", fetches" : "") +
                           (plan.path == UpdatePath::tile ? text_of(tiles) : ""),
                       [&o, isa, plan, tiles] {
                           planned<float>(isa).dense_update(plan, tiles, o.shape.batch, o.shape.in, o.shape.out,
                                                            o.X.data(), o.ld_in, o.dZ.data(), o.ld_out, -1e-9f,
                                                            o.W.data(), o.ldw, o.b.data());
                       });
    };
    add(plan_update(shape, o.ldw, m), plan_update_tiles(shape, o.ldw, m));
    for (const auto& row : update_paths) {
        ProductShape accepted = shape;
        accepted.ldb = o.ldw;
        if (!row.accepts(accepted, m)) continue;
        if (row.path != UpdatePath::tile) {
            add({row.path, false}, {});
            continue;
        }
        for (const bool fetches : {false, true})
            for (const TilePlan& tiles : tile_plans(update_accumulators(shape), batch, false))
                if (accepts_tiles(tiles, shape, max_step_panel(tiles.accumulators, in, m), m))
                    add({UpdatePath::tile, fetches}, tiles);
    }
    return std::move(candidates).all();
}

struct Settings {
    std::size_t count = 100, shown = 10;
    double block_us = 20;
    std::uint64_t seed = 1;
    std::vector<std::string> kernels, isas, shapes;
};

struct Result {
    Shape shape;
    std::string chosen, best;
    double regret, chosen_ns, best_ns;
    std::size_t candidates;
};

// Those within `factor` of the fastest, but no more than `most`; the chosen one, which is the first, stays.
void keep_fastest(std::vector<Candidate>& candidates, const std::vector<double>& ns, double factor, std::size_t most) {
    std::vector<double> sorted(ns);
    std::ranges::sort(sorted);
    const double limit = std::min(factor * sorted[0], sorted[std::min(most, sorted.size()) - 1]);
    std::vector<Candidate> kept = {candidates[0]};
    for (std::size_t i = 1; i < candidates.size(); ++i)
        if (ns[i] <= limit) kept.push_back(candidates[i]);
    candidates = std::move(kept);
}

Result regret_of(std::vector<Candidate> candidates, Shape shape, const Settings& settings) {
    Result result = {shape, candidates[0].plan, candidates[0].plan, 1, 0, 0, candidates.size()};
    const auto time = [&](std::size_t rounds) {
        std::vector<Repeated> calls;
        for (const Candidate& candidate : candidates) calls.push_back(repeated(candidate.call));
        return interleaved_ns(calls, rounds, 1e3 * settings.block_us);
    };
    if (candidates.size() > 60) keep_fastest(candidates, time(1), 1.2, 60);
    keep_fastest(candidates, time(3), 1.1, 16);
    keep_fastest(candidates, time(9), 1.05, 6);
    const std::vector<double> last = time(21);
    const auto best = static_cast<std::size_t>(std::min_element(last.begin(), last.end()) - last.begin());
    candidates = {candidates[0], candidates[best]};
    const std::vector<double> ns = time(31);
    result.best = candidates[1].plan;
    result.chosen_ns = ns[0];
    result.best_ns = ns[1];
    if (best != 0) result.regret = ns[0] / ns[1];
    return result;
}

void print(const char* kernel, Isa isa, std::vector<Result> results, const Settings& settings) {
    std::vector<double> regrets;
    for (const Result& result : results) regrets.push_back(result.regret);
    std::printf("%s, %s: %zu shapes, regret: median %.3f, 90 %% %.3f, 95 %% %.3f, worst %.3f\n", kernel,
                std::string(name(isa)).c_str(), results.size(), median(regrets), quantile(regrets, 0.9),
                quantile(regrets, 0.95), quantile(regrets, 1));
    std::ranges::sort(results, std::greater{}, &Result::regret);
    for (std::size_t i = 0; i < std::min(settings.shown, results.size()); ++i) {
        const Result& r = results[i];
        std::printf("  %.3f  %zu -> %zu, batch %zu: %.0f ns, best of %zu %.0f\n         chosen %s\n         best   %s\n",
                    r.regret, r.shape.in, r.shape.out, r.shape.batch, r.chosen_ns, r.candidates, r.best_ns,
                    r.chosen.c_str(), r.best.c_str());
    }
    std::fflush(stdout);
}

int run(const Settings& settings, Largest largest) {
    const std::vector<Shape> shapes = settings.shapes.empty()
                                          ? random_shapes(settings.count, settings.seed, largest)
                                          : shapes_of(settings.shapes);
    struct Operation {
        const char* name;
        std::vector<Candidate> (*candidates)(Isa, Operands&);
    };
    for (const Operation& operation : {Operation{"dense_forward", forward_candidates},
                                       Operation{"dense_backward_input", backward_candidates},
                                       Operation{"dense_update", update_candidates}}) {
        if (!settings.kernels.empty() && std::ranges::find(settings.kernels, operation.name) == settings.kernels.end())
            continue;
        for (const Isa isa : available_isas()) {
            if (isa == Isa::baseline ||
                (!settings.isas.empty() && std::ranges::find(settings.isas, std::string(name(isa))) == settings.isas.end()))
                continue;
            std::vector<Result> results;
            for (const Shape& shape : shapes) {
                Operands operands(shape, Rows::padded);
                results.push_back(regret_of(operation.candidates(isa, operands), shape, settings));
            }
            print(operation.name, isa, std::move(results), settings);
        }
    }
    return 0;
}

}  // namespace
}  // namespace densimd::bench

int main(int argc, char** argv) {
    using namespace densimd::bench;
    CLI::App app{"The time of the plans that kernels choose over that of the best, on random shapes, in float."};
    Settings settings;
    Largest largest = {2048, 2048, 2048, (std::size_t{16} << 20) / sizeof(float)};
    app.add_option("--count", settings.count, "shapes that are drawn")->capture_default_str()->check(CLI::PositiveNumber);
    app.add_option("--seed", settings.seed, "of what is drawn")->capture_default_str();
    app.add_option("--show", settings.shown, "shapes that are printed, the worst first")->capture_default_str();
    app.add_option("--block", settings.block_us, "microseconds that a block takes at least")->capture_default_str();
    app.add_option("--kernel", settings.kernels, "kernels (default: all)")
        ->check(CLI::IsMember({"dense_forward", "dense_backward_input", "dense_update"}));
    app.add_option("--isa", settings.isas, "instruction sets (default: all but the baseline)");
    app.add_option("--shape", settings.shapes, "shapes to look at instead, as INPUTSxOUTPUTSxROWS");
    app.add_option("--batch", largest.batch, "at most so many rows")->capture_default_str();
    app.add_option("--in", largest.in, "at most so many inputs")->capture_default_str();
    app.add_option("--out", largest.out, "at most so many outputs")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    return run(settings, largest);
}
