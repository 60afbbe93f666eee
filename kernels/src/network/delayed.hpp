// Training of tiny networks sample after sample that looks one sample ahead.
#pragma once

#include "network/register_row.hpp"

namespace densimd::kernels {
namespace {

// Activations and losses of one vector, chosen by branches, which are predicted: calls would drive all else
// from the registers.
template <class T, class Take>
DENSIMD_INLINE Batch<T> with_activation(Activation activation, const Take& take) {
    if (activation == Activation::sigmoid) [[likely]]
        return take(SigmoidActivation<T>{});
    switch (activation) {
        case Activation::tanh:
            return take(TanhActivation<T>{});
        case Activation::relu:
            return take(ReluActivation<T>{});
        case Activation::leaky_relu:
            return take(LeakyReluActivation<T>{});
        case Activation::elu:
            return take(EluActivation<T>{});
        case Activation::softplus:
            return take(SoftplusActivation<T>{});
        case Activation::sigmoid:
        case Activation::identity:
        case Activation::gelu:  // these three: no network has them
        case Activation::gelu_tanh:
        case Activation::silu:
            break;
    }
    return take(nullptr);
}
template <class T>
DENSIMD_INLINE Batch<T> value_by(Activation activation, Batch<T> z) {
    return with_activation<T>(activation, [z](const auto& function) DENSIMD_INLINE_LAMBDA {
        if constexpr (requires { function == nullptr; })
            return z;
        else
            return value_of_one(function, z);
    });
}
template <class T>
DENSIMD_INLINE Batch<T> gradient_by(Activation activation, Batch<T> a, Batch<T> da) {
    return with_activation<T>(activation, [a, da](const auto& function) DENSIMD_INLINE_LAMBDA {
        if constexpr (requires { function == nullptr; })
            return da;
        else
            return function.gradient(a, da);
    });
}
template <class T>
DENSIMD_INLINE Term<T> term_by(Loss loss, Batch<T> a, Batch<T> y) {
    switch (loss) {
        case Loss::mean_absolute_error:
            return AbsoluteError{}(a, y);
        case Loss::huber:
            return HuberTerm<T>{huber_delta<T>}(a, y);
        case Loss::binary_cross_entropy:
            return BinaryCrossEntropy{}(a, y);
        case Loss::mean_squared_error:
        case Loss::categorical_cross_entropy:  // these two: see has_separate_terms
        case Loss::cosine_distance:
            break;
    }
    return SquaredError{}(a, y);
}

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

template <class T, std::size_t Vectors>
DENSIMD_INLINE bool is_finite_row(const Line<T, Vectors>& row) {
    Batch<T> sum(T(0));  // of zeros, if all are finite
    DENSIMD_UNROLLED (v, Vectors) sum = sum + (row.part[v] - row.part[v]);
    return xsimd::all(sum == Batch<T>(T(0)));
}
template <class T>
DENSIMD_INLINE bool is_finite_row(const Single<T>& row) {
    const T x = Simd::first(row.lanes);
    return x - x == 0;
}

// The first layer while it is trained: a copy of W in whole vectors with zeros behind the end of a row. What
// is stored is soon loaded again, and of a masked store a load would have to wait.
template <class T, class Row>
struct FirstLayer;

template <class T, std::size_t Vectors>
struct FirstLayer<T, Line<T, Vectors>> {
    static constexpr std::size_t stride = Vectors * vector_size<T>, splits = 4;
    alignas(64) T W[lookahead_inputs * stride];

    FirstLayer(const Layer& layer, const T* parameters) {
        for (std::size_t k = 0; k < layer.inputs; ++k) {
            Line<T, Vectors> w;
            load_row(layer.outputs, parameters + layer.weights + k * layer.stride, w);
            store_row(stride, w, W + k * stride);
        }
    }
    void store_to(const Layer& layer, T* parameters) const {
        for (std::size_t k = 0; k < layer.inputs; ++k) {
            Line<T, Vectors> w;
            load_row(stride, W + k * stride, w);
            store_row(layer.outputs, w, parameters + layer.weights + k * layer.stride);
        }
    }

    // W += x' step and b += step; then x W + b.
    DENSIMD_INLINE Line<T, Vectors> step_and_logits(std::size_t in, Line<T, Vectors>& b, const T* x_before,
                                                    const Line<T, Vectors>& step, const T* x) {
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
        Line<T, Vectors> z;
        DENSIMD_UNROLLED (v, Vectors) z.part[v] = (sum[0][v] + sum[2][v]) + (sum[1][v] + sum[3][v]);
        return z;
    }
};

// One output: W is a column, whose vectors lie along the inputs.
template <class T>
struct FirstLayer<T, Single<T>> {
    alignas(64) T W[lookahead_inputs] = {};

    FirstLayer(const Layer& layer, const T* parameters) {
        for (std::size_t k = 0; k < layer.inputs; ++k) W[k] = parameters[layer.weights + k * layer.stride];
    }
    void store_to(const Layer& layer, T* parameters) const {
        for (std::size_t k = 0; k < layer.inputs; ++k) parameters[layer.weights + k * layer.stride] = W[k];
    }

    DENSIMD_INLINE Single<T> step_and_logits(std::size_t in, Single<T>& b, const T* x_before,
                                             const Single<T>& step, const T* x) {
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

// Without a last layer of its own: the first one is the last.
template <class T, class Row>
struct NoOutputNeuron {
    explicit NoOutputNeuron(const PerSampleTraining<T>&) {}
    void store_to(const PerSampleTraining<T>&) const {}

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

// A last layer of one output, all in registers. The bias is the first lane's start of the sum, so that it
// costs no addition of its own.
template <class T, std::size_t Vectors>
struct OutputNeuron {
    Line<T, Vectors> w, mask;  // mask: the ends of rows
    Batch<T> b, b_factor;
    // dz of the first layer is derivative last_dz; the first factor is known long before the second.
    Line<T, Vectors> derivative;
    Batch<T> last_dz = Batch<T>(T(0));

    explicit OutputNeuron(const PerSampleTraining<T>& job) {
        const Layer& layer = job.layers[1];
        const T scale = -job.learning_rate;
        load_row(layer.inputs, static_cast<const T*>(job.parameters + layer.weights), w);
        for_each_part<T, Vectors>(layer.inputs,
                                  [&](std::size_t v, std::size_t, std::size_t n) DENSIMD_INLINE_LAMBDA {
                                      mask.part[v] = Simd::load_partial(all_ones<T>.value, n);
                                  });
        b = Simd::load_partial(job.parameters + layer.biases, 1);
        b_factor = Simd::load_partial(&scale, 1);
        DENSIMD_UNROLLED (v, Vectors) derivative.part[v] = Batch<T>(T(0));
    }
    void store_to(const PerSampleTraining<T>& job) const {
        const Layer& layer = job.layers[1];
        store_row(layer.inputs, w, job.parameters + layer.weights);
        job.parameters[layer.biases] = Simd::first(b);
    }

    DENSIMD_INLINE Line<T, Vectors> multiplier(Batch<T> G) const {
        Line<T, Vectors> row;
        DENSIMD_UNROLLED (v, Vectors) row.part[v] = G * derivative.part[v];
        return row;
    }
    DENSIMD_INLINE void add_step(const Line<T, Vectors>& multiplier, const Line<T, Vectors>&,
                                 Line<T, Vectors>& z) const {
        DENSIMD_UNROLLED (v, Vectors) z.part[v] = Simd::fma(multiplier.part[v], last_dz, z.part[v]);
    }

    DENSIMD_INLINE Single<T> logit(const Line<T, Vectors>& a) const {
        LaneSum<T> sum;
        sum.part[0] = b;
        DENSIMD_UNROLLED (v, Vectors) sum.part[v] = Simd::fma(a.part[v], w.part[v], sum.part[v]);
        return {Simd::sum_in_all_lanes(sum_of(sum.part))};
    }
    DENSIMD_INLINE void step(const Line<T, Vectors>& a, Batch<T> factor, const Single<T>& dz) {
        DENSIMD_UNROLLED (v, Vectors) w.part[v] = Simd::fma(factor * a.part[v], dz.lanes, w.part[v]);
        b = Simd::fma(b_factor, dz.lanes, b);
    }
};

// For tiny networks not arithmetic but one chain is the bound: from a sample's dz by the step to the next
// one's logits, activations, loss and dz. So the first layer's products leave it. They are those with the
// parameters of a step before, and what that step adds to a logit is one multiply-add:
//     z = x W + b + G dz',    G = -learning_rate (x . x' + 1),
// with x' and dz' of the sample before. While its dz' is being found, W takes the step before it and is
// multiplied with x. What is left, in cycles of Zen 4 with a sigmoid of 47, is 4 + 47 + 9 for dz = 60 per
// sample of 8-1. A layer of one output behind the first adds a product, a sum of 16 lanes and a second
// sigmoid: 4 + 22 + 47 more, 133 for 8-16-1.
//
// exp(-z) of the first layer could leave the chain as well, a polynomial in G dz' taking its place. But then
// so many instructions belong to a sample that two do not fit into the reorder buffer: no gain for 8-1.
template <class T>
struct Lookahead {
    const PerSampleTraining<T>& job;
    const Layer &first = job.layers[0], &last = job.layers[job.depth - 1];
    const Activation last_activation = takes_logits(job.loss) ? Activation::identity : last.activation;

    // The loss of a row of outputs and its gradient.
    DENSIMD_INLINE T loss_of(const Single<T>& a, const T* y, Single<T>& da) const {
        const Term<T> term = term_by<T>(job.loss, a.lanes, Batch<T>(*y));
        da.lanes = term.gradient;
        return Simd::first(term.loss);
    }
    template <std::size_t Vectors>
    DENSIMD_INLINE T loss_of(const Line<T, Vectors>& a, const T* y, Line<T, Vectors>& da) const {
        const Batch<T> share(T(1) / static_cast<T>(last.outputs));
        LaneSum<T> sum;
        for_each_part<T, Vectors>(
            last.outputs, [&](std::size_t v, std::size_t j, std::size_t n) DENSIMD_INLINE_LAMBDA {
                const Term<T> term = term_by<T>(job.loss, a.part[v], load<true>(y + j, n));
                da.part[v] = first_elements<true>(term.gradient * share, n);
                sum.part[v] = first_elements<true>(term.loss * share, n);
            });
        return sum.total();
    }

    DENSIMD_INLINE void store_outputs(const Single<T>& a, T* to) const { *to = Simd::first(a.lanes); }
    template <std::size_t Vectors>
    DENSIMD_INLINE void store_outputs(const Line<T, Vectors>& a, T* to) const {
        store_row(last.outputs, a, to);
    }

    // From the logits of the last layer to its dz. False if the loss is not finite.
    template <class Row>
    DENSIMD_INLINE bool finish(Row& row, std::size_t i, const T* y) const {
        const auto activate = [&](Batch<T>& z) DENSIMD_INLINE_LAMBDA { z = value_by<T>(last_activation, z); };
        for_each_vector_of(activate, row);
        Row dz;
        const T loss = loss_of(row, y, dz);
        const auto derive = [&](Batch<T>& gradient, Batch<T> a) DENSIMD_INLINE_LAMBDA {
            gradient = gradient_by<T>(last_activation, a, gradient);
        };
        for_each_vector_of(derive, dz, row);
        if (job.outputs) store_outputs(row, job.outputs + i * job.ldo);
        job.losses[i] = loss;
        row = dz;
        return loss - loss == 0;
    }

    // From the logits of the first layer, to its dz.
    template <class Row>
    DENSIMD_INLINE bool after_first(NoOutputNeuron<T, Row>&, Batch<T>, Row& row, std::size_t i, const T* y) const {
        return finish(row, i, y);
    }
    template <std::size_t Vectors>
    DENSIMD_INLINE bool after_first(OutputNeuron<T, Vectors>& head, Batch<T> factor, Line<T, Vectors>& row,
                                    std::size_t i, const T* y) const {
        DENSIMD_UNROLLED (v, Vectors) {
            row.part[v] = value_by<T>(first.activation, row.part[v]) & head.mask.part[v];
            head.derivative.part[v] = gradient_by<T>(first.activation, row.part[v], head.w.part[v]);
        }
        Single<T> dz = head.logit(row);
        if (!finish(dz, i, y)) return false;
        head.step(row, factor, dz);
        head.last_dz = dz.lanes;
        DENSIMD_UNROLLED (v, Vectors) row.part[v] = head.derivative.part[v] * dz.lanes;
        return true;
    }

    template <class Row, class Last>
    std::size_t run(std::size_t samples) const {
        const Batch<T> factor(-job.learning_rate), zero(T(0)), one(T(1));
        static constexpr T zeros[lookahead_inputs] = {};
        FirstLayer<T, Row> layer(first, job.parameters);
        Last rest(job);
        const std::size_t in = first.inputs;
        // The two samples whose steps W has yet to take. That of `before` is factor dz.
        const T *stepping = zeros, *before = zeros;
        Row step, dz, b;
        load_row(first.outputs, static_cast<const T*>(job.parameters + first.biases), b);
        const auto clear = [zero](Batch<T>& x) DENSIMD_INLINE_LAMBDA { x = zero; };
        const auto scale = [factor](Batch<T>& to, Batch<T> from)
                               DENSIMD_INLINE_LAMBDA { to = factor * from; };
        for_each_vector_of(clear, step);
        for_each_vector_of(clear, dz);
        std::size_t i = 0;
        for (; i < samples; ++i) {
            const std::size_t source_row = job.order ? job.order[i] : i;
            const T* const x = job.X + source_row * job.ldx;
            Row z = layer.step_and_logits(in, b, stepping, step, x);
            const Row multiplier = rest.multiplier(factor * (dot_in_all_lanes(in, x, before) + one));
            if (is_finite_row(multiplier)) [[likely]] {
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
            if (!after_first(rest, factor, z, i, job.Y + source_row * job.ldy)) break;
            dz = z;
        }
        layer.step_and_logits(in, b, stepping, step, zeros);
        if (i == samples) {
            for_each_vector_of(scale, step, dz);
            layer.step_and_logits(in, b, before, step, zeros);
        }
        layer.store_to(first, job.parameters);
        store_row(first.outputs, b, job.parameters + first.biases);
        rest.store_to(job);
        return i;
    }

    template <std::size_t Vectors = vectors_per_line<T>>
    std::size_t run_lines(std::size_t samples) const {
        if constexpr (Vectors > 1 && !machine<T>.is_lean)
            if (first.outputs <= (Vectors - 1) * vector_size<T>) return run_lines<Vectors - 1>(samples);
        if (job.depth > 1) return run<Line<T, Vectors>, OutputNeuron<T, Vectors>>(samples);
        return run<Line<T, Vectors>, NoOutputNeuron<T, Line<T, Vectors>>>(samples);
    }
};

template <class T>
std::size_t train_looking_ahead(std::size_t samples, const PerSampleTraining<T>& job) {
    const Lookahead<T> lookahead{job};
    if (samples == 0) return 0;
    if (job.depth == 1 && lookahead.first.outputs == 1)
        return lookahead.template run<Single<T>, NoOutputNeuron<T, Single<T>>>(samples);
    return lookahead.run_lines(samples);
}

}  // namespace
}  // namespace densimd::kernels
