// The machines that kernels are planned for: what the planner knows of an ISA and of the CPUs that have it.
#pragma once

#include <cstddef>

#include <densimd/isa.hpp>

#include "order.hpp"

namespace densimd::kernels {
namespace {

// What a path takes for a layer of at most a line of outputs, in hundredths of a nanosecond: for the call; for each quad of
// inputs; for each tile, and for its outputs; for each quad of inputs in each tile, and for its outputs.
struct PathCost {
    std::size_t call, quad, tile, tile_output, tile_quad, tile_quad_output;

    constexpr std::size_t of(std::size_t tiles, std::size_t depth, std::size_t outputs) const {
        const std::size_t quads = (depth + 3) / 4;
        return call + quads * quad +
               tiles * (tile + outputs * tile_output + quads * (tile_quad + outputs * tile_quad_output));
    }
};
struct FewOutputsCosts {
    PathCost square, narrow, quad;  // a tile: four rows
    PathCost tile, staged;          // a tile: a row of a vector, and one more for each six
};
// Fitted to 800 layers of 2 to 16 outputs in float, with AVX-512 and AVX2 on a Xeon of 2023: half of the estimates are within
// a few percent. Baseline, NEON and double have them too, unmeasured.
constexpr FewOutputsCosts costs_of_wide_vectors = {.square = {1550, 0, 860, 0, 260, 0},
                                                   .narrow = {1360, 0, 1700, 0, 420, 0},
                                                   .quad = {3500, 315, 500, 150, 20, 26},
                                                   .tile = {2160, 0, 470, 0, 78, 0},
                                                   .staged = {4080, 0, 90, 27, 79, 0}};
constexpr FewOutputsCosts costs_of_vectors = {.square = {2500, 0, 2500, 0, 445, 0},
                                              .narrow = {2460, 0, 1670, 0, 490, 0},
                                              .quad = {4700, 230, 800, 250, 157, 28},
                                              .tile = {3000, 0, 460, 0, 90, 0},
                                              .staged = {3900, 0, 400, 0, 90, 0}};

// All sizes in bytes unless they say otherwise.
struct Machine {
    std::size_t element;       // of the scalar
    std::size_t vector;        // a register
    std::size_t accumulators;  // registers that a tile may use for its sums; the others hold operands
    std::size_t lane_sums;     // vectors whose lanes are summed at once
    bool loads_halves;         // whether two short rows fill a vector with one instruction each
    bool is_lean;              // networks have one copy of their code for all short rows, not one for each length
    std::size_t l1, l2;        // what of a working set stays in these caches beside all else
    FewOutputsCosts costs;

    constexpr std::size_t lanes() const { return vector / element; }
    constexpr std::size_t virtual_lanes() const { return virtual_lanes_of(element); }
    constexpr std::size_t vectors_of(std::size_t columns) const { return (columns + lanes() - 1) / lanes(); }

    // Whether rows so far apart begin in so few sets of L1 and L2 that they evict one another.
    constexpr bool is_conflicting(std::size_t stride) const { return stride * element % 2048 == 0; }
    // From 2 KiB on, a row is long enough for the hardware prefetchers.
    constexpr bool is_long(std::size_t columns) const { return columns * element >= 2048; }
};

// x86-64's SSE2. Nothing is tuned for CPUs without AVX2.
constexpr Machine baseline_machine(std::size_t element) {
    return {element, 16, 12, 2, false, true, 32 << 10, 1 << 20, costs_of_vectors};
}
// Zen 2 to 5 and Intel's from Haswell on: 16 registers, two loads and two multiply-adds a cycle.
constexpr Machine avx2_machine(std::size_t element) {
    return {element, 32, 12, 4, false, false, 32 << 10, 1 << 20, costs_of_vectors};
}
// As measured on Zen 4, Zen 5 and Xeons of 2023: 32 registers, masked stores, which forward to no load.
constexpr Machine avx512_machine(std::size_t element) {
    return {element, 64, 24, 64 / element, true, false, 32 << 10, 1 << 20, costs_of_wide_vectors};
}
constexpr Machine neon_machine(std::size_t element) {
    return {element, 16, 24, 16 / element, false, false, 32 << 10, 1 << 20, costs_of_vectors};
}

constexpr Machine machine_for(Isa isa, std::size_t element) {
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

// Only networks are lean: layers are fast on every ISA.
constexpr Machine for_layers(Machine m) {
    m.is_lean = false;
    return m;
}
constexpr Machine for_networks(const Machine& m) { return m; }

}  // namespace
}  // namespace densimd::kernels
