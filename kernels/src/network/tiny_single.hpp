// Steps with mini-batches of a single output that a few inputs feed.
#pragma once

#include <utility>

#include "network/output.hpp"
#include "network/packed_rows.hpp"

namespace densimd::kernels {
namespace {

// A step's samples, and the memory for it.
template <class T>
struct TinyStep {
    const Layer* layers;
    std::size_t depth, batch;
    T* parameters;
    T scale;  // of the gradients' sums
    const T *X, *Y;
    std::size_t ldx, ldy;
    const std::size_t* order;
    T *losses, *outputs;  // outputs: null if not wanted
    T *A, *dz;            // of two layers: [batch][lda] and [batch]
    std::size_t lda;

    TinyStep(const Training<T>& training, std::size_t first, T* all_losses, T* all_outputs)
        : layers(training.layers),
          depth(training.depth),
          batch(training.batch),
          parameters(training.parameters),
          scale(-training.learning_rate / static_cast<T>(batch)),
          X(training.X + (training.order ? 0 : first * training.ldx)),
          Y(training.Y + (training.order ? 0 : first * training.ldy)),
          ldx(training.ldx),
          ldy(training.ldy),
          order(training.order ? training.order + first : nullptr),
          losses(all_losses),
          outputs(all_outputs),
          A(training.memory),
          dz(A + batch * tiny_stride<T>(depth, layers)),
          lda(tiny_stride<T>(depth, layers)) {}

    void advance() {
        if (order) {
            order += batch;
        } else {
            X += batch * ldx;
            Y += batch * ldy;
        }
        if (outputs) outputs += batch;
        losses += batch;
    }
};

// For rows that are not there: zeros, and a dz that changes no sum, not even -0.
template <class T>
constexpr T no_row[tiny_inputs] = {};
template <class T>
DENSIMD_INLINE Batch<T> first_or_minus_zero(Batch<T> dz, std::size_t n) {
    const Batch<T> minus_zero(T(-0.0));
    return first_elements<true>(dz, n) ^ (minus_zero ^ first_elements<true>(minus_zero, n));
}

// Rows on their way through a step: their inputs, logits and targets.
template <class T>
struct TinyRows {
    using Rows = PackedRows<T>;

    typename Rows::Group x[Rows::groups];
    Batch<T> z[Rows::number_vectors], y[Rows::number_vectors];
};

// The sums over a batch that a step is made of, each in four parts, and whether all losses are finite.
template <class T>
struct TinySums {
    using Rows = PackedRows<T>;
    static constexpr std::size_t parts = 4 / Rows::rows_per_vector, vectors = Rows::vectors;

    Batch<T> weights[parts][vectors], bias[parts];
    FiniteCheck<T> check;

    DENSIMD_INLINE TinySums() {
        DENSIMD_UNROLLED (s, parts) {
            DENSIMD_UNROLLED (v, vectors) weights[s][v] = Batch<T>(T(0));
            bias[s] = Batch<T>(T(0));
        }
    }
    DENSIMD_INLINE Batch<T> of_weights(std::size_t v) const {
        Batch<T> sums[parts];
        DENSIMD_UNROLLED (s, parts) sums[s] = weights[s][v];
        return sum_of(sums);
    }
};

// Rows i .. i + n - 1 of the batch up to their logits. bias: not -0.
template <bool Whole, bool Ordered, class Kind, class T>
DENSIMD_INLINE TinyRows<T> multiply_rows(const TinyStep<T>& now, const typename PackedRows<T>::Weights& weights,
                                         Batch<T> bias, std::size_t i, std::size_t n, Kind) {
    using Rows = PackedRows<T>;
    constexpr std::size_t per_vector = Rows::rows_per_vector;
    const auto at = [&](std::size_t r) DENSIMD_INLINE_LAMBDA {
        const std::size_t row = i + (Kind::partial && r >= n ? n - 1 : r);
        return Ordered ? now.order[row] : row;
    };
    TinyRows<T> rows;
    DENSIMD_UNROLLED (g, Rows::groups) {
        const T* x[per_vector];
        DENSIMD_UNROLLED (r, per_vector) {
            const std::size_t k = g * per_vector + r;
            x[r] = Kind::partial && k >= n ? no_row<T> : now.X + at(k) * now.ldx;
        }
        Rows::template load<Whole>(x, now.layers[0].inputs, rows.x[g]);
    }
    DENSIMD_UNROLLED (u, Rows::number_vectors) {
        rows.z[u] = weights.dots(rows.x + u * Rows::groups / Rows::number_vectors) + bias;
        rows.y[u] = Rows::of_rows([&](std::size_t r) DENSIMD_INLINE_LAMBDA {
            return now.Y[at(u * vector_size<T> + r) * now.ldy];
        });
    }
    return rows;
}

// Their losses, and their share of the sums.
template <class Kind, class T>
DENSIMD_INLINE void add_rows(const TinyStep<T>& now, const OutputTerms<T>& last_layer, const TinyRows<T>& rows,
                             std::size_t i, std::size_t n, Kind, TinySums<T>& sums) {
    using Rows = PackedRows<T>;
    constexpr bool partial = Kind::partial;
    constexpr std::size_t groups = Rows::groups / Rows::number_vectors;
    DENSIMD_UNROLLED (u, Rows::number_vectors) {
        const std::size_t at = i + u * vector_size<T>, count = count_in_vector<T>(n, u);
        auto [output, loss, dz] = last_layer.terms(rows.z[u], rows.y[u]);
        loss = Rows::to_rows(loss);
        store<partial>(now.losses + at, count, loss);
        if (now.outputs) store<partial>(now.outputs + at, count, Rows::to_rows(output));
        sums.check.template add<partial>(loss, count);
        if constexpr (partial) dz = Rows::from_rows(first_or_minus_zero(Rows::to_rows(dz), count));
        const typename Rows::LaneBroadcast of_row(dz);
        const auto add_group = [&](auto k) DENSIMD_INLINE_LAMBDA {
            const std::size_t g = u * groups + k, s = g % TinySums<T>::parts;
            const Batch<T> d = of_row(k);
            DENSIMD_UNROLLED (v, Rows::vectors)
                sums.weights[s][v] = Simd::fma(d, rows.x[g][v], sums.weights[s][v]);
            sums.bias[s] = sums.bias[s] + d;
        };
        [&]<std::size_t... K>(std::index_sequence<K...>) DENSIMD_INLINE_LAMBDA {
            (add_group(std::integral_constant<std::size_t, K>{}), ...);
        }
        (std::make_index_sequence<groups>{});
    }
}

// One pass over the rows of a batch. Some of them at a time stay in registers from their logits to their share of dW;
// the logits of the next ones are computed before, so that they do not queue behind what waits for the activation. W
// and b stay in registers from step to step. Bound: with small batches the latency of a step, about 110 cycles and one
// multiply-add for each four rows (155 as measured on Zen 5 for 32); with large ones, with AVX-512, 125 operations on
// vectors for 16 rows, 31 cycles, of which so many wait for others in the scheduler that it takes 58.
template <bool Whole, bool Ordered, class T>
[[gnu::noinline]] std::size_t single_steps_of(const Training<T>& training, std::size_t first, std::size_t steps,
                                              T* losses, T* outputs) {
    using Rows = PackedRows<T>;
    constexpr std::size_t rows_per_pass = Rows::rows;
    const OutputTerms<T> last_layer(training);
    TinyStep<T> now(training, first, losses, outputs);
    const Layer& layer = now.layers[0];
    T *const W = now.parameters + layer.weights, *const b = now.parameters + layer.biases;
    const std::size_t inputs = layer.inputs, batch = now.batch;
    const Batch<T> scale(now.scale);
    typename Rows::Weights weights;
    weights.template load<Whole>(W, inputs);
    Batch<T> bias(*b);

    std::size_t step = 0;
    for (; step < steps; ++step) {
        TinySums<T> sums;
        const Batch<T> added = bias + Batch<T>(T(0));  // never -0, and so no logit: as LaneSum::total
        const auto multiply = [&](std::size_t i, std::size_t n, auto kind) DENSIMD_INLINE_LAMBDA {
            return multiply_rows<Whole, Ordered>(now, weights, added, i, n, kind);
        };
        std::size_t i = 0;
        TinyRows<T> next = multiply(0, rows_per_pass, Full{});
        while (i + rows_per_pass <= batch) {
            const TinyRows<T> rows = next;
            if (i + 2 * rows_per_pass <= batch) next = multiply(i + rows_per_pass, rows_per_pass, Full{});
            add_rows(now, last_layer, rows, i, rows_per_pass, Full{}, sums);
            i += rows_per_pass;
        }
        if (i < batch)
            add_rows(now, last_layer, multiply(i, batch - i, Partial{}), i, batch - i, Partial{}, sums);
        if (!sums.check.passed()) break;
        typename Rows::Group gradient;
        DENSIMD_UNROLLED (v, Rows::vectors) gradient[v] = sums.of_weights(v);
        weights.update(scale, gradient);
        bias = updated<T>(scale, Rows::fold_rows(sum_of(sums.bias)), bias);
        now.advance();
    }
    weights.store(W, inputs);
    Simd::store_partial(b, 1, bias);
    return step;
}
static_assert(tiny_rows >= PackedRows<float>::rows && tiny_rows >= PackedRows<double>::rows);

template <class T>
std::size_t single_steps(const Training<T>& training, std::size_t first, std::size_t steps, T* losses, T* outputs) {
    if (!training.order) return single_steps_of<false, false>(training, first, steps, losses, outputs);
    if (training.layers[0].inputs < tiny_inputs)
        return single_steps_of<false, true>(training, first, steps, losses, outputs);
    return single_steps_of<true, true>(training, first, steps, losses, outputs);
}

}  // namespace
}  // namespace densimd::kernels
