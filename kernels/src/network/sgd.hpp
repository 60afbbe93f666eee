// Training sample after sample, many in one call.
#pragma once

#include "network/delayed.hpp"
#include "network/delayed_registers.hpp"
#include "network/forward.hpp"
#include "network/transposed_layer.hpp"

namespace densimd::kernels {
namespace {

// Layer 0 is updated and goes forward in one pass over its W, the others go backward and are updated in one. In a block
// layer 0 is as delayed.hpp has it. Memory holds a and dz of one layer behind the other.
template <class T>
struct SampleTrainer {
    const Samples<T>& samples;
    const Block<T>* block = nullptr;  // null: updates are not delayed
    const Training<T>& training = samples.training;
    const std::size_t depth = training.depth;
    const Layer &first = training.layers[0], &last = training.layers[depth - 1];
    const OutputTerms<T> output{training};
    const T scale = -training.learning_rate;
    // Whether the last layer follows the one before it in registers; a block's first layer is not in registers.
    const bool fuses_output = fuses_output_neuron<T>(depth, training.layers, block);
    T* dz_of_first = training.memory + whole_lines<T>(first.outputs);

    struct Sample {
        std::size_t i;
        const T *x, *y;
    };

    T* a_of(std::size_t l) const { return training.memory + sample_memory<T>(l, training.layers); }
    T* dz_of(std::size_t l) const {
        return l == 0 ? dz_of_first : a_of(l) + whole_lines<T>(training.layers[l].outputs);
    }
    Activation activation(const Layer& layer) const {
        return &layer == &last ? output.activation : layer.activation;
    }

    // From the logits of the last layer, if that is narrow, to its dZ.
    template <class Row>
    DENSIMD_INLINE bool finish(Row& row, const Sample& sample) const {
        if (has_separate_terms(output.loss)) return output.finish(row, samples, sample.i, sample.y);
        activate<T>(output.activation, row);
        store_row(last.outputs, row, a_of(depth - 1));
        const bool finite = finish_in_memory(sample);
        load_row(last.outputs, static_cast<const T*>(dz_of(depth - 1)), row);
        return finite;
    }
    // Out of line: with all activations and losses it is large, and it has many callers.
    template <class Row>
    [[gnu::noinline]] Row finished(Row row, const Sample& sample) const {
        finish(row, sample);
        return row;
    }
    bool finish_in_memory(const Sample& sample) const {
        return output.finish_in_memory(a_of(depth - 1), samples, sample.i, sample.y, dz_of(depth - 1));
    }

    // The last layer of one output on a row of the layer before: forward, loss, backward and update.
    template <class Row>
    DENSIMD_INLINE void run_output_neuron(const Row& x, const Sample& sample) const {
        const Layer& before = training.layers[depth - 2];
        T *const W = training.parameters + last.weights, *const b = training.parameters + last.biases;
        Row w, dx;
        const RegisterElement<T> z = single_logit(before.outputs, x, static_cast<const T*>(W), b, w);
        const Batch<T> gradient = finished(z, sample).lanes, factor(scale), zero(T(0));
        if (!is_finite(samples.losses[sample.i])) return;
        const auto derivative = vector_functions<T>(before.activation).gradient;
        const auto step = [&](Batch<T>& dx_part, Batch<T>& w_part, Batch<T> x_part) DENSIMD_INLINE_LAMBDA {
            dx_part = Simd::fma(gradient, w_part, zero) + zero;
            if (derivative) dx_part = derivative(x_part, dx_part);
            w_part = updated<T>(factor * x_part, gradient, w_part);
        };
        for_each_vector_of(step, dx, w, x);
        store_row(before.outputs, dx, dz_of(depth - 2));
        store_row(before.outputs, w, W);
        store_row(1, RegisterElement<T>{updated<T>(factor, gradient, Batch<T>(*b))}, b);
    }

    // What becomes of the logits of narrow layer l.
    template <class Row>
    DENSIMD_INLINE void take(std::size_t l, Row row, const Sample& sample) const {
        if (l + 1 == depth) {
            store_row(last.outputs, finished(row, sample), dz_of(l));
            return;
        }
        activate<T>(training.layers[l].activation, row);
        store_row(training.layers[l].outputs, row, a_of(l));
        if (fuses_output && l + 2 == depth) run_output_neuron(row, sample);
    }

    // x: the row before, whose update of the first layer is still to be done; null: none.
    void first_layer(const T* x, const Sample& sample) const {
        const auto taken = [&](auto row) DENSIMD_INLINE_LAMBDA { take(0, row, sample); };
        T *a = a_of(0), *dz = dz_of(0);
        if (block) {
            forward_delayed(*block, sample.i, activation(first), a);
        } else if (is_narrow<T>(first)) {
            if (x == nullptr) return with_logits(first, static_cast<const T*>(training.parameters), sample.x, taken);
            return with_updated_logits<T>(first, training.parameters, x, dz, scale, sample.x, taken);
        } else if (x == nullptr) {
            forward_row<T>(first, training.parameters, sample.x, activation(first), a);
        } else {
            own<T>().dense_update_forward(first.inputs, first.outputs, x, dz, scale,
                                          training.parameters + first.weights, first.stride,
                                          training.parameters + first.biases, sample.x, activation(first), a);
        }
        if (depth == 1) finish_in_memory(sample);
    }

    void next_layer(std::size_t l, const Sample& sample) const {
        const Layer& layer = training.layers[l];
        const T *const x = a_of(l - 1), *const parameters = training.parameters;
        if (is_narrow<T>(layer))
            return with_logits(layer, parameters, x,
                               [&](auto row) DENSIMD_INLINE_LAMBDA { take(l, row, sample); });
        forward_row(layer, parameters, x, activation(layer), a_of(l));
        if (l + 1 == depth) finish_in_memory(sample);
    }

    // The last layer, transposed: forward, loss and backward; false if the loss is not finite.
    template <std::size_t Vectors = vectors_per_line<T>>
    bool transposed_layer(const TransposedLayer<T>& given, const Sample& sample) const {
        if constexpr (Vectors > 1 && !machine<T>.is_lean)
            if (last.outputs <= (Vectors - 1) * vector_size<T>) return transposed_layer<Vectors - 1>(given, sample);
        const TransposedLayer<T> layer = given;  // a local: fields could change under the stores
        const T* const x = a_of(depth - 2);
        RegisterRow<T, Vectors> row = layer.template logits<Vectors>(x);
        if (!finish(row, sample)) return false;
        layer.backward(x, row, scale, training.layers[depth - 2].activation, dz_of(depth - 2));
        return true;
    }

    void backward(std::size_t l) const {
        const Layer &layer = training.layers[l], &before = training.layers[l - 1];
        const T* const x = a_of(l - 1);
        own<T>().dense_backward_update(layer.inputs, layer.outputs, x, dz_of(l), scale,
                                       training.parameters + layer.weights, layer.stride,
                                       training.parameters + layer.biases, x, before.activation, dz_of(l - 1));
    }

    // transposed: the last layer, or null. It takes its step when the next sample has gone through the first one, which
    // so need not wait for it.
    std::size_t run(std::size_t count, const TransposedLayer<T>* transposed = nullptr) {
        const std::size_t separate = fuses_output || transposed ? depth - 1 : depth;
        const T* x = nullptr;
        for (std::size_t i = 0; i < count; ++i) {
            const Sample now{i, samples.x(i), samples.y(i)};
            if (block) dz_of_first = block->dZ() + i * block->layout.lddz;
            first_layer(x, now);
            if (transposed && i > 0) transposed->update();
            for (std::size_t l = 1; l < separate; ++l) next_layer(l, now);
            if (transposed ? !transposed_layer(*transposed, now) : !is_finite(samples.losses[i])) return i;
            for (std::size_t l = separate - 1; l > 0; --l) backward(l);
            x = now.x;
        }
        if (transposed && count > 0) transposed->update();
        if (x != nullptr && !block)
            own<T>().dense_update(1, first.inputs, first.outputs, x, first.inputs, dz_of(0), first.outputs,
                                  scale, training.parameters + first.weights, first.stride,
                                  training.parameters + first.biases);
        return count;
    }

    // A single output of at most a line of inputs: the weights stay in registers from sample to sample.
    template <std::size_t Vectors>
    std::size_t run_in_registers(std::size_t count) const {
        const std::size_t in = first.inputs;
        T *const W = training.parameters + first.weights, *const b = training.parameters + first.biases;
        const Batch<T> factor(scale), zero(T(0));
        RegisterRow<T, Vectors> w, x;
        RegisterElement<T> bias;
        load_row(in, static_cast<const T*>(W), w);
        load_row(1, static_cast<const T*>(b), bias);
        std::size_t i = 0;
        for (; i < count; ++i) {
            const Sample now{i, samples.x(i), samples.y(i)};
            load_row(in, now.x, x);
            LaneSum<T> sum;
            DENSIMD_UNROLLED (v, Vectors) sum.part[v] = Simd::fma(x.part[v], w.part[v], zero);
            const Batch<T> dz = finished(RegisterElement<T>{Batch<T>(sum.total()) + bias.lanes}, now).lanes;
            if (!is_finite(samples.losses[i])) break;
            DENSIMD_UNROLLED (v, Vectors) w.part[v] = updated<T>(factor * x.part[v], dz, w.part[v]);
            bias.lanes = updated<T>(factor, dz, bias.lanes);
        }
        store_row(in, w, W);
        store_row(1, bias, b);
        return i;
    }
};

// The last layer of a Training in blocks that transposes it.
template <class T>
TransposedLayer<T> transposed_last(const Block<T>& block) {
    const Training<T>& training = block.training;
    return {training.layers[training.depth - 1], training.memory + block.layout.weights};
}
template <class T>
bool transposes_last(const Training<T>& training) {
    return has_transposable_last<T>(training.depth, training.layers);
}

template <class T>
void training_begin_kernel(const Training<T>& training) noexcept {
    if (!has_blocks(training)) return;
    const Block<T> block(training, 0);
    block.pending() = block.before().pending() = T(0);
    if (transposes_last(training))
        transposed_last(block).load_from(training.layers[training.depth - 1], training.parameters);
}

template <class T>
void training_end_kernel(const Training<T>& training) noexcept {
    if (has_blocks(training) && transposes_last(training))
        transposed_last(Block<T>(training, 0)).store_to(training.layers[training.depth - 1], training.parameters);
}

template <class T>
std::size_t train_block(std::size_t count, const Samples<T>& samples) {
    const Block<T> block(samples.training, samples.first);
    const bool delayed = block.is_delayed() != T(0);
    SampleTrainer<T> trainer{samples, delayed ? &block : nullptr};
    std::size_t done;
    if (transposes_last(samples.training)) {
        const TransposedLayer<T> last = transposed_last(block);
        done = trainer.run(count, &last);
    } else {
        done = trainer.run(count);
    }
    block.pending() = delayed ? static_cast<T>(done) : T(0);
    return done;
}

template <class T>
std::size_t train_per_sample_kernel(const Training<T>& training, std::size_t first, std::size_t count, T* losses,
                                    T* outputs, std::size_t ldo) noexcept {
    const Samples<T> samples{training, first, losses, outputs, ldo};
    if (training.method == Method::delayed_updates)
        return has_blocks(training) ? train_block(count, samples) : train_looking_ahead(count, samples);
    SampleTrainer<T> trainer{samples};
    const Layer& layer = trainer.first;
    if (training.depth > 1 || !is_single<T>(layer) || layer.inputs > virtual_lanes<T>) return trainer.run(count);
    constexpr std::size_t vectors = vectors_per_line<T>;
    if constexpr (machine<T>.is_lean)
        return trainer.template run_in_registers<vectors>(count);
    else
        return with_constant<1, vectors>((layer.inputs + vector_size<T> - 1) / vector_size<T>,
                                         [&](auto n) { return trainer.template run_in_registers<n>(count); });
}

}  // namespace
}  // namespace densimd::kernels
