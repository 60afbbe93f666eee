// Plans as text.
#include <densimd/explain.hpp>

#include <algorithm>
#include <string_view>

#include "plan/paths.hpp"

namespace densimd::kernels {
namespace {

std::string number(std::size_t n, std::string_view one) {
    return std::to_string(n) + " " + std::string(one) + (n == 1 ? "" : "s");
}

// For so many rows and columns of the result.
std::string text(const TilePlan& plan, std::size_t rows, std::size_t columns, const Machine& m) {
    const std::size_t panel = std::min<std::size_t>(plan.panel, m.vectors_of(columns));
    const std::size_t height = std::min(rows, rows_beside(m, panel, plan.accumulators));
    std::string text = "tiles of up to " + number(height, "row") + " x " + number(panel, "vector") + ", " + number(plan.accumulators, "accumulator") +
                       " per output";
    if (plan.pack == Pack::panels) text += ", panels of W packed";
    if (plan.pack == Pack::panels_and_blocks) text += ", panels of dZ packed, and blocks of X if there is room";
    if (plan.prefetch != Prefetch::none)
        text += ", " + std::string(plan.prefetch == Prefetch::first_tile ? "the first tile of a panel" : "tiles") +
                " prefetch W " + number(plan.rows_ahead, "row") + " ahead";
    if (plan.next_panel) text += ", the last tiles of a panel fetch the next one into L2";
    if (plan.rows_first) text += ", all panels of some rows before the next rows";
    if (plan.k_block > 0) text += ", K blocks of up to " + std::to_string(plan.k_block);
    return text;
}

std::string forward(const Call& call, std::size_t ldw, std::size_t lda, const Machine& m) {
    const ProductShape shape = {call.batch, call.out, call.in, ldw};
    const ForwardPlan plan = plan_forward(shape, lda, call.activation != Activation::identity, m);
    const std::string staged = plan.stages ? "; results are staged for their activation or their stride" : "";
    const std::string words = row_of(forward_paths, plan.path).words;
    if (plan.path != ForwardPath::tile) return words + staged;
    return words + ": " + text(plan_forward_tiles(shape, call.out, m), call.batch, call.out, m) + staged;
}

std::string backward(const Call& call, std::size_t ldw, const Machine& m) {
    return row_of(backward_paths, plan_backward(call.batch, call.batch, call.in, call.out, ldw, m)).words;
}

std::string update(const Call& call, std::size_t ldw, std::size_t lddz, const Machine& m) {
    const ProductShape shape = {call.in, call.out, call.batch, lddz};
    const UpdatePlan plan = plan_update(shape, ldw, m);
    const std::string fetches = plan.fetches ? "; fetches the tile of W below" : "";
    const std::string words = row_of(update_paths, plan.path).words;
    if (plan.path == UpdatePath::column) return words + ": " + text(plan_column_tiles(shape, m), 1, call.in, m) + fetches;
    if (plan.path == UpdatePath::tile) return words + ": " + text(plan_update_tiles(shape, ldw, m), call.in, call.out, m) + fetches;
    return words + fetches;
}

std::string explain_for(const Call& call, Isa isa, std::size_t element) {
    if (name(isa) == "unknown") throw IsaError("explain: unknown ISA");
    const Machine m = machine_for(isa, element);
    const auto stride = [](std::size_t given, std::size_t columns) { return given == 0 ? columns : given; };
    const std::size_t ldw = stride(call.ldw, call.out), ldz = stride(call.ldz, call.out);
    std::string_view operation = "dense_forward";
    std::string plan = "nothing to do";
    const bool is_empty = call.batch == 0 || call.in == 0 || call.out == 0;
    switch (call.operation) {
        case Operation::dense_forward:
            if (!is_empty) plan = forward(call, ldw, ldz, m);
            break;
        case Operation::dense_backward_input:
            operation = "dense_backward_input";
            if (!is_empty) plan = backward(call, ldw, m);
            break;
        case Operation::dense_update:
            operation = "dense_update";
            if (!is_empty) plan = update(call, ldw, ldz, m);
            break;
    }
    return std::string(operation) + (element == sizeof(float) ? " float " : " double ") + std::string(name(isa)) + ", " +
           std::to_string(call.in) + " -> " + std::to_string(call.out) + ", batch " + std::to_string(call.batch) +
           ": " + plan;
}

}  // namespace

template <Scalar T>
std::string explain(const Call& call, Isa isa) {
    return explain_for(call, isa, sizeof(T));
}

template std::string explain<float>(const Call&, Isa);
#if DENSIMD_DOUBLE
template std::string explain<double>(const Call&, Isa);
#endif

}  // namespace densimd::kernels
