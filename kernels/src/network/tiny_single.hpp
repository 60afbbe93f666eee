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

// One pass over the rows of a batch: some of them stay in registers from their logits to their share of dW,
// in four sums; the next ones' logits are made before, so that they do not queue behind what waits for the
// activation. W and b stay in registers from step to step. Bound: with small batches the latency of a step,
// about 110 cycles and one multiply-add for each four rows (155 as measured on Zen 5 for 32); with large
// ones, with AVX-512, 125 operations on vectors for 16 rows, 31 cycles, of which so many wait for others in
// the scheduler that it takes 58.
template <bool Whole, bool Ordered, class T>
[[gnu::noinline]] std::size_t single_steps_of(const Training<T>& training, std::size_t first, std::size_t steps,
                                              T* losses, T* outputs) {
    const OutputTerms<T> last_layer(training);
    TinyStep<T> now(training, first, losses, outputs);
    using Rows = PackedRows<T>;
    using Group = typename Rows::Group;
    constexpr std::size_t w = vector_size<T>, at_once = Rows::at_once, together = Rows::together,
                          groups = Rows::groups, vectors = Rows::vectors, sums = 4 / together;
    const Layer& layer = now.layers[0];
    T *const W = now.parameters + layer.weights, *const b = now.parameters + layer.biases;
    const std::size_t inputs = layer.inputs, batch = now.batch, ldx = now.ldx, ldy = now.ldy;
    const Batch<T> zero(T(0)), scale(now.scale);
    typename Rows::Weights weights;
    weights.template load<Whole>(W, inputs);
    Batch<T> bias(*b);

    std::size_t step = 0;
    for (; step < steps; ++step) {
        Batch<T> sum[sums][vectors], bias_sum[sums];
        DENSIMD_UNROLLED (s, sums) {
            DENSIMD_UNROLLED (v, vectors) sum[s][v] = zero;
            bias_sum[s] = zero;
        }
        FiniteCheck<T> check;
        const Batch<T> added = bias + zero;  // never -0, and so no logit: as LaneSum::total

        struct Forward {
            Group x[groups];
            Batch<T> z[Rows::number_vectors], y[Rows::number_vectors];
        };
        const auto forward = [&](std::size_t i, std::size_t n, auto kind) DENSIMD_INLINE_LAMBDA {
            constexpr bool partial = decltype(kind)::partial;
            const auto at = [&](std::size_t r) DENSIMD_INLINE_LAMBDA {
                const std::size_t row = i + (partial && r >= n ? n - 1 : r);
                return Ordered ? now.order[row] : row;
            };
            Forward rows;
            DENSIMD_UNROLLED (g, groups) {
                const T* x[together];
                DENSIMD_UNROLLED (r, together) {
                    const std::size_t k = g * together + r;
                    x[r] = partial && k >= n ? no_row<T> : now.X + at(k) * ldx;
                }
                Rows::template load<Whole>(x, inputs, rows.x[g]);
            }
            DENSIMD_UNROLLED (u, Rows::number_vectors) {
                rows.z[u] = weights.dots(rows.x + u * groups / Rows::number_vectors) + added;
                rows.y[u] = Rows::of_rows([&](std::size_t r)
                                              DENSIMD_INLINE_LAMBDA { return now.Y[at(u * w + r) * ldy]; });
            }
            return rows;
        };
        const auto finish = [&](const Forward& rows, std::size_t i, std::size_t n,
                                auto kind) DENSIMD_INLINE_LAMBDA {
            constexpr bool partial = decltype(kind)::partial;
            DENSIMD_UNROLLED (u, Rows::number_vectors) {
                const std::size_t at = i + u * w, count = count_in_vector<T>(n, u);
                auto [output, loss, dz] = last_layer.terms(rows.z[u], rows.y[u]);
                loss = Rows::to_rows(loss);
                store<partial>(now.losses + at, count, loss);
                if (now.outputs) store<partial>(now.outputs + at, count, Rows::to_rows(output));
                check.template add<partial>(loss, count);
                if constexpr (partial) dz = Rows::from_rows(first_or_minus_zero(Rows::to_rows(dz), count));
                const typename Rows::Spread spread(dz);
                const auto add_group = [&](auto k) DENSIMD_INLINE_LAMBDA {
                    const std::size_t g = u * groups / Rows::number_vectors + k, s = g % sums;
                    const Batch<T> d = spread(k);
                    DENSIMD_UNROLLED (v, vectors) sum[s][v] = Simd::fma(d, rows.x[g][v], sum[s][v]);
                    bias_sum[s] = bias_sum[s] + d;
                };
                [&]<std::size_t... K>(std::index_sequence<K...>) DENSIMD_INLINE_LAMBDA {
                    (add_group(std::integral_constant<std::size_t, K>{}), ...);
                }
                (std::make_index_sequence<groups / Rows::number_vectors>{});
            }
        };
        std::size_t i = 0;
        Forward next = forward(0, at_once, Full{});
        while (i + at_once <= batch) {
            const Forward rows = next;
            if (i + 2 * at_once <= batch) next = forward(i + at_once, at_once, Full{});
            finish(rows, i, at_once, Full{});
            i += at_once;
        }
        if (i < batch) finish(forward(i, batch - i, Partial{}), i, batch - i, Partial{});
        if (!check.passed()) break;
        Group gradient;
        DENSIMD_UNROLLED (v, vectors) {
            Batch<T> parts[sums];
            DENSIMD_UNROLLED (s, sums) parts[s] = sum[s][v];
            gradient[v] = sum_of(parts);
        }
        weights.update(scale, gradient);
        bias = updated<T>(scale, Rows::joined(sum_of(bias_sum)), bias);
        now.advance();
    }
    weights.store(W, inputs);
    Simd::store_partial(b, 1, bias);
    return step;
}
static_assert(tiny_rows >= PackedRows<float>::at_once && tiny_rows >= PackedRows<double>::at_once);

template <class T>
std::size_t single_steps(const Training<T>& training, std::size_t first, std::size_t steps, T* losses, T* outputs) {
    if (!training.order) return single_steps_of<false, false>(training, first, steps, losses, outputs);
    if (training.layers[0].inputs < tiny_inputs)
        return single_steps_of<false, true>(training, first, steps, losses, outputs);
    return single_steps_of<true, true>(training, first, steps, losses, outputs);
}

}  // namespace
}  // namespace densimd::kernels
