// What fixes the bits: the order in which every sum is made. A change here changes results, and with them
// tests/golden; nothing in plan/ does. simd/reduce.hpp carries it out.
#pragma once

#include <cstddef>

#include <densimd/networks.hpp>

namespace densimd::kernels {
namespace {

// Sums along lanes use as many virtual lanes as a cache line has elements, in one to four vectors: term i goes to
// lane i mod virtual_lanes, and the lanes are added upper half to lower half. So the order is the same on every ISA.
constexpr std::size_t virtual_lanes_of(std::size_t element) { return 64 / element; }

// A product adds up each output in so many accumulators, over k mod their number, and adds these upper half to
// lower half: enough of them to hide the latency of a multiply-add where a row has few vectors. It depends on the
// layer's columns alone, so that the bits of a row do not depend on the other rows.
constexpr std::size_t accumulators_for(std::size_t columns, std::size_t virtual_lanes) {
    return columns <= virtual_lanes ? 4 : columns <= 4 * virtual_lanes ? 2 : 1;
}

// Sums over the batch are in order, but for those of a single column and of biases: in four accumulators, over the
// rows mod 4, from so many rows on.
constexpr std::size_t rows_for_four_sums = 16;
constexpr std::size_t batch_accumulators(std::size_t columns, std::size_t batch) {
    return columns == 1 && batch >= rows_for_four_sums ? 4 : 1;
}

// The forward pass of one output is a dot product, summed along lanes.
constexpr bool is_dot_product(std::size_t columns) { return columns == 1; }

// The input gradient of a batch is in the order of a forward pass through W's transpose, whose columns are the inputs:
// lanes along these cost a copy of the transpose, which the rows share, and save the sums along lanes. Per element of the
// result these take as long as 64 multiply-adds of a lane; the copy takes as long as 6 for each output over the number of
// rows. The rows are those of the batch, whoever computes some of them. Single rows, and many outputs, are dot products.
constexpr std::size_t max_transposed_outputs = 512;  // whose transpose fits on the stack
constexpr bool sums_like_forward(std::size_t batch, std::size_t in, std::size_t out) {
    return batch > 1 && !is_dot_product(in) && out <= max_transposed_outputs && out <= 12 * batch;
}

// Samples that share a product of the first layer where updates are delayed: they are added to logits in the order of
// the samples, in two sums, so that the length of a block fixes the bits. Short blocks read and write W often; long ones
// spend length / 2 multiply-adds per input on the products of samples, and as many per output on the corrections. The
// more outputs, the more of W there is for each product of samples.
constexpr std::size_t longest_block = 32;
constexpr std::size_t block_length(std::size_t inputs, std::size_t outputs) {
    if (inputs <= 256) return longest_block / 2;
    return outputs < 512 ? longest_block - longest_block / 4 : longest_block;
}

// Delayed updates one sample ahead, in registers: a tiny first layer, alone or before a layer of one output, and a loss
// whose terms belong to one output each.
constexpr std::size_t lookahead_inputs = 64;
template <class T>
constexpr bool can_look_ahead(std::size_t depth, const Layer* layers, Loss loss) {
    return has_separate_terms(loss) && layers[0].inputs <= lookahead_inputs && layers[0].outputs >= 1 &&
           layers[0].outputs <= whole_lines<T>(1) &&
           (depth == 1 || (depth == 2 && layers[1].outputs == 1 && layers[1].stride == 1));
}

// Delayed updates in blocks keep the weights of a last layer of several transposed, if it has 2 to 16 float or 8 double
// outputs.
template <class T>
constexpr bool has_transposable_last(std::size_t depth, const Layer* layers) {
    return depth > 1 && layers[depth - 1].outputs > 1 && layers[depth - 1].outputs <= whole_lines<T>(1);
}

// Mini-batch steps in one call: up to tiny_inputs inputs and a single output, with or without a layer of 2 to 16 float
// or 8 double outputs and one of these activations in between, and a loss whose terms belong to one output each. Fewer
// rows are summed in another order.
constexpr std::size_t tiny_inputs = 8, tiny_rows = rows_for_four_sums;
template <class T>
constexpr bool is_tiny(std::size_t depth, const Layer* layers, Loss loss) {
    const Layer &first = layers[0], &last = layers[depth - 1];
    return has_separate_terms(loss) && depth <= 2 && first.inputs >= 1 && first.inputs <= tiny_inputs &&
           last.outputs == 1 && last.stride == 1 && !derivative_needs_logits(last.activation) &&
           (depth == 1 || (first.outputs >= 2 && first.outputs <= whole_lines<T>(1) &&
                           (first.activation == Activation::sigmoid || first.activation == Activation::tanh ||
                            first.activation == Activation::relu)));
}

}  // namespace
}  // namespace densimd::kernels
