// Steps with mini-batches of tiny networks: a narrow layer and one output neuron behind it.
#pragma once

#include "network/tiny_single.hpp"

namespace densimd::kernels {
namespace {

// A vector of `count` outputs of the narrow layer: its parameters, the output neuron's weights for it, and its columns of
// A. Only if Partial are there fewer than a vector has lanes. The first vector updates the output neuron's bias.
template <class T, bool Partial, class Function>
struct NarrowVector {
    const TinyStep<T>& now;
    std::size_t count;
    T *W, *b, *output_w, *A;
    bool is_first;

    // As forward_narrow_rows, but the sums of a tile are computed before the activation of the tile before, so that
    // neither waits for the other, and the last tile overlaps the one before it. Out of line, as is `step`, so that the
    // constants of one activation are not loaded for another.
    [[gnu::noinline]] void forward() const {
        constexpr std::size_t rows_per_tile = rows_of_narrow_tile;
        // Locals: fields could change under the stores.
        const T *const X = now.X, *const weights = W;
        T* const a = A;
        const std::size_t* const order = now.order;
        const std::size_t inputs = now.layers[0].inputs, ldw = now.layers[0].stride, n = count;
        const std::size_t batch = now.batch, ldx = now.ldx, lda = now.lda;
        const Batch<T> bias = load<Partial>(b, n);
        const Function function;
        std::size_t index[rows_per_tile];
        DENSIMD_UNROLLED (r, rows_per_tile) index[r] = r < batch ? r : batch - 1;
        const auto multiply = [&](std::size_t row, Batch<T>(&z)[rows_per_tile]) DENSIMD_INLINE_LAMBDA {
            const T* x[rows_per_tile];
            DENSIMD_UNROLLED (r, rows_per_tile) x[r] = X + (order ? order[row + index[r]] : row + index[r]) * ldx;
            narrow_tile<Partial>(inputs, x, weights, ldw, n, bias, z);
        };
        Batch<T> z[rows_per_tile];
        multiply(0, z);
        for (std::size_t row = 0, next; row < batch; row = next) {
            next = row + rows_per_tile;
            Batch<T> next_z[rows_per_tile];
            DENSIMD_UNROLLED (r, rows_per_tile) next_z[r] = z[r];
            if (next < batch) {
                if (next + rows_per_tile > batch) next = batch - rows_per_tile;
                multiply(next, next_z);
            }
            activate_rows(function, z);
            DENSIMD_UNROLLED (r, rows_per_tile) {
                store<Partial>(a + (row + index[r]) * lda, n, z[r]);
                z[r] = next_z[r];
            }
        }
    }

    // dZ of the layer is computed from dz of the output when it is needed, and added to the sums over the batch, those of
    // W's rows, of the output's weights and of the biases, all in registers: it never reaches memory. With too few
    // registers for all sums there are two passes, each of which computes dZ. Bound: arithmetic, for a row of the batch a
    // multiply-add per row of W, two for the output's weights and what the derivative takes.
    [[gnu::noinline]] void step() const {
        constexpr std::size_t rows_per_pass = Simd::accumulators >= 20 ? tiny_inputs : tiny_inputs / 4;
        const std::size_t inputs = now.layers[0].inputs;
        const Batch<T> old_output_w = load<Partial>(output_w, count);
        if (inputs >= rows_per_pass)
            update<rows_per_pass, true, true>(0, old_output_w);
        else
            update<rows_per_pass, true, false>(0, old_output_w);
        if constexpr (rows_per_pass < tiny_inputs)
            if (inputs > rows_per_pass) update<tiny_inputs - rows_per_pass, false, false>(rows_per_pass, old_output_w);
    }

  private:
    // `Rows` rows of W from `first` on; unless Whole there may be fewer, and the sums of the others are computed and
    // dropped. With All, what belongs to no row of W is updated, too.
    template <std::size_t Rows, bool All, bool Whole>
    DENSIMD_INLINE void update(std::size_t first, Batch<T> w) const {
        const Batch<T> zero(T(0)), scale(now.scale);
        const T *const X = now.X + first, *const a = A, *const output_dz = now.dz;
        const std::size_t* const order = now.order;
        const std::size_t ldx = now.ldx, lda = now.lda, n = count, rows = now.layers[0].inputs - first;
        const Function function;
        std::size_t column[Rows];
        Batch<T> sum[Rows];
        DENSIMD_UNROLLED (k, Rows) {
            column[k] = Whole || k < rows ? k : rows - 1;
            sum[k] = zero;
        }
        Batch<T> w_sum[4] = {zero, zero, zero, zero}, b_sum[4] = {zero, zero, zero, zero};
        Batch<T> output_b_sum[4] = {zero, zero, zero, zero};
        for_each_row_of_four_sums(now.batch, [&](std::size_t i, std::size_t s) DENSIMD_INLINE_LAMBDA {
            const T* const x = X + (order ? order[i] : i) * ldx;
            const Batch<T> output = load<Partial>(a + i * lda, n), last(output_dz[i]);
            const Batch<T> dz = function.gradient(output, Simd::fma(last, w, zero) + zero);
            DENSIMD_UNROLLED (k, Rows) sum[k] = Simd::fma(Batch<T>(x[column[k]]), dz, sum[k]);
            if constexpr (All) {
                w_sum[s] = Simd::fma(last, output, w_sum[s]);
                b_sum[s] = b_sum[s] + dz;
                output_b_sum[s] = output_b_sum[s] + last;
            }
        });
        const auto update_vector = [=](T* p, Batch<T> gradient) DENSIMD_INLINE_LAMBDA {
            store<Partial>(p, n, updated<T>(scale, gradient, load<Partial>(p, n)));
        };
        DENSIMD_UNROLLED (k, Rows)
            if (Whole || k < rows) update_vector(W + (first + k) * now.layers[0].stride, sum[k]);
        if constexpr (All) {
            update_vector(output_w, sum_of(w_sum));
            update_vector(b, sum_of(b_sum));
            T* const output_b = now.parameters + now.layers[1].biases;
            if (is_first)
                Simd::store_partial(output_b, 1,
                                    updated<T>(scale, sum_of(output_b_sum), Batch<T>(*output_b)));
        }
    }
};

// Calls body(NarrowVector) for the vectors of the narrow layer's outputs. Not by way of with_activation: each activation
// costs three functions, and is_tiny takes these alone.
template <class T, class Body>
DENSIMD_INLINE void for_each_narrow_vector(const TinyStep<T>& now, const Body& body) {
    const Layer &layer = now.layers[0], &output = now.layers[1];
    for_each_vector<T>(layer.outputs, [&](std::size_t j, std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
        const auto with = [&]<class Function>(Function) DENSIMD_INLINE_LAMBDA {
            body(NarrowVector<T, decltype(kind)::partial, Function>{
                now, count, now.parameters + layer.weights + j, now.parameters + layer.biases + j,
                now.parameters + output.weights + j, now.A + j, j == 0});
        };
        if (layer.activation == Activation::sigmoid)
            with(SigmoidActivation<T>{});
        else if (layer.activation == Activation::tanh)
            with(TanhActivation<T>{});
        else
            with(ReluActivation<T>{});
    });
}

// The output neuron on the layer's outputs, in A; returns whether all losses are finite.
template <class T>
bool forward_last(const OutputTerms<T>& last_layer, const TinyStep<T>& now) {
    const Layer& layer = now.layers[1];
    const std::size_t batch = now.batch;
    T *const outputs = now.outputs, *const losses = now.losses, *const dz = now.dz;
    own<T>().dense_forward(batch, layer.inputs, 1, now.A, now.lda, now.parameters + layer.weights, 1,
                           now.parameters + layer.biases, Activation::identity, dz, 1);
    FiniteCheck<T> check;
    for_each_vector<T>(batch, [&](std::size_t i, std::size_t n, auto kind) {
        constexpr bool partial = decltype(kind)::partial;
        const Batch<T> y = vector_of<T>([&](std::size_t r) DENSIMD_INLINE_LAMBDA {
            const std::size_t row = i + (partial && r >= n ? n - 1 : r);
            return now.Y[(now.order ? now.order[row] : row) * now.ldy];
        });
        const auto values = last_layer.terms(load<partial>(dz + i, n), y);
        if (outputs) store<partial>(outputs + i, n, values.output);
        store<partial>(losses + i, n, values.loss);
        store<partial>(dz + i, n, values.dz);
        check.template add<partial>(values.loss, n);
    });
    return check.passed();
}

// X is read in place; A is small enough to stay in L1 until the update.
template <class T>
std::size_t narrow_steps(const Training<T>& training, std::size_t first, std::size_t steps, T* losses, T* outputs) {
    const OutputTerms<T> output(training);
    TinyStep<T> now(training, first, losses, outputs);
    for (std::size_t step = 0; step < steps; ++step) {
        for_each_narrow_vector(now, [](const auto& vector) { vector.forward(); });
        if (!forward_last(output, now)) return step;
        for_each_narrow_vector(now, [](const auto& vector) { vector.step(); });
        now.advance();
    }
    return steps;
}

template <class T>
std::size_t tiny_steps_kernel(const Training<T>& training, std::size_t first, std::size_t steps, T* losses,
                              T* outputs) noexcept {
    return training.depth == 1 ? single_steps(training, first, steps, losses, outputs)
                               : narrow_steps(training, first, steps, losses, outputs);
}

}  // namespace
}  // namespace densimd::kernels
