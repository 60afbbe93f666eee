// Choices for whole networks. None changes a bit; those that do are in order.hpp.
#pragma once

#include <cstddef>

#include <densimd/networks.hpp>

#include "plan/machine.hpp"

namespace densimd::kernels {
namespace {

// A single output whose weights are a contiguous column.
template <class T>
constexpr bool is_single(const Layer& layer) {
    return layer.outputs == 1 && layer.stride == 1;
}

// A layer whose row of outputs stays in registers.
template <class T>
constexpr bool is_narrow(const Layer& layer) {
    return is_single<T>(layer) || (layer.outputs > 1 && layer.outputs <= whole_lines<T>(1));
}

// Whether the last layer has one output and is fed by a narrow layer, whose row can stay in registers.
template <class T>
constexpr bool has_output_neuron(std::size_t depth, const Layer* layers) {
    return depth >= 2 && is_single<T>(layers[depth - 1]) && is_narrow<T>(layers[depth - 2]);
}

// The same in training; in a block of delayed updates the first layer's row is in memory.
template <class T>
constexpr bool fuses_output_neuron(std::size_t depth, const Layer* layers, bool in_block) {
    return has_output_neuron<T>(depth, layers) && !(in_block && depth == 2);
}

// The sums of steps to come are added up in registers up to the width from which on a row is passed over several times.
constexpr bool adds_steps_in_registers(const Layer& first, const Machine& m) { return !m.is_long(first.outputs); }

// Whether more than one layer's outputs are in memory at a time: not for one row through two layers.
constexpr bool keeps_two_layers(std::size_t batch, std::size_t depth) { return depth > 2 || batch > 1; }

}  // namespace
}  // namespace densimd::kernels
