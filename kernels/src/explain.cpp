// Plans as text.
#include <densimd/explain.hpp>

#include <string_view>
#include <type_traits>

#include "plan/paths.hpp"

namespace densimd::kernels {
namespace {

Machine machine_of(Isa isa, std::size_t element) {
    switch (isa) {
        case Isa::baseline:
            break;
        case Isa::avx2:
            return avx2_machine(element);
        case Isa::avx512:
            return avx512_machine(element);
        case Isa::neon:
            return neon_machine(element);
    }
    return baseline_machine(element);
}

std::string number(std::size_t n, std::string_view one) {
    return std::to_string(n) + " " + std::string(one) + (n == 1 ? "" : "s");
}

std::string text(const TilePlan& plan, const Machine& m) {
    std::string text = "tiles of up to " + number(rows_beside(m, plan.panel, plan.accumulators), "row") + " x " +
                       number(plan.panel, "vector") + ", " + number(plan.accumulators, "accumulator") +
                       " per output";
    if (plan.pack == Pack::panels) text += ", panels of W packed";
    if (plan.pack == Pack::panels_and_blocks) text += ", panels of dZ and blocks of X packed";
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
    return words + ": " + text(plan_forward_tiles(shape, call.out, m), m) + staged;
}

std::string backward(const Call& call, std::size_t ldw, const Machine& m) {
    const BackwardPath path = plan_backward(call.batch, call.out, ldw, m);
    const std::string words = row_of(backward_paths, path).words;
    if (path != BackwardPath::dot) return words;
    return words + ": " + (is_deep(call.out, m) ? "4 x 4" : "2 high");
}

std::string update(const Call& call, std::size_t ldw, std::size_t lddz, const Machine& m) {
    const ProductShape shape = {call.in, call.out, call.batch, lddz};
    const UpdatePlan plan = plan_update(shape, ldw, m);
    const std::string fetches = plan.fetches ? "; fetches the tile of W below" : "";
    const std::string words = row_of(update_paths, plan.path).words;
    if (plan.path == UpdatePath::column) return words + ": " + text(plan_column_tiles(shape, m), m) + fetches;
    if (plan.path == UpdatePath::tile) return words + ": " + text(plan_update_tiles(shape, ldw, m), m) + fetches;
    return words + fetches;
}

}  // namespace

template <Scalar T>
std::string explain(const Call& call, Isa isa) {
    const Machine m = machine_of(isa, sizeof(T));
    const auto stride = [](std::size_t given, std::size_t columns) { return given == 0 ? columns : given; };
    const std::size_t ldw = stride(call.ldw, call.out), ldz = stride(call.ldz, call.out);
    std::string_view operation = "dense_forward";
    std::string plan;
    switch (call.operation) {
        case Operation::dense_forward:
            plan = forward(call, ldw, ldz, m);
            break;
        case Operation::dense_backward_input:
            operation = "dense_backward_input";
            plan = backward(call, ldw, m);
            break;
        case Operation::dense_update:
            operation = "dense_update";
            plan = update(call, ldw, ldz, m);
            break;
    }
    return std::string(operation) + (std::is_same_v<T, float> ? " float " : " double ") + std::string(name(isa)) + ", " +
           std::to_string(call.in) + " -> " + std::to_string(call.out) + ", batch " + std::to_string(call.batch) +
           ": " + plan;
}

template std::string explain<float>(const Call&, Isa);
#if DENSIMD_DOUBLE
template std::string explain<double>(const Call&, Isa);
#endif

}  // namespace densimd::kernels
