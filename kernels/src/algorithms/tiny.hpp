// Steps with a mini-batch of a single output, fed by a few inputs or by a narrow layer.
#pragma once

#include "algorithms/dense.hpp"
#include "algorithms/lookahead.hpp"

namespace densimd::kernels {
namespace {

// A vector of the narrow layer's outputs, `count` of them: its parameters, the output's weights for it, and
// its columns of A. Only if Partial are there fewer than a vector has lanes. The first one updates the
// output's bias.
template <class T, bool Partial, class Function>
struct NarrowVector {
    const TinyTraining<T>& job;
    std::size_t count;
    T *W, *b, *output_w, *A;
    bool is_first;

    // As forward_narrow_rows, but the sums of a tile are made before the activation of the one before, so
    // that neither waits for the other, and the last tile begins early rather than end late. Out of line, as
    // is `step`: their constants are not to be loaded for another activation.
    [[gnu::noinline]] void forward(std::size_t batch) const {
        constexpr std::size_t at_once = rows_of_narrow_tile;
        // Locals: fields could change under the stores.
        const T *const X = job.X, *const weights = W;
        T* const a = A;
        const std::size_t* const order = job.order;
        const std::size_t inputs = job.layers[0].inputs, ldw = job.layers[0].stride, n = count;
        const std::size_t ldx = job.ldx, lda = job.lda;
        const Batch<T> bias = load<Partial>(b, n);
        const Function function;
        std::size_t index[at_once];
        DENSIMD_UNROLLED (r, at_once) index[r] = r < batch ? r : batch - 1;
        const auto multiply = [&](std::size_t row, Batch<T>(&z)[at_once]) DENSIMD_INLINE_LAMBDA {
            const T* x[at_once];
            DENSIMD_UNROLLED (r, at_once) x[r] = X + (order ? order[row + index[r]] : row + index[r]) * ldx;
            narrow_tile<Partial>(inputs, x, weights, ldw, n, bias, z);
        };
        Batch<T> z[at_once];
        multiply(0, z);
        for (std::size_t row = 0, next; row < batch; row = next) {
            next = row + at_once;
            Batch<T> next_z[at_once];
            DENSIMD_UNROLLED (r, at_once) next_z[r] = z[r];
            if (next < batch) {
                if (next + at_once > batch) next = batch - at_once;
                multiply(next, next_z);
            }
            activate_rows(function, z);
            DENSIMD_UNROLLED (r, at_once) {
                store<Partial>(a + (row + index[r]) * lda, n, z[r]);
                z[r] = next_z[r];
            }
        }
    }

    // dZ of the layer is made from dz of the output as it is needed, and goes from there to the sums over the
    // batch, of W's rows, of the output's weights and of the biases, all in registers: it never reaches
    // memory. Where these are too few for all sums, dZ is made once more. Bound: arithmetic, for a row of the
    // batch a multiply-add per row of W, two for the output's weights and what the derivative takes.
    [[gnu::noinline]] void step(std::size_t batch) const {
        constexpr std::size_t at_once = Simd::accumulators >= 20 ? tiny_inputs : tiny_inputs / 4;
        const std::size_t inputs = job.layers[0].inputs;
        const Batch<T> old_output_w = load<Partial>(output_w, count);
        if (inputs >= at_once)
            update<at_once, true, true>(batch, 0, old_output_w);
        else
            update<at_once, true, false>(batch, 0, old_output_w);
        if constexpr (at_once < tiny_inputs)
            if (inputs > at_once) update<tiny_inputs - at_once, false, false>(batch, at_once, old_output_w);
    }

  private:
    // `Rows` rows of W from `first` on; unless Whole there may be fewer, and the sums of others are made and
    // dropped. What belongs to no row of W is updated if All.
    template <std::size_t Rows, bool All, bool Whole>
    DENSIMD_INLINE void update(std::size_t batch, std::size_t first, Batch<T> w) const {
        const Batch<T> zero(T(0)), scale(job.scale);
        const T *const X = job.X + first, *const a = A, *const output_dz = job.dz;
        const std::size_t* const order = job.order;
        const std::size_t ldx = job.ldx, lda = job.lda, n = count, rows = job.layers[0].inputs - first;
        const Function function;
        std::size_t column[Rows];
        Batch<T> sum[Rows];
        DENSIMD_UNROLLED (k, Rows) {
            column[k] = Whole || k < rows ? k : rows - 1;
            sum[k] = zero;
        }
        Batch<T> w_sum[4] = {zero, zero, zero, zero}, b_sum[4] = {zero, zero, zero, zero};
        Batch<T> output_b_sum[4] = {zero, zero, zero, zero};
        for_each_row_of_four_sums(batch, [&](std::size_t i, std::size_t s) DENSIMD_INLINE_LAMBDA {
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
            if (Whole || k < rows) update_vector(W + (first + k) * job.layers[0].stride, sum[k]);
        if constexpr (All) {
            update_vector(output_w, sum_of(w_sum));
            update_vector(b, sum_of(b_sum));
            T* const output_b = job.parameters + job.layers[1].biases;
            if (is_first)
                Simd::store_partial(output_b, 1,
                                    updated<T>(scale, sum_of(output_b_sum), Batch<T>(*output_b)));
        }
    }
};

// Calls body(NarrowVector) for the vectors of the narrow layer's outputs.
template <class T, class Body>
DENSIMD_INLINE void for_each_narrow_vector(const TinyTraining<T>& job, const Body& body) {
    const Layer &layer = job.layers[0], &output = job.layers[1];
    for_each_vector<T>(layer.outputs, [&](std::size_t j, std::size_t count, auto kind) DENSIMD_INLINE_LAMBDA {
        const auto with = [&]<class Function>(Function) DENSIMD_INLINE_LAMBDA {
            body(NarrowVector<T, decltype(kind)::partial, Function>{
                job, count, job.parameters + layer.weights + j, job.parameters + layer.biases + j,
                job.parameters + output.weights + j, job.A + j, j == 0});
        };
        if (layer.activation == Activation::sigmoid)
            with(SigmoidActivation<T>{});
        else if (layer.activation == Activation::tanh)
            with(TanhActivation<T>{});
        else
            with(ReluActivation<T>{});
    });
}

// The rows of the batch, at most tiny_inputs elements long, in as few vectors as hold them.
template <class T>
struct ShortRows {
    static constexpr std::size_t vectors = (tiny_inputs + width<T> - 1) / width<T>;

    const T* X;
    std::size_t ldx, inputs;
    const std::size_t* order;

    explicit ShortRows(const TinyTraining<T>& job)
        : X(job.X), ldx(job.ldx), inputs(job.layers[0].inputs), order(job.order) {}

    DENSIMD_INLINE void load(std::size_t i, Batch<T> (&x)[vectors]) const {
        const T* const row = X + (order ? order[i] : i) * ldx;
        load_parts(row, x);
    }
    DENSIMD_INLINE void load_parts(const T* from, Batch<T> (&x)[vectors]) const {
        DENSIMD_UNROLLED (v, vectors)
            x[v] = Simd::load_partial(from + v * width<T>, count_in_vector<T>(inputs, v));
    }
};

// A single output fed by the inputs: its logits, in the order of a LaneSum.
template <class T>
void forward_single(std::size_t batch, const TinyTraining<T>& job) {
    constexpr std::size_t at_once = Simd::sums_at_once<T>, vectors = ShortRows<T>::vectors;
    const Layer& layer = job.layers[0];
    const ShortRows<T> rows(job);
    T* const outputs = job.outputs;
    Batch<T> w[vectors];
    rows.load_parts(job.parameters + layer.weights, w);
    const auto sums_of_rows = [&](std::size_t row, std::size_t last, T* sums) DENSIMD_INLINE_LAMBDA {
        Batch<T> terms[at_once];
        DENSIMD_UNROLLED (r, at_once) {
            Batch<T> x[vectors];
            rows.load(row + r < last ? row + r : last, x);
            DENSIMD_UNROLLED (v, vectors) x[v] = x[v] * w[v];
            terms[r] = sum_of(x);
        }
        Simd::sums(terms, sums);
    };
    std::size_t row = 0;
    for (; row + at_once <= batch; row += at_once) sums_of_rows(row, row + at_once, outputs + row);
    if (row < batch) {
        T sums[at_once];
        sums_of_rows(row, batch - 1, sums);
        for (std::size_t r = 0; row + r < batch; ++r) outputs[row + r] = sums[r];
    }
    const Batch<T> zero(T(0)), bias(job.parameters[layer.biases]);
    map(
        batch, outputs, [=](Batch<T> sum) { return (sum + zero) + bias; }, outputs);
}

// Bound: a load and a multiply-add per row and vector of inputs.
template <class T>
void step_single(std::size_t batch, const TinyTraining<T>& job) {
    constexpr std::size_t vectors = ShortRows<T>::vectors;
    const Layer& layer = job.layers[0];
    T *const W = job.parameters + layer.weights, *const b = job.parameters + layer.biases;
    const T* const dz = job.dz;
    const ShortRows<T> rows(job);
    const Batch<T> zero(T(0)), scale(job.scale);
    Batch<T> sum[vectors][4], bias_sum[4] = {zero, zero, zero, zero};
    DENSIMD_UNROLLED (v, vectors)
        DENSIMD_UNROLLED (s, 4) sum[v][s] = zero;
    for_each_row_of_four_sums(batch, [&](std::size_t i, std::size_t s) DENSIMD_INLINE_LAMBDA {
        const Batch<T> last(dz[i]);
        Batch<T> x[vectors];
        rows.load(i, x);
        DENSIMD_UNROLLED (v, vectors) sum[v][s] = Simd::fma(last, x[v], sum[v][s]);
        bias_sum[s] = bias_sum[s] + last;
    });
    Batch<T> w[vectors];
    rows.load_parts(W, w);
    DENSIMD_UNROLLED (v, vectors)
        Simd::store_partial(W + v * width<T>, count_in_vector<T>(layer.inputs, v),
                            updated<T>(scale, sum_of(sum[v]), w[v]));
    Simd::store_partial(b, 1, updated<T>(scale, sum_of(bias_sum), Batch<T>(*b)));
}

// X is read where it lies; A is small enough to wait in L1 for the output and for the step.
template <class T>
void tiny_forward_kernel(std::size_t batch, const TinyTraining<T>& job) noexcept {
    if (batch == 0) return;
    const Layer& output = job.layers[job.depth - 1];
    T* const outputs = job.outputs;
    if (job.depth == 1) {
        forward_single(batch, job);
    } else {
        for_each_narrow_vector(job, [&](const auto& vector) { vector.forward(batch); });
        forward_one_output(batch, output.inputs, 1, job.A, job.lda, job.parameters + output.weights, 1,
                           job.parameters + output.biases, Activation::identity, outputs, 1);
    }
    const Activation activation = takes_logits(job.loss) ? Activation::identity : output.activation;
    for_each_vector<T>(batch, [&](std::size_t i, std::size_t n, auto kind) {
        constexpr bool partial = decltype(kind)::partial;
        const Batch<T> a = value_by<T>(activation, load<partial>(outputs + i, n));
        const Term<T> term = term_by<T>(job.loss, a, load<partial>(job.y + i, n));
        store<partial>(outputs + i, n, a);
        store<partial>(job.losses + i, n, term.loss + Batch<T>(T(0)));  // as LaneSum::total
        store<partial>(job.dz + i, n, gradient_by<T>(activation, a, term.gradient));
    });
}

template <class T>
void tiny_step_kernel(std::size_t batch, const TinyTraining<T>& job) noexcept {
    if (job.depth == 1)
        step_single(batch, job);
    else
        for_each_narrow_vector(job, [&](const auto& vector) { vector.step(batch); });
}

}  // namespace
}  // namespace densimd::kernels
