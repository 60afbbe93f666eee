// Steps with mini-batches of a single output that a few inputs feed.
#pragma once

#include <utility>

#include "algorithms/dense.hpp"
#include "algorithms/lookahead.hpp"

namespace densimd::kernels {
namespace {

// What follows the logits of a network with a single output: for each row its output, loss and dz.
template <class T>
struct LastTerms {
    Activation activation;
    Loss loss;

    explicit LastTerms(const TinyTraining<T>& job)
        : activation(takes_logits(job.loss) ? Activation::identity : job.layers[job.depth - 1].activation),
          loss(job.loss) {}

    struct Values {
        Batch<T> output, loss, dz;
    };
    DENSIMD_INLINE Values operator()(Batch<T> z, Batch<T> y) const {
        const Batch<T> a = value_by<T>(activation, z);
        const Term<T> term = term_by<T>(loss, a, y);
        return {a, term.loss + Batch<T>(T(0)),  // as LaneSum::total
                gradient_by<T>(activation, a, term.gradient)};
    }
};

// Whether losses were finite: zeros, or NaNs for those that were not.
template <class T>
struct FiniteCheck {
    Batch<T> zeros = Batch<T>(T(0));

    template <bool Partial>
    DENSIMD_INLINE void add(Batch<T> loss, std::size_t n) {
        zeros = zeros + first_elements<Partial>(loss - loss, n);
    }
    DENSIMD_INLINE bool passed() const { return xsimd::all(zeros == Batch<T>(T(0))); }
};

// element(0), element(1), ... Not by way of memory: a load of a vector waits for all of several stores into
// it.
template <class T, class Element>
DENSIMD_INLINE Batch<T> vector_of(const Element& element) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) DENSIMD_INLINE_LAMBDA {
        return Batch<T>(typename Batch<T>::register_type{element(I)...});
    }
    (std::make_index_sequence<width<T>>{});
}

// A vector's worth of rows of at most tiny_inputs elements, each in as few vectors as hold it; and numbers
// for each row, in a vector.
template <class T, class Isa = Simd>
struct ShortRows {
    static constexpr std::size_t together = 1, vectors = (tiny_inputs + width<T> - 1) / width<T>;

    template <bool Whole>
    DENSIMD_INLINE static void load(const T* const (&row)[1], std::size_t n, Batch<T> (&x)[vectors]) {
        DENSIMD_UNROLLED (v, vectors)
            x[v] = kernels::load<!Whole>(row[0] + v * width<T>, count_in_vector<T>(n, v));
    }
    template <class Element>
    DENSIMD_INLINE static Batch<T> of_rows(const Element& element) {
        return vector_of<T>(element);
    }
    // Of the vectors' lanes, in the order of a LaneSum.
    DENSIMD_INLINE static Batch<T> sums(const Batch<T> (&x)[width<T>]) {
        T sums[width<T>];
        if constexpr (requires { Isa::sums(x, sums); })
            Isa::sums(x, sums);
        else
            DENSIMD_UNROLLED (i, width<T>) sums[i] = Isa::sum(x[i]);
        return kernels::load(sums);
    }
    // The number of row i in all lanes.
    struct Spread {
        T number[width<T>];
        explicit Spread(Batch<T> numbers) { numbers.store_unaligned(number); }
        DENSIMD_INLINE Batch<T> operator()(std::size_t i) const { return Batch<T>(number[i]); }
    };
    DENSIMD_INLINE static Batch<T> to_rows(Batch<T> x) { return x; }
    DENSIMD_INLINE static Batch<T> from_rows(Batch<T> x) { return x; }
    DENSIMD_INLINE static Batch<T> fold(Batch<T> x) { return x; }
};

// The same where a vector has room for two rows. Numbers for each lie in the order of the Isa's
// sums_of_pairs, from_rows takes them there and to_rows back; fold adds what belongs to one row of a pair and
// to the other.
template <class T, class Isa>
requires(TakesTwo<Isa, T>&& width<T> >= 2 * tiny_inputs) struct ShortRows<T, Isa> {
    static constexpr std::size_t together = 2, vectors = 1;

    template <bool Whole>
    DENSIMD_INLINE static void load(const T* const (&row)[2], std::size_t n, Batch<T> (&x)[1]) {
        x[0] = Isa::template two<!Whole>(row[0], row[1], n);
    }
    template <class Element>
    DENSIMD_INLINE static Batch<T> of_rows(const Element& element) {
        return Isa::of_rows(element);
    }
    DENSIMD_INLINE static Batch<T> sums(const Batch<T> (&x)[width<T> / 2]) { return Isa::sums_of_pairs(x); }
    struct Spread {
        Batch<T> numbers;
        DENSIMD_INLINE Batch<T> operator()(std::size_t pair) const { return Isa::spread(numbers, pair); }
    };
    DENSIMD_INLINE static Batch<T> to_rows(Batch<T> x) { return Isa::to_rows(x); }
    DENSIMD_INLINE static Batch<T> from_rows(Batch<T> x) { return Isa::from_rows(x); }
    DENSIMD_INLINE static Batch<T> fold(Batch<T> x) { return Isa::fold(x); }
};

template <class T>
constexpr T no_row[tiny_inputs] = {};

// One pass over the rows of a batch: a vector's worth of them stays in registers from its logits, in the
// order of a LaneSum, to its share of dW, in four sums. W and b stay there from step to step. Bound: with
// small batches what each step waits for, about 130 cycles and one multiply-add for each four rows; with
// large ones the same for each vector of rows, less what of the next one's 180 instructions the processor
// takes up meanwhile.
template <bool Whole, bool Ordered, class T>
[[gnu::noinline]] std::size_t single_steps_of(std::size_t steps, std::size_t batch, TinyTraining<T> job) {
    using Rows = ShortRows<T>;
    constexpr std::size_t w = width<T>, together = Rows::together, groups = w / together,
                          vectors = Rows::vectors, sums = 4 / together,
                          phases = groups < sums ? sums / groups : 1;  // vectors of rows to meet all sums
    const Layer& layer = job.layers[0];
    T *const W = job.parameters + layer.weights, *const b = job.parameters + layer.biases;
    const std::size_t inputs = layer.inputs, ldx = job.ldx, ldy = job.ldy;
    const LastTerms<T> last_terms(job);
    const Batch<T> zero(T(0)), scale(job.scale);
    const auto load_rows = [inputs](const auto& row, Batch<T>(&x)[vectors]) DENSIMD_INLINE_LAMBDA {
        const T* at[together];
        DENSIMD_UNROLLED (r, together) at[r] = row(r);
        Rows::template load<Whole>(at, inputs, x);
    };
    Batch<T> weights[vectors], bias(*b);
    load_rows([W](std::size_t) DENSIMD_INLINE_LAMBDA { return W; }, weights);

    std::size_t step = 0;
    for (; step < steps; ++step) {
        Batch<T> sum[sums][vectors], bias_sum[sums];
        DENSIMD_UNROLLED (s, sums) {
            DENSIMD_UNROLLED (v, vectors) sum[s][v] = zero;
            bias_sum[s] = zero;
        }
        FiniteCheck<T> check;
        const Batch<T> added = bias + zero;  // never -0, and so no logit: as LaneSum::total
        const auto take_rows = [&](std::size_t i, std::size_t n, std::size_t phase,
                                   auto kind) DENSIMD_INLINE_LAMBDA {
            constexpr bool partial = decltype(kind)::partial;
            const auto at = [&](std::size_t r) DENSIMD_INLINE_LAMBDA {
                const std::size_t row = i + (partial && r >= n ? n - 1 : r);
                return Ordered ? job.order[row] : row;
            };
            Batch<T> x[groups][vectors], products[groups];
            DENSIMD_UNROLLED (g, groups) {
                const auto row = [&](std::size_t r) DENSIMD_INLINE_LAMBDA {
                    const std::size_t k = g * together + r;
                    return partial && k >= n ? no_row<T> : job.X + at(k) * ldx;
                };
                load_rows(row, x[g]);
                Batch<T> product[vectors];
                DENSIMD_UNROLLED (v, vectors) product[v] = x[g][v] * weights[v];
                products[g] = sum_of(product);
            }
            const auto target = [&](std::size_t r) DENSIMD_INLINE_LAMBDA { return job.Y[at(r) * ldy]; };
            auto [output, loss, dz] = last_terms(Rows::sums(products) + added, Rows::of_rows(target));
            loss = Rows::to_rows(loss);
            store<partial>(job.losses + i, n, loss);
            store<partial>(job.outputs + i, n, Rows::to_rows(output));
            check.template add<partial>(loss, n);
            if constexpr (partial) dz = Rows::from_rows(first_elements<true>(Rows::to_rows(dz), n));
            const typename Rows::Spread spread(dz);
            DENSIMD_UNROLLED (g, groups) {
                const std::size_t s = (phase * groups + g) % sums;
                const Batch<T> d = spread(g);
                DENSIMD_UNROLLED (v, vectors) sum[s][v] = Simd::fma(d, x[g][v], sum[s][v]);
                bias_sum[s] = bias_sum[s] + d;
            }
        };
        std::size_t i = 0;
        for (; i + phases * w <= batch; i += phases * w)
            DENSIMD_UNROLLED (p, phases) take_rows(i + p * w, w, p, Full{});
        DENSIMD_UNROLLED (p, phases) {
            if (phases > 1 && i + w <= batch) {
                take_rows(i, w, p, Full{});
                i += w;
            } else if (i < batch) {
                take_rows(i, batch - i, p, Partial{});
                i = batch;
            }
        }
        if (!check.passed()) break;
        DENSIMD_UNROLLED (v, vectors) {
            Batch<T> parts[sums];
            DENSIMD_UNROLLED (s, sums) parts[s] = sum[s][v];
            weights[v] = updated<T>(scale, Rows::fold(sum_of(parts)), weights[v]);
        }
        bias = updated<T>(scale, Rows::fold(sum_of(bias_sum)), bias);
        job.advance(batch);
    }
    DENSIMD_UNROLLED (v, vectors) Simd::store_partial(W + v * w, count_in_vector<T>(inputs, v), weights[v]);
    Simd::store_partial(b, 1, bias);
    return step;
}

template <class T>
std::size_t single_steps(std::size_t steps, std::size_t batch, const TinyTraining<T>& job) {
    if (!job.order) return single_steps_of<false, false>(steps, batch, job);
    if (job.layers[0].inputs < tiny_inputs) return single_steps_of<false, true>(steps, batch, job);
    return single_steps_of<true, true>(steps, batch, job);
}

}  // namespace
}  // namespace densimd::kernels
