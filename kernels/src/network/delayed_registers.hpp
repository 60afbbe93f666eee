// Delayed updates one sample ahead, K = 1 of delayed.hpp, for tiny networks: their parameters, logits and gradients stay
// in registers or in L1. A specialisation, because such a step takes about 15 ns, less than a few calls.
#pragma once

#include "network/output.hpp"

namespace densimd::kernels {
namespace {

// As for_each_lane_vector, inlined.
template <class T, class Body>
DENSIMD_INLINE void for_each_line_vector(std::size_t n, const Body& body) {
    constexpr std::size_t w = vector_size<T>;
    for (std::size_t i = 0; i < n; i += virtual_lanes<T>)
        DENSIMD_UNROLLED (v, vectors_per_line<T>) {
            const std::size_t k = i + v * w;
            if (k < n) body(v, k, n - k < w ? n - k : w);
        }
}

// x . y in all lanes
template <class T>
DENSIMD_INLINE Batch<T> dot_in_all_lanes(std::size_t n, const T* x, const T* y) {
    LaneSum<T> sum;
    for_each_line_vector<T>(n, [&](std::size_t v, std::size_t k, std::size_t count) DENSIMD_INLINE_LAMBDA {
        sum.part[v] =
            Simd::fma(Simd::load_partial(x + k, count), Simd::load_partial(y + k, count), sum.part[v]);
    });
    return Simd::sum_in_all_lanes(sum_of(sum.part));
}

// The first layer while it is trained: a copy of W in whole vectors with zeros behind the end of a row. Masked stores do
// not forward to loads, and what is stored here is soon loaded again.
template <class T, class Row>
struct FirstLayer;

template <class T, std::size_t Vectors>
struct FirstLayer<T, RegisterRow<T, Vectors>> {
    static constexpr std::size_t stride = Vectors * vector_size<T>, splits = 4;
    alignas(64) T W[lookahead_inputs * stride];

    FirstLayer(const Layer& layer, const T* parameters) {
        for (std::size_t k = 0; k < layer.inputs; ++k) {
            RegisterRow<T, Vectors> w;
            load_row(layer.outputs, parameters + layer.weights + k * layer.stride, w);
            store_row(stride, w, W + k * stride);
        }
    }
    void store_to(const Layer& layer, T* parameters) const {
        for (std::size_t k = 0; k < layer.inputs; ++k) {
            RegisterRow<T, Vectors> w;
            load_row(stride, W + k * stride, w);
            store_row(layer.outputs, w, parameters + layer.weights + k * layer.stride);
        }
    }

    // W += x' step and b += step; then x W + b.
    DENSIMD_INLINE RegisterRow<T, Vectors> step_and_logits(std::size_t in, RegisterRow<T, Vectors>& b, const T* x_before,
                                                    const RegisterRow<T, Vectors>& step, const T* x) {
        Batch<T> sum[splits][Vectors];
        DENSIMD_UNROLLED (v, Vectors) {
            sum[0][v] = b.part[v] = b.part[v] + step.part[v];
            DENSIMD_UNROLLED (s, splits - 1) sum[s + 1][v] = Batch<T>(T(0));
        }
        const auto row = [&](std::size_t k, Batch<T>(&row_sum)[Vectors]) DENSIMD_INLINE_LAMBDA {
            DENSIMD_UNROLLED (v, Vectors) {
                T* const address = W + k * stride + v * vector_size<T>;
                const Batch<T> w = Simd::fma(Batch<T>(x_before[k]), step.part[v], load(address));
                w.store_unaligned(address);
                row_sum[v] = Simd::fma(Batch<T>(x[k]), w, row_sum[v]);
            }
        };
        std::size_t k = 0;
        for (; k + splits <= in; k += splits)
            DENSIMD_UNROLLED (s, splits) row(k + s, sum[s]);
        DENSIMD_UNROLLED (s, splits - 1)
            if (k + s < in) row(k + s, sum[s]);
        RegisterRow<T, Vectors> z;
        DENSIMD_UNROLLED (v, Vectors) z.part[v] = (sum[0][v] + sum[2][v]) + (sum[1][v] + sum[3][v]);
        return z;
    }
};

// One output: W is a column, whose vectors lie along the inputs.
template <class T>
struct FirstLayer<T, RegisterElement<T>> {
    alignas(64) T W[lookahead_inputs] = {};

    FirstLayer(const Layer& layer, const T* parameters) {
        for (std::size_t k = 0; k < layer.inputs; ++k) W[k] = parameters[layer.weights + k * layer.stride];
    }
    void store_to(const Layer& layer, T* parameters) const {
        for (std::size_t k = 0; k < layer.inputs; ++k) parameters[layer.weights + k * layer.stride] = W[k];
    }

    DENSIMD_INLINE RegisterElement<T> step_and_logits(std::size_t in, RegisterElement<T>& b, const T* x_before,
                                             const RegisterElement<T>& step, const T* x) {
        b.lanes = b.lanes + step.lanes;
        LaneSum<T> sum;
        for_each_line_vector<T>(in, [&](std::size_t v, std::size_t k, std::size_t n) DENSIMD_INLINE_LAMBDA {
            const Batch<T> w = Simd::fma(Simd::load_partial(x_before + k, n), step.lanes, load(W + k));
            w.store_unaligned(W + k);
            sum.part[v] = Simd::fma(Simd::load_partial(x + k, n), w, sum.part[v]);
        });
        return {Simd::sum_in_all_lanes(sum_of(sum.part)) + b.lanes};
    }
};

// There is no layer behind the first one, which is the last.
template <class T, class Row>
struct NoOutputNeuron {
    explicit NoOutputNeuron(const Training<T>&) {}
    void store_to(const Training<T>&) const {}

    // What dz is multiplied with, and z += that times dz.
    DENSIMD_INLINE Row multiplier(Batch<T> G) const {
        Row row;
        for_each_vector_of([G](Batch<T>& x) DENSIMD_INLINE_LAMBDA { x = G; }, row);
        return row;
    }
    DENSIMD_INLINE void add_step(const Row& multiplier, const Row& dz, Row& z) const {
        for_each_vector_of([](Batch<T>& sum, Batch<T> m, Batch<T> term)
                               DENSIMD_INLINE_LAMBDA { sum = Simd::fma(m, term, sum); },
                           z, multiplier, dz);
    }
};

// A last layer of one output, all in registers. The sum of the first lane starts from the bias, which so costs no
// addition of its own.
template <class T, std::size_t Vectors>
struct OutputNeuron {
    RegisterRow<T, Vectors> w, mask;  // mask: the ends of rows
    Batch<T> b, b_factor;
    // dz of the first layer is derivative last_dz; the first factor is known long before the second.
    RegisterRow<T, Vectors> derivative;
    Batch<T> last_dz = Batch<T>(T(0));

    explicit OutputNeuron(const Training<T>& training) {
        const Layer& layer = training.layers[1];
        const T scale = -training.learning_rate;
        load_row(layer.inputs, static_cast<const T*>(training.parameters + layer.weights), w);
        for_each_part<T, Vectors>(layer.inputs,
                                  [&](std::size_t v, std::size_t, std::size_t n) DENSIMD_INLINE_LAMBDA {
                                      mask.part[v] = Simd::load_partial(all_ones<T>.value, n);
                                  });
        b = Simd::load_partial(training.parameters + layer.biases, 1);
        b_factor = Simd::load_partial(&scale, 1);
        DENSIMD_UNROLLED (v, Vectors) derivative.part[v] = Batch<T>(T(0));
    }
    void store_to(const Training<T>& training) const {
        const Layer& layer = training.layers[1];
        store_row(layer.inputs, w, training.parameters + layer.weights);
        training.parameters[layer.biases] = Simd::first(b);
    }

    DENSIMD_INLINE RegisterRow<T, Vectors> multiplier(Batch<T> G) const {
        RegisterRow<T, Vectors> row;
        DENSIMD_UNROLLED (v, Vectors) row.part[v] = G * derivative.part[v];
        return row;
    }
    DENSIMD_INLINE void add_step(const RegisterRow<T, Vectors>& multiplier, const RegisterRow<T, Vectors>&,
                                 RegisterRow<T, Vectors>& z) const {
        DENSIMD_UNROLLED (v, Vectors) z.part[v] = Simd::fma(multiplier.part[v], last_dz, z.part[v]);
    }

    DENSIMD_INLINE RegisterElement<T> logit(const RegisterRow<T, Vectors>& a) const {
        LaneSum<T> sum;
        sum.part[0] = b;
        DENSIMD_UNROLLED (v, Vectors) sum.part[v] = Simd::fma(a.part[v], w.part[v], sum.part[v]);
        return {Simd::sum_in_all_lanes(sum_of(sum.part))};
    }
    DENSIMD_INLINE void step(const RegisterRow<T, Vectors>& a, Batch<T> factor, const RegisterElement<T>& dz) {
        DENSIMD_UNROLLED (v, Vectors) w.part[v] = Simd::fma(factor * a.part[v], dz.lanes, w.part[v]);
        b = Simd::fma(b_factor, dz.lanes, b);
    }
};

// For tiny networks not arithmetic but one dependency chain is the bound: from a sample's dz by the step to the next
// one's logits, activations, loss and dz. With the updates delayed by one sample, the first layer's products leave it:
//     z = x W + b + G dz',    G = -learning_rate (x . x' + 1),
// with x' and dz' of the sample before. While its dz' is being found, W takes the step before it and is multiplied with
// x. What is left, in cycles of Zen 4 with a sigmoid of 47, is 4 + 47 + 9 for dz = 60 per sample of 8-1. A layer of one
// output behind the first adds a product, a sum of 16 lanes and a second sigmoid: 4 + 22 + 47 more, 133 for 8-16-1.
//
// exp(-z) of the first layer could leave the chain as well, a polynomial in G dz' taking its place. But then so many
// instructions belong to a sample that two do not fit into the reorder buffer: no gain for 8-1.
template <class T>
struct Lookahead {
    const Training<T>& training;
    const Samples<T>& samples;
    const Layer& first = training.layers[0];
    const OutputTerms<T> output{training};

    // From the logits of the first layer, to its dz. False if the loss is not finite.
    template <class Row>
    DENSIMD_INLINE bool after_first(NoOutputNeuron<T, Row>&, Batch<T>, Row& row, std::size_t i, const T* y) const {
        return output.finish(row, samples, i, y);
    }
    template <std::size_t Vectors>
    DENSIMD_INLINE bool after_first(OutputNeuron<T, Vectors>& neuron, Batch<T> factor, RegisterRow<T, Vectors>& row,
                                    std::size_t i, const T* y) const {
        DENSIMD_UNROLLED (v, Vectors) {
            row.part[v] = value_by<T>(first.activation, row.part[v]) & neuron.mask.part[v];
            neuron.derivative.part[v] = gradient_by<T>(first.activation, row.part[v], neuron.w.part[v]);
        }
        RegisterElement<T> dz = neuron.logit(row);
        if (!output.finish(dz, samples, i, y)) return false;
        neuron.step(row, factor, dz);
        neuron.last_dz = dz.lanes;
        DENSIMD_UNROLLED (v, Vectors) row.part[v] = neuron.derivative.part[v] * dz.lanes;
        return true;
    }

    template <class Row, class Last>
    std::size_t run(std::size_t count) const {
        const Batch<T> factor(-training.learning_rate), zero(T(0)), one(T(1));
        static constexpr T zeros[lookahead_inputs] = {};
        FirstLayer<T, Row> layer(first, training.parameters);
        Last rest(training);
        const std::size_t in = first.inputs;
        // The two samples whose steps W has yet to take. That of `before` is factor dz.
        const T *stepping = zeros, *before = zeros;
        Row step, dz, b;
        load_row(first.outputs, static_cast<const T*>(training.parameters + first.biases), b);
        const auto clear = [zero](Batch<T>& x) DENSIMD_INLINE_LAMBDA { x = zero; };
        const auto scale = [factor](Batch<T>& to, Batch<T> from)
                               DENSIMD_INLINE_LAMBDA { to = factor * from; };
        for_each_vector_of(clear, step);
        for_each_vector_of(clear, dz);
        std::size_t i = 0;
        for (; i < count; ++i) {
            const T* const x = samples.x(i);
            Row z = layer.step_and_logits(in, b, stepping, step, x);
            const Row multiplier = rest.multiplier(factor * (dot_in_all_lanes(in, x, before) + one));
            if (is_finite(multiplier)) [[likely]] {
                rest.add_step(multiplier, dz, z);
            } else {
                for_each_vector_of(scale, step, dz);
                z = layer.step_and_logits(in, b, before, step, x);
                before = zeros;
                for_each_vector_of(clear, dz);
            }
            for_each_vector_of(scale, step, dz);
            stepping = before;
            before = x;
            if (!after_first(rest, factor, z, i, samples.y(i))) break;
            dz = z;
        }
        layer.step_and_logits(in, b, stepping, step, zeros);
        if (i == count) {
            for_each_vector_of(scale, step, dz);
            layer.step_and_logits(in, b, before, step, zeros);
        }
        layer.store_to(first, training.parameters);
        store_row(first.outputs, b, training.parameters + first.biases);
        rest.store_to(training);
        return i;
    }

    template <std::size_t Vectors = vectors_per_line<T>>
    std::size_t run_rows(std::size_t count) const {
        if constexpr (Vectors > 1 && !machine<T>.is_lean)
            if (first.outputs <= (Vectors - 1) * vector_size<T>) return run_rows<Vectors - 1>(count);
        if (training.depth > 1) return run<RegisterRow<T, Vectors>, OutputNeuron<T, Vectors>>(count);
        return run<RegisterRow<T, Vectors>, NoOutputNeuron<T, RegisterRow<T, Vectors>>>(count);
    }
};

template <class T>
std::size_t train_looking_ahead(std::size_t count, const Samples<T>& samples) {
    const Lookahead<T> lookahead{samples.training, samples};
    if (count == 0) return 0;
    if (samples.training.depth == 1 && lookahead.first.outputs == 1)
        return lookahead.template run<RegisterElement<T>, NoOutputNeuron<T, RegisterElement<T>>>(count);
    return lookahead.run_rows(count);
}

}  // namespace
}  // namespace densimd::kernels
