// Plans: every path and every feature of tiles is chosen for some shape, and none changes a bit where it is forced.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include <densimd/explain.hpp>

#include "plan/paths.hpp"
#include "planned.hpp"
#include "support/compare.hpp"
#include "support/random.hpp"
#include "support/sizes.hpp"
#include "support/tables.hpp"

using namespace densimd::test;
using namespace densimd::kernels;

namespace {

template <class T>
Machine machine_of(Isa isa) {
    return machine_for(isa, sizeof(T));
}

// Every size of a small layer, and those whose choice has a threshold of its own: few and many rows, W in and beyond
// L2, strides that conflict and others.
std::vector<Shape> planned_shapes() {
    std::vector<Shape> shapes;
    for (const std::size_t batch : {1u, 2u, 3u, 4u, 5u, 7u, 8u, 13u, 17u, 33u, 70u})
        for (const std::size_t in : {1u, 2u, 7u, 16u, 33u, 70u})
            for (const std::size_t out : {1u, 2u, 3u, 5u, 8u, 10u, 12u, 16u, 17u, 31u, 48u, 64u, 65u, 130u})
                shapes.push_back({batch, in, out});
    const Shape large[] = {{1, 20, 600}, {1, 7, 515}, {5, 300, 1}, {20, 1100, 1024}, {5, 0, 3}, {5, 0, 20}, {0, 5, 20}, {3, 40, 600}, {4, 600, 512}, {8, 600, 512}, {12, 40, 1024}, {20, 30, 1024}, {33, 40, 515}};
    shapes.insert(shapes.end(), std::begin(large), std::end(large));
    return shapes;
}

std::vector<std::size_t> strides(std::size_t width) {
    if (width == 1) return {1, 3};
    if (width < 500) return {width, (width + 15) / 16 * 16 + 16};
    return {width, 1024, 1040};
}

std::vector<TilePlan> tile_plans(std::size_t accumulators) {
    std::vector<TilePlan> plans;
    const auto add = [&](std::uint8_t panel, Prefetch prefetch, std::uint8_t ahead, bool next, bool rows_first,
                         Pack pack, std::size_t k_block) {
        plans.push_back({static_cast<std::uint8_t>(accumulators), panel, prefetch, ahead, next, rows_first, pack,
                         k_block});
    };
    for (std::uint8_t panel = 1; panel <= max_panel; ++panel) {
        add(panel, Prefetch::none, 0, false, false, Pack::none, 0);
        add(panel, Prefetch::none, 0, false, true, Pack::none, 0);
        if (accumulators > 1) continue;
        add(panel, Prefetch::first_tile, 4, false, false, Pack::none, 0);
        add(panel, Prefetch::all_tiles, 16, false, false, Pack::none, 5);
        add(panel, Prefetch::none, 0, true, false, Pack::none, 0);
        add(panel, Prefetch::all_tiles, 16, true, false, Pack::none, 30);
    }
    add(1, Prefetch::none, 0, false, false, Pack::panels, 0);
    if (accumulators == 1) add(1, Prefetch::none, 0, false, false, Pack::panels, 300);
    add(1, Prefetch::none, 0, false, false, Pack::panels_and_blocks, 0);
    return plans;
}

std::string text(const TilePlan& p) {
    return "panel " + std::to_string(p.panel) + ", prefetch " + std::to_string(static_cast<int>(p.prefetch)) + " by " +
           std::to_string(p.rows_ahead) + ", next panel " + std::to_string(p.next_panel) + ", rows first " +
           std::to_string(p.rows_first) + ", pack " + std::to_string(static_cast<int>(p.pack)) + ", k block " +
           std::to_string(p.k_block);
}

}  // namespace

TEST_CASE_TEMPLATE("the forward pass has the same bits by every plan", T, float, double) {
    Random random;
    for (const Shape s : planned_shapes()) {
        const auto X = random.vector<T>(s.batch * (s.in + 1)), b = random.vector<T>(s.out);
        for (const std::size_t ldw : strides(s.out)) {
            const auto W = random.vector<T>(s.in * ldw);
            const Activation activation = ldw == s.out ? Activation::sigmoid : Activation::identity;
            const std::size_t lda = s.out + (ldw == s.out ? 0 : 3);
            for (const Isa isa : available_isas()) {
                const Machine m = machine_of<T>(isa);
                const ProductShape shape = {s.batch, s.out, s.in, ldw};
                std::vector<T> chosen(s.batch * lda), forced;
                table<T>(isa).dense_forward(s.batch, s.in, s.out, X.data(), s.in + 1, W.data(), ldw, b.data(),
                                            activation, chosen.data(), lda);
                const auto check = [&](ForwardPlan plan, const TilePlan& tiles) {
                    INFO("isa ", std::string(name(isa)), ", batch ", s.batch, ", in ", s.in, ", out ", s.out, ", ldw ",
                         ldw, ", path ", static_cast<int>(plan.path), ", staged ", plan.stages, ", ", text(tiles));
                    forced.assign(s.batch * lda, T(0));
                    planned<T>(isa).dense_forward(plan, tiles, s.batch, s.in, s.out, X.data(), s.in + 1, W.data(), ldw,
                                                  b.data(), activation, forced.data(), lda);
                    CHECK(bit_difference(forced, chosen) == "");
                };
                const ForwardPlan chosen_plan = plan_forward(shape, lda, activation != Activation::identity, m);
                CHECK(row_of(forward_paths, chosen_plan.path).accepts(shape, m));
                for (const auto& row : forward_paths) {
                    if (!row.accepts(shape, m)) continue;
                    const ForwardPath path = row.path;
                    if (path == ForwardPath::dot && lda != 1 && s.batch > 1) {
                        check({path, true}, {});
                    } else if (path != ForwardPath::tile) {
                        check({path, false}, {});
                    } else {
                        if (activation != Activation::identity && s.out <= max_staged_elements)
                            check({path, true}, plain_tiles(1, accumulators_for(s.out, m.virtual_lanes()), m));
                        const std::size_t accumulators = accumulators_for(s.out, m.virtual_lanes());
                        const TilePlan planned_tiles = plan_forward_tiles(shape, s.out, m);
                        CHECK(accepts_tiles(planned_tiles, shape, max_output_panel(accumulators, m), m));
                        for (const TilePlan& tiles : tile_plans(accumulators))
                            if (tiles.pack != Pack::panels_and_blocks &&
                                accepts_tiles(tiles, shape, max_output_panel(accumulators, m), m))
                                check({path, false}, tiles);
                    }
                }
            }
        }
    }
}

TEST_CASE_TEMPLATE("an update has the same bits by every plan", T, float, double) {
    Random random;
    for (const Shape s : planned_shapes()) {
        if (s.batch == 0) continue;  // no step, and so no plan
        const auto X = random.vector<T>(s.batch * (s.in + 1)), b = random.vector<T>(s.out);
        for (const std::size_t ldw : strides(s.out)) {
            const auto W = random.vector<T>(s.in * ldw), dZ = random.vector<T>(s.batch * ldw);
            for (const Isa isa : available_isas()) {
                const Machine m = machine_of<T>(isa);
                const ProductShape shape = {s.in, s.out, s.batch, ldw};
                std::vector<T> chosen = W, chosen_b = b;
                table<T>(isa).dense_update(s.batch, s.in, s.out, X.data(), s.in + 1, dZ.data(), ldw, T(0.125),
                                           chosen.data(), ldw, chosen_b.data());
                const auto check = [&](UpdatePlan plan, const TilePlan& tiles) {
                    INFO("isa ", std::string(name(isa)), ", batch ", s.batch, ", in ", s.in, ", out ", s.out, ", ldw ",
                         ldw, ", path ", static_cast<int>(plan.path), ", fetches ", plan.fetches, ", ", text(tiles));
                    std::vector<T> forced = W, forced_b = b;
                    planned<T>(isa).dense_update(plan, tiles, s.batch, s.in, s.out, X.data(), s.in + 1, dZ.data(), ldw,
                                                 T(0.125), forced.data(), ldw, forced_b.data());
                    CHECK(bit_difference(forced, chosen) == "");
                    CHECK(bit_difference(forced_b, chosen_b) == "");
                };
                const ProductShape of_W = {s.in, s.out, s.batch, ldw};
                CHECK(row_of(update_paths, plan_update(shape, ldw, m).path).accepts(of_W, m));
                for (const auto& row : update_paths) {
                    if (!row.accepts(of_W, m)) continue;
                    const UpdatePath path = row.path;
                    if (path != UpdatePath::tile) {
                        check({path, s.batch > 4}, {});
                        continue;
                    }
                    const std::size_t accumulators = update_accumulators(shape);
                    CHECK(accepts_tiles(plan_update_tiles(shape, ldw, m), shape,
                                        max_step_panel(accumulators, s.in, m), m));
                    for (const TilePlan& tiles : tile_plans(accumulators))
                        if (tiles.pack != Pack::panels && tiles.prefetch == Prefetch::none && !tiles.next_panel &&
                            tiles.k_block == 0 &&
                            accepts_tiles(tiles, shape, max_step_panel(accumulators, s.in, m), m))
                            check({path, tiles.panel % 2 == 0}, tiles);
                }
            }
        }
    }
}

TEST_CASE_TEMPLATE("an input gradient has the same bits by every path", T, float, double) {
    Random random;
    for (const Shape s : planned_shapes()) {
        const auto X = random.vector<T>(s.batch * s.in);
        for (const std::size_t ldw : strides(s.out)) {
            const auto W = random.vector<T>(s.in * ldw), dZ = random.vector<T>(s.batch * s.out);
            for (const Isa isa : available_isas()) {
                const Machine m = machine_of<T>(isa);
                const Activation activation = s.in % 2 == 0 ? Activation::tanh : Activation::softplus;
                std::vector<T> chosen(s.batch * s.in), forced;
                table<T>(isa).dense_backward_input(s.batch, s.in, s.out, dZ.data(), s.out, W.data(), ldw, X.data(),
                                                   s.in, activation, chosen.data(), s.in);
                const ProductShape shape = {s.batch, s.out, s.in, ldw};
                CHECK(row_of(backward_paths, plan_backward(s.batch, s.batch, s.in, s.out, ldw, m)).accepts(shape, m));
                for (const auto& row : backward_paths) {
                    if (!row.accepts(shape, m)) continue;
                    const BackwardPath path = row.path;
                    INFO("isa ", std::string(name(isa)), ", batch ", s.batch, ", in ", s.in, ", out ", s.out, ", ldw ",
                         ldw, ", path ", static_cast<int>(path));
                    forced.assign(s.batch * s.in, T(0));
                    planned<T>(isa).dense_backward_input(path, s.batch, s.in, s.out, dZ.data(), s.out, W.data(), ldw,
                                                         X.data(), s.in, activation, forced.data(), s.in);
                    CHECK(bit_difference(forced, chosen) == "");
                }
            }
        }
    }
}

// What the planner can say, as words.
template <class T>
std::set<std::string> reached(Isa isa) {
    const Machine m = machine_of<T>(isa);
    std::set<std::string> all;
    std::vector<Shape> shapes = planned_shapes();
    shapes.insert(shapes.end(), {{100, 1024, 1024}, {100, 1100, 1040}, {300, 4096, 1030}, {64, 600, 2048}});
    for (const Shape s : shapes)
        for (const std::size_t ldw : strides(s.out)) {
            const auto add_tiles = [&](const std::string& whose, const TilePlan& t) {
                all.insert(whose + " accumulators " + std::to_string(t.accumulators));
                all.insert(whose + " prefetch " + std::to_string(static_cast<int>(t.prefetch)));
                all.insert(whose + " pack " + std::to_string(static_cast<int>(t.pack)));
                if (t.next_panel) all.insert(whose + " next panel");
                if (t.rows_first) all.insert(whose + " rows first");
                if (t.k_block > 0) all.insert(whose + " k block");
            };
            const ProductShape forward = {s.batch, s.out, s.in, ldw}, update = {s.in, s.out, s.batch, ldw};
            const ForwardPlan plan = plan_forward(forward, s.out + s.in % 2, true, m);
            all.insert("forward " + std::to_string(static_cast<int>(plan.path)) + (plan.stages ? " staged" : ""));
            if (s.out == 1)
                all.insert("dot " + std::to_string(static_cast<int>(plan_dot_column(forward, m))));
            if (plan.path == ForwardPath::tile) add_tiles("forward", plan_forward_tiles(forward, s.out, m));
            all.insert("backward " + std::to_string(static_cast<int>(plan_backward(s.batch, s.batch, s.in, s.out, ldw, m))));
            if (s.batch == 1)
                all.insert("dot row " + std::to_string(static_cast<int>(plan_dot_row(s.in, s.out, ldw, false, m))));
            const UpdatePlan step = plan_update(update, ldw, m);
            all.insert("update " + std::to_string(static_cast<int>(step.path)) + (step.fetches ? " fetches" : ""));
            if (step.path == UpdatePath::tile) add_tiles("update", plan_update_tiles(update, ldw, m));
        }
    return all;
}

TEST_CASE("every path and every feature of a plan is chosen for some shape") {
    for (const Isa isa : available_isas()) {
        INFO("isa ", std::string(name(isa)));
        const std::set<std::string> all = reached<float>(isa);
        const auto check = [&](const std::string& feature) {
            INFO(feature);
            CHECK(all.contains(feature));
        };
        const bool wide = !has_narrow_panels(machine_of<float>(isa));
        for (const auto& row : forward_paths)
            if (row.path != ForwardPath::dot && (row.path != ForwardPath::square || has_squares(machine_of<float>(isa))))
                check("forward " + std::to_string(static_cast<int>(row.path)));
        const auto number = [](auto path) { return std::to_string(static_cast<int>(path)); };
        check("forward " + number(ForwardPath::dot) + " staged");
        check("forward " + number(ForwardPath::tile) + " staged");
        for (const auto& row : backward_paths) check("backward " + std::to_string(static_cast<int>(row.path)));
        for (const auto& row : update_paths) check("update " + std::to_string(static_cast<int>(row.path)));
        check("update " + number(UpdatePath::tile) + " fetches");
        check("dot " + number(DotColumn::any_stride));
        check("dot " + number(DotColumn::tall_tiles));
        if (isa == Isa::avx512) check("dot " + number(DotColumn::half_vectors));
        if (isa == Isa::avx512) check("dot " + number(DotColumn::low_tiles));
        for (const char* accumulators : {"1", "2", "4"}) check(std::string("forward accumulators ") + accumulators);
        for (const DotRow row : {DotRow::lines, DotRow::eight}) check("dot row " + number(row));
        for (const std::string& feature : {std::string("update accumulators 4"), "update pack " + number(Pack::panels_and_blocks), std::string("update rows first"), std::string("forward k block")})
            check(feature);
        if (wide)
            for (const std::string& feature : {"forward prefetch " + number(Prefetch::first_tile),
                                               "forward prefetch " + number(Prefetch::all_tiles),
                                               std::string("forward next panel")})
                check(feature);
        else
            check("forward pack " + number(Pack::panels));
    }
}

TEST_CASE("explain says what is chosen") {
    const auto contains = [](const std::string& text, const std::string& part) {
        INFO(text, " should contain ", part);
        CHECK(text.find(part) != std::string::npos);
    };
    for (const Isa isa : available_isas()) {
        const std::string isa_name(name(isa));
        contains(explain<float>({Operation::dense_forward, 32, 784, 128}, isa), "float " + isa_name);
        contains(explain<double>({Operation::dense_forward, 1, 8, 1}, isa), "dot_row");
        contains(explain<float>({Operation::dense_forward, 1, 100, 100}, isa), "row, sums in registers");
        contains(explain<float>({Operation::dense_update, 1, 100, 100}, isa), "rank_one");
                contains(explain<float>({Operation::dense_backward_input, 8, 100, 20}, isa), "transposed");
    }
    const auto says = [](const Call& call, Isa isa, const std::string& plan) {
        const std::string text = explain<float>(call, isa);
        CHECK(text.substr(text.find(": ") + 2) == plan);
    };
    using enum Operation;
    says({dense_forward, 32, 784, 128}, Isa::avx512,
         "tile, an outer product: tiles of up to 6 rows x 4 vectors, 1 accumulator per output, tiles prefetch W 4 rows "
         "ahead");
    says({dense_forward, 32, 784, 16}, Isa::avx512,
         "tile, an outer product: tiles of up to 6 rows x 1 vector, 4 accumulators per output");
    says({dense_forward, 2, 784, 128}, Isa::avx2,
         "tile, an outer product: tiles of up to 2 rows x 4 vectors, 1 accumulator per output");
    says({dense_forward, 300, 2000, 1024, 1024}, Isa::avx2,
         "tile, an outer product: tiles of up to 6 rows x 2 vectors, 1 accumulator per output, panels of W packed, K "
         "blocks of up to 1024");
    says({dense_backward_input, 2, 300, 300}, Isa::avx512, "dot, tiles of dot products, as there are several rows and outputs");
    says({dense_update, 256, 300, 1}, Isa::avx512,
         "column, lanes along W, as there is one output: tiles of up to 1 row x 6 vectors, 4 accumulators per output");
    says({dense_forward, 0, 10, 10}, Isa::neon, "nothing to do");
    CHECK_THROWS_AS(explain<float>({}, static_cast<Isa>(99)), IsaError);
}
