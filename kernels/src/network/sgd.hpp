// Whole networks: rows through all layers, and training sample after sample, in one call.
#pragma once

#include "network/transposed_layer.hpp"

namespace densimd::kernels {
namespace {

template <class T>
void forward_row(const Layer& layer, const T* parameters, const T* x, Activation activation, T* y) {
    if (is_narrow<T>(layer))
        with_logits(layer, parameters, x, [&](auto row) DENSIMD_INLINE_LAMBDA {
            activate<T>(activation, row);
            store_row(layer.outputs, row, y);
        });
    else
        own<T>().dense_forward(1, layer.inputs, layer.outputs, x, layer.inputs, parameters + layer.weights,
                             layer.stride, parameters + layer.biases, activation, y, layer.outputs);
}

// Whether the last layer has one output and is fed by a narrow layer, whose row can stay in registers.
template <class T>
bool has_output_neuron(std::size_t depth, const Layer* layers) {
    return depth >= 2 && is_single<T>(layers[depth - 1]) && is_narrow<T>(layers[depth - 2]);
}

// The two layers of which has_output_neuron speaks.
template <class T>
void forward_to_output_neuron(const Layer* layers, const T* parameters, const T* x, T* y) {
    const Layer &before = layers[0], &last = layers[1];
    with_logits(before, parameters, x, [&](auto row) DENSIMD_INLINE_LAMBDA {
        activate<T>(before.activation, row);
        decltype(row) w;
        Single<T> z =
            single_logit(before.outputs, row, parameters + last.weights, parameters + last.biases, w);
        activate<T>(last.activation, z);
        store_row(1, z, y);
    });
}

// Rows a multiple of 1 KiB apart would compete for few sets of the L1 cache.
template <class T>
constexpr std::size_t scratch_stride(std::size_t outputs) {
    const std::size_t padded = whole_lines<T>(outputs);
    return padded * sizeof(T) % 1024 == 0 ? padded + virtual_lanes<T> : padded;
}

// One row through all layers; the activations of every other layer are `half` elements apart.
template <class T>
void forward_one_row(std::size_t depth, const Layer* layers, const T* parameters, const T* x, T* y,
                     T* scratch, std::size_t half) {
    const std::size_t before_output_neuron = has_output_neuron<T>(depth, layers) ? depth - 2 : depth - 1;
    for (std::size_t l = 0; l < before_output_neuron; ++l) {
        T* const a = scratch + (l % 2) * half;
        forward_row(layers[l], parameters, x, layers[l].activation, a);
        x = a;
    }
    if (before_output_neuron + 2 == depth)
        forward_to_output_neuron(layers + before_output_neuron, parameters, x, y);
    else
        forward_row(layers[before_output_neuron], parameters, x, layers[before_output_neuron].activation, y);
}

// From layer to layer, all rows or some at a time, whose activations stay in L1.
template <class T>
void network_forward_kernel(std::size_t batch, std::size_t depth, const Layer* layers, const T* parameters,
                            const T* X, std::size_t ldx, T* out, std::size_t ldo, std::size_t rows,
                            T* scratch) noexcept {
    const std::size_t half = depth > 2 || batch > 1 ? forward_scratch<T>(depth, layers, rows) / 2 : 0;
    for (std::size_t row = 0; row < batch; row += rows) {
        const std::size_t count = batch - row < rows ? batch - row : rows;
        const T* x = X + row * ldx;
        T* const result = out + row * ldo;
        if (count == 1) {
            forward_one_row(depth, layers, parameters, x, result, scratch, half);
            continue;
        }
        std::size_t ld = ldx;
        for (std::size_t l = 0; l < depth; ++l) {
            const Layer& layer = layers[l];
            const bool is_last = l + 1 == depth;
            T* const y = is_last ? result : scratch + (l % 2) * half;
            const std::size_t ldy = is_last ? ldo : scratch_stride<T>(layer.outputs);
            own<T>().dense_forward(count, layer.inputs, layer.outputs, x, ld, parameters + layer.weights,
                                 layer.stride, parameters + layer.biases, layer.activation, y, ldy);
            x = y;
            ld = ldy;
        }
    }
}

template <class T>
void loss_of_row(Loss loss, const Layer& layer, const T* a, const T* y, T* dz, T* value) {
    const std::size_t n = layer.outputs;
    switch (loss) {
        case Loss::mean_squared_error:
            own<T>().mean_squared_error(1, n, a, n, y, n, dz, n, value);
            break;
        case Loss::mean_absolute_error:
            own<T>().mean_absolute_error(1, n, a, n, y, n, dz, n, value);
            break;
        case Loss::huber:
            own<T>().huber(1, n, huber_delta<T>, a, n, y, n, dz, n, value);
            break;
        case Loss::binary_cross_entropy:
            return own<T>().binary_cross_entropy(1, n, a, n, y, n, dz, n, value);
        case Loss::categorical_cross_entropy:
            return own<T>().categorical_cross_entropy(1, n, a, n, y, n, dz, n, value);
        case Loss::cosine_distance:
            own<T>().cosine_distance(1, n, a, n, y, n, dz, n, value);
            break;
    }
    if (const auto derivative = vector_functions<T>(layer.activation).gradient)
        map(
            n, dz, [derivative](Batch<T> output, Batch<T> ds) { return derivative(output, ds); }, a, dz);
}

template <class T>
bool is_finite(T x) {
    return x - x == 0;
}

// Layer 0 is updated and goes forward in one pass over its W, the others go backward and are updated in one.
// Scratch memory holds a and dz of one layer behind the other.
template <class T>
struct PerSampleTrainer {
    PerSampleTraining<T> job;
    const Layer &first = job.layers[0], &last = job.layers[job.depth - 1];
    const T* parameters = job.parameters;
    T scale = -job.learning_rate;
    bool head = has_output_neuron<T>(job.depth, job.layers);

    struct Sample {
        const T *x, *y;
        T* loss;
    };
    Sample sample(std::size_t i) const {
        const std::size_t row = job.order ? job.order[i] : i;
        return {job.X + row * job.ldx, job.Y + row * job.ldy, job.losses + i};
    }

    T* dz_of_first = job.scratch + whole_lines<T>(first.outputs);

    T* a_of(std::size_t l) const { return job.scratch + per_sample_scratch<T>(l, job.layers); }
    T* dz_of(std::size_t l) const {
        return l == 0 ? dz_of_first : a_of(l) + whole_lines<T>(job.layers[l].outputs);
    }

    Activation activation(const Layer& layer) const {
        return &layer == &last && takes_logits(job.loss) ? Activation::identity : layer.activation;
    }

    // What follows the logits of the last layer, if that is narrow: its outputs, the loss and dZ.
    template <class Row>
    DENSIMD_INLINE Row finish(Row row, const Sample& sample) const {
        T *a = a_of(job.depth - 1), *dz = dz_of(job.depth - 1);
        activate<T>(activation(last), row);
        store_row(last.outputs, row, a);
        Batch<T> (*const derivative)(Batch<T>, Batch<T>) = vector_functions<T>(activation(last)).gradient;
        if (job.loss == Loss::mean_squared_error) {
            row = narrow_loss(last.outputs, row, sample.y, SquaredError{}, derivative, sample.loss);
            store_row(last.outputs, row, dz);
        } else {
            loss_of_row(job.loss, last, a, sample.y, dz, sample.loss);
            load_row(last.outputs, static_cast<const T*>(dz), row);
        }
        return row;
    }

    // The last layer on a row of the layer before: forward, loss, backward and update.
    template <class Row>
    DENSIMD_INLINE void run_output_neuron(const Row& x, const Sample& sample) const {
        const Layer& before = job.layers[job.depth - 2];
        T *const W = job.parameters + last.weights, *const b = job.parameters + last.biases;
        Row w, dx;
        const Single<T> z =
            single_logit(before.outputs, x, parameters + last.weights, parameters + last.biases, w);
        const Batch<T> gradient = finish(z, sample).lanes, factor(scale), zero(T(0));
        if (!is_finite(*sample.loss)) return;
        const auto derivative = vector_functions<T>(before.activation).gradient;
        const auto step = [&](Batch<T>& dx_part, Batch<T>& w_part, Batch<T> x_part) DENSIMD_INLINE_LAMBDA {
            dx_part = Simd::fma(gradient, w_part, zero) + zero;
            if (derivative) dx_part = derivative(x_part, dx_part);
            w_part = updated<T>(factor * x_part, gradient, w_part);
        };
        for_each_vector_of(step, dx, w, x);
        store_row(before.outputs, dx, dz_of(job.depth - 2));
        store_row(before.outputs, w, W);
        store_row(1, Single<T>{updated<T>(factor, gradient, Batch<T>(*b))}, b);
    }

    // What becomes of the logits of narrow layer l.
    template <class Row>
    DENSIMD_INLINE void take(std::size_t l, Row row, const Sample& sample) const {
        if (l + 1 == job.depth) {
            finish(row, sample);
            return;
        }
        activate<T>(job.layers[l].activation, row);
        store_row(job.layers[l].outputs, row, a_of(l));
        if (head && l + 2 == job.depth) run_output_neuron(row, sample);
    }

    // x: the row before, whose update of the first layer is still to be done; null: none.
    void first_layer(const T* x, const Sample& sample) const {
        const auto taken = [&](auto row) DENSIMD_INLINE_LAMBDA { take(0, row, sample); };
        T *a = a_of(0), *dz = dz_of(0);
        if (is_narrow<T>(first)) {
            if (x == nullptr) return with_logits(first, parameters, sample.x, taken);
            return with_updated_logits<T>(first, job.parameters, x, dz, scale, sample.x, taken);
        }
        if (x == nullptr)
            forward_row(first, parameters, sample.x, activation(first), a);
        else
            own<T>().dense_update_forward(first.inputs, first.outputs, x, dz, scale,
                                        job.parameters + first.weights, first.stride,
                                        job.parameters + first.biases, sample.x, activation(first), a);
        if (job.depth == 1) loss_of_row(job.loss, last, a, sample.y, dz, sample.loss);
    }

    // In a block; `steps` of it are taken.
    void first_layer_of_block(std::size_t steps, const Sample& sample) const {
        const Batch<T> factor(scale), one(T(1));
        alignas(64) T G[longest_block];  // in whole vectors: loads would wait for a masked store
        for_each_vector<T>(steps, [&](std::size_t s, std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
            const T* const products = job.products + steps * job.ldp + s;
            store<false>(G + s, count, factor * (load<decltype(kind)::partial>(products, count) + one));
        });
        if (!machine<T>.is_long(first.outputs))
            add_steps(steps, G);
        else
            own<T>().dense_forward(1, steps, first.outputs, G, steps, job.dZ, job.lddz, dz_of_first,
                                 activation(first), a_of(0), first.outputs);
        if (job.depth == 1) loss_of_row(job.loss, last, a_of(0), sample.y, dz_of_first, sample.loss);
    }

    // What the steps add to the logits in dz_of_first, and the activation, in registers: the next layer waits
    // for it.
    void add_steps(std::size_t steps, const T* G) const {
        const auto columns = [&](std::size_t j, std::size_t count, auto vectors,
                                 auto kind) DENSIMD_INLINE_LAMBDA {
            constexpr std::size_t n = decltype(vectors)::value;
            constexpr bool partial = decltype(kind)::partial;
            Batch<T> z[n];
            logits_of_row<2, partial>(steps, count, G, job.dZ + j, job.lddz, DirectB{}, dz_of_first + j, z);
            with_activation<T>(activation(first), [&](const auto& function) DENSIMD_INLINE_LAMBDA {
                if constexpr (!requires { function == nullptr; }) activate_all(function, z);
                return z[0];
            });
            for_each_vector_of_row<n, partial, T>(
                count, [&](std::size_t v, std::size_t k, std::size_t left, auto ends)
                           DENSIMD_INLINE_LAMBDA { store<ends>(a_of(0) + j + k, left, z[v]); });
        };
        constexpr std::size_t w = vector_size<T>;
        std::size_t j = 0;
        for (; j + 4 * w <= first.outputs; j += 4 * w)
            columns(j, 4 * w, std::integral_constant<std::size_t, 4>{}, Full{});
        for_each_vector<T>(first.outputs - j,
                           [&](std::size_t k, std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
                               columns(j + k, count, std::integral_constant<std::size_t, 1>{}, kind);
                           });
    }

    void next_layer(std::size_t l, const Sample& sample) const {
        const Layer& layer = job.layers[l];
        const T* const x = a_of(l - 1);
        if (is_narrow<T>(layer))
            return with_logits(layer, parameters, x,
                               [&](auto row) DENSIMD_INLINE_LAMBDA { take(l, row, sample); });
        forward_row(layer, parameters, x, activation(layer), a_of(l));
        if (l + 1 == job.depth) loss_of_row(job.loss, last, a_of(l), sample.y, dz_of(l), sample.loss);
    }

    // The last layer, transposed, of sample i: forward, loss and backward; false if the loss is not finite.
    template <std::size_t Vectors = vectors_per_line<T>>
    bool transposed_layer(const TransposedLayer<T>& given, std::size_t i, const Sample& sample) const {
        if constexpr (Vectors > 1 && !machine<T>.is_lean)
            if (last.outputs <= (Vectors - 1) * vector_size<T>)
                return transposed_layer<Vectors - 1>(given, i, sample);
        const TransposedLayer<T> layer = given;  // a local: fields could change under the stores
        const std::size_t l = job.depth - 1;
        const T* const x = a_of(l - 1);
        Line<T, Vectors> row = layer.template logits<Vectors>(x);
        if (has_separate_terms(job.loss)) {
            if (!Lookahead<T>{job}.finish(row, i, sample.y)) return false;
        } else {
            row = finish(row, sample);
            copy_outputs(i);
            if (!is_finite(*sample.loss)) return false;
        }
        layer.backward(x, row, scale, job.layers[l - 1].activation, dz_of(l - 1));
        return true;
    }

    void backward(std::size_t l) const {
        const Layer &layer = job.layers[l], &before = job.layers[l - 1];
        const T* const x = a_of(l - 1);
        own<T>().dense_backward_update(layer.inputs, layer.outputs, x, dz_of(l), scale,
                                     job.parameters + layer.weights, layer.stride,
                                     job.parameters + layer.biases, x, before.activation, dz_of(l - 1));
    }

    void copy_outputs(std::size_t i) const {
        if (job.outputs == nullptr) return;
        const T* const a = a_of(job.depth - 1);
        for (std::size_t j = 0; j < last.outputs; ++j) job.outputs[i * job.ldo + j] = a[j];
    }

    // Calls layers_behind(i, sample i) for each sample after its first layer has gone forward and before that
    // is updated, until it returns false.
    template <class LayersBehind>
    std::size_t run(std::size_t samples, const LayersBehind& layers_behind) {
        const T* x = nullptr;
        for (std::size_t i = 0; i < samples; ++i) {
            const Sample now = sample(i);
            if (job.products) {
                dz_of_first = job.dZ + i * job.lddz;
                first_layer_of_block(i, now);
            } else {
                first_layer(x, now);
            }
            if (!layers_behind(i, now)) return i;
            x = now.x;
        }
        if (x != nullptr && job.products == nullptr)
            own<T>().dense_update(1, first.inputs, first.outputs, x, first.inputs, dz_of(0), first.outputs,
                                scale, job.parameters + first.weights, first.stride,
                                job.parameters + first.biases);
        return samples;
    }

    std::size_t run(std::size_t samples) {
        // A block's first layer has no row in registers to begin a head with.
        if (job.products && job.depth == 2) head = false;
        const std::size_t depth = head ? job.depth - 1 : job.depth;
        return run(samples, [&](std::size_t i, const Sample& now) {
            for (std::size_t l = 1; l < depth; ++l) next_layer(l, now);
            copy_outputs(i);
            if (!is_finite(*now.loss)) return false;
            for (std::size_t l = depth - 1; l > 0; --l) backward(l);
            return true;
        });
    }

    // The last layer's step is taken when the next sample has gone through the first one, which so need not
    // wait for it.
    std::size_t run_with_transposed_last(std::size_t samples) {
        alignas(64) T lines[2 * virtual_lanes<T>] = {};
        T* const biases = job.parameters + last.biases;
        const TransposedLayer<T> layer(last, job.transposed, lines);
        for (std::size_t j = 0; j < last.outputs; ++j) layer.b[j] = biases[j];
        const std::size_t done = run(samples, [&](std::size_t i, const Sample& now) {
            if (i > 0) layer.update();
            for (std::size_t l = 1; l + 1 < job.depth; ++l) next_layer(l, now);
            if (!transposed_layer(layer, i, now)) return false;
            for (std::size_t l = job.depth - 2; l > 0; --l) backward(l);
            return true;
        });
        if (done > 0 && done == samples) layer.update();
        for (std::size_t j = 0; j < last.outputs; ++j) biases[j] = layer.b[j];
        return done;
    }

    // A single output of at most a line of inputs: the weights stay in registers from sample to sample.
    template <std::size_t Vectors>
    std::size_t run_in_registers(std::size_t samples) const {
        const std::size_t in = first.inputs;
        T *const W = job.parameters + first.weights, *const b = job.parameters + first.biases;
        const Batch<T> factor(scale), zero(T(0));
        Line<T, Vectors> w, x;
        Single<T> bias;
        load_row(in, parameters + first.weights, w);
        load_row(1, parameters + first.biases, bias);
        std::size_t i = 0;
        for (; i < samples; ++i) {
            const Sample now = sample(i);
            load_row(in, now.x, x);
            LaneSum<T> sum;
            DENSIMD_UNROLLED (v, Vectors) sum.part[v] = Simd::fma(x.part[v], w.part[v], zero);
            const Batch<T> dz = finish(Single<T>{Batch<T>(sum.total()) + bias.lanes}, now).lanes;
            copy_outputs(i);
            if (!is_finite(*now.loss)) break;
            DENSIMD_UNROLLED (v, Vectors) w.part[v] = updated<T>(factor * x.part[v], dz, w.part[v]);
            bias.lanes = updated<T>(factor, dz, bias.lanes);
        }
        store_row(in, w, W);
        store_row(1, bias, b);
        return i;
    }
};

template <class T>
std::size_t train_per_sample_kernel(std::size_t samples, const PerSampleTraining<T>& training) noexcept {
    if (training.lookahead) return train_looking_ahead(samples, training);
    PerSampleTrainer<T> trainer{training};
    if (training.transposed) return trainer.run_with_transposed_last(samples);
    const Layer& layer = trainer.first;
    if (training.depth > 1 || training.products || !is_single<T>(layer) || layer.inputs > virtual_lanes<T>)
        return trainer.run(samples);
    constexpr std::size_t vectors = vectors_per_line<T>;
    if constexpr (vectors == 4 && !machine<T>.is_lean) {
        if (layer.inputs <= vector_size<T>) return trainer.template run_in_registers<1>(samples);
        if (layer.inputs <= 2 * vector_size<T>) return trainer.template run_in_registers<2>(samples);
        if (layer.inputs <= 3 * vector_size<T>) return trainer.template run_in_registers<3>(samples);
    }
    if constexpr (vectors == 2 && !machine<T>.is_lean)
        if (layer.inputs <= vector_size<T>) return trainer.template run_in_registers<1>(samples);
    return trainer.template run_in_registers<vectors>(samples);
}

}  // namespace
}  // namespace densimd::kernels
