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
        zeros = Simd::fma(first_elements<Partial>(loss, n), Batch<T>(T(0)), zeros);
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

// Rows of at most tiny_inputs elements, a multiple of four and of a vector's lanes of them at once, each in
// as few vectors as hold it; and numbers for each row, in vectors.
template <class T, class Isa = Simd>
struct ShortRows {
    static constexpr std::size_t at_once = width<T> < 4 ? 4 : width<T>, number_vectors = at_once / width<T>;
    static constexpr std::size_t together = 1, groups = at_once,
                                 vectors = (tiny_inputs + width<T> - 1) / width<T>;
    using Group = Batch<T>[vectors];

    template <bool Whole>
    DENSIMD_INLINE static void load(const T* const (&row)[1], std::size_t n, Group& x) {
        DENSIMD_UNROLLED (v, vectors)
            x[v] = kernels::load<!Whole>(row[0] + v * width<T>, count_in_vector<T>(n, v));
    }

    // One vector of numbers: element(0), element(1), ...
    template <class Element>
    DENSIMD_INLINE static Batch<T> of_rows(const Element& element) {
        return vector_of<T>(element);
    }
    DENSIMD_INLINE static Batch<T> to_rows(Batch<T> x) { return x; }
    DENSIMD_INLINE static Batch<T> from_rows(Batch<T> x) { return x; }
    // That of row i in all lanes.
    struct Spread {
        T number[width<T>];
        explicit Spread(Batch<T> numbers) { numbers.store_unaligned(number); }
        DENSIMD_INLINE Batch<T> operator()(std::size_t i) const { return Batch<T>(number[i]); }
    };
    // What was summed for each row of a group.
    DENSIMD_INLINE static Batch<T> joined(Batch<T> sum) { return sum; }

    struct Weights {
        Group w;

        template <bool Whole>
        DENSIMD_INLINE void load(const T* W, std::size_t n) {
            ShortRows::load<Whole>({W}, n, w);
        }
        // The products with some rows, in the order of a LaneSum.
        DENSIMD_INLINE Batch<T> dots(const Group* x) const {
            Batch<T> products[width<T>];
            DENSIMD_UNROLLED (r, width<T>) {
                Group product;
                DENSIMD_UNROLLED (v, vectors) product[v] = x[r][v] * w[v];
                products[r] = sum_of(product);
            }
            T sums[width<T>];
            if constexpr (requires { Isa::sums(products, sums); })
                Isa::sums(products, sums);
            else
                DENSIMD_UNROLLED (r, width<T>) sums[r] = Isa::sum(products[r]);
            return kernels::load(sums);
        }
        DENSIMD_INLINE void update(Batch<T> scale, const Group& gradient) {
            DENSIMD_UNROLLED (v, vectors) w[v] = updated<T>(scale, gradient[v], w[v]);
        }
        DENSIMD_INLINE void store(T* W, std::size_t n) const {
            DENSIMD_UNROLLED (v, vectors)
                Isa::store_partial(W + v * width<T>, count_in_vector<T>(n, v), w[v]);
        }
    };
};

// The same where a vector has room for two rows. Numbers lie in the order of the Isa's of_rows. The products'
// first addition is that of quads, which are put together before the multiplication: nothing waits for that.
template <class T, class Isa>
requires(TakesTwo<Isa, T>&& width<T> >= 2 * tiny_inputs) struct ShortRows<T, Isa> {
    static constexpr std::size_t at_once = width<T>, number_vectors = 1;
    static constexpr std::size_t together = 2, groups = at_once / 2, vectors = 1;
    using Group = Batch<T>[1];

    template <bool Whole>
    DENSIMD_INLINE static void load(const T* const (&row)[2], std::size_t n, Group& x) {
        x[0] = Isa::template two<!Whole>(row[0], row[1], n);
    }

    template <class Element>
    DENSIMD_INLINE static Batch<T> of_rows(const Element& element) {
        return Isa::of_rows(element);
    }
    DENSIMD_INLINE static Batch<T> to_rows(Batch<T> x) { return Isa::to_rows(x); }
    DENSIMD_INLINE static Batch<T> from_rows(Batch<T> x) { return Isa::from_rows(x); }
    struct Spread {
        Batch<T> rows[2];  // each quad twice
        explicit Spread(Batch<T> numbers)
            : rows{Isa::template doubled_quads<0>(numbers), Isa::template doubled_quads<1>(numbers)} {}
        template <std::size_t Pair>
        DENSIMD_INLINE Batch<T> operator()(std::integral_constant<std::size_t, Pair>) const {
            return Isa::template lane_of_quads<Pair % 4>(rows[Pair / 4]);
        }
    };
    DENSIMD_INLINE static Batch<T> joined(Batch<T> sum) {
        return Isa::template quad<0>(sum) + Isa::template quad<2>(sum);
    }

    // The first four and the others, in all quads.
    struct Weights {
        Batch<T> first, second;

        template <bool Whole>
        DENSIMD_INLINE void load(const T* W, std::size_t n) {
            const Batch<T> w = Isa::template two<!Whole>(W, W, n);
            first = Isa::template quad<0>(w);
            second = Isa::template quad<1>(w);
        }
        DENSIMD_INLINE Batch<T> dots(const Group* x) const { return Isa::dots(x, first, second); }
        DENSIMD_INLINE void update(Batch<T> scale, const Group& gradient) {
            first = updated<T>(scale, joined(gradient[0]), first);
            second = updated<T>(
                scale, Isa::template quad<1>(gradient[0]) + Isa::template quad<3>(gradient[0]), second);
        }
        DENSIMD_INLINE void store(T* W, std::size_t n) const {
            Isa::store_partial(W, n, Isa::quads(first, second));
        }
    };
};

template <class T>
constexpr T no_row[tiny_inputs] = {};

// One pass over the rows of a batch: some of them stay in registers from their logits to their share of dW,
// in four sums; the next ones' logits are made before, so that what waits for them does not wait for the
// activation. W and b stay in registers from step to step. Bound: with small batches what each step waits
// for, about 125 cycles and one multiply-add for each four rows; with large ones the vectors of operations,
// about 125 for 16 rows in the AVX-512 form, of which many wait for others.
template <bool Whole, bool Ordered, class T>
[[gnu::noinline]] std::size_t single_steps_of(std::size_t steps, std::size_t batch, TinyTraining<T> job) {
    using Rows = ShortRows<T>;
    using Group = typename Rows::Group;
    constexpr std::size_t w = width<T>, at_once = Rows::at_once, together = Rows::together,
                          groups = Rows::groups, vectors = Rows::vectors, sums = 4 / together;
    const Layer& layer = job.layers[0];
    T *const W = job.parameters + layer.weights, *const b = job.parameters + layer.biases;
    const std::size_t inputs = layer.inputs, ldx = job.ldx, ldy = job.ldy;
    const LastTerms<T> last_terms(job);
    const Batch<T> zero(T(0)), scale(job.scale);
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
                return Ordered ? job.order[row] : row;
            };
            Forward rows;
            DENSIMD_UNROLLED (g, groups) {
                const T* x[together];
                DENSIMD_UNROLLED (r, together) {
                    const std::size_t k = g * together + r;
                    x[r] = partial && k >= n ? no_row<T> : job.X + at(k) * ldx;
                }
                Rows::template load<Whole>(x, inputs, rows.x[g]);
            }
            DENSIMD_UNROLLED (u, Rows::number_vectors) {
                rows.z[u] = weights.dots(rows.x + u * groups / Rows::number_vectors) + added;
                rows.y[u] = Rows::of_rows([&](std::size_t r)
                                              DENSIMD_INLINE_LAMBDA { return job.Y[at(u * w + r) * ldy]; });
            }
            return rows;
        };
        const auto finish = [&](const Forward& rows, std::size_t i, std::size_t n,
                                auto kind) DENSIMD_INLINE_LAMBDA {
            constexpr bool partial = decltype(kind)::partial;
            DENSIMD_UNROLLED (u, Rows::number_vectors) {
                const std::size_t first = i + u * w, count = count_in_vector<T>(n, u);
                auto [output, loss, dz] = last_terms(rows.z[u], rows.y[u]);
                loss = Rows::to_rows(loss);
                store<partial>(job.losses + first, count, loss);
                if (job.outputs) store<partial>(job.outputs + first, count, Rows::to_rows(output));
                check.template add<partial>(loss, count);
                if constexpr (partial) dz = Rows::from_rows(first_elements<true>(Rows::to_rows(dz), count));
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
        job.advance(batch);
    }
    weights.store(W, inputs);
    Simd::store_partial(b, 1, bias);
    return step;
}
static_assert(tiny_rows >= ShortRows<float>::at_once && tiny_rows >= ShortRows<double>::at_once);

template <class T>
std::size_t single_steps(std::size_t steps, std::size_t batch, const TinyTraining<T>& job) {
    if (!job.order) return single_steps_of<false, false>(steps, batch, job);
    if (job.layers[0].inputs < tiny_inputs) return single_steps_of<false, true>(steps, batch, job);
    return single_steps_of<true, true>(steps, batch, job);
}

}  // namespace
}  // namespace densimd::kernels
