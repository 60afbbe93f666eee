// The layer's backward passes: the gradient of its input and the update of its weights.
#pragma once

#include <iterator>

#include "algorithms/forward.hpp"
#include "algorithms/shallow_gemm.hpp"
#include "algorithms/tall_gemm.hpp"

namespace densimd::kernels {
namespace {

// With one output, W a contiguous column: dX is dZ times it.
template <class T>
void backward_one_output(std::size_t batch, std::size_t in, const T* dZ, std::size_t lddz, const T* W,
                         const T* X, std::size_t ldx, Activation activation, T* dX, std::size_t lddx) {
    if (const auto gradient = functions<T>(activation).gradient_of_outer_product)
        gradient(batch, in, X, ldx, dZ, lddz, W, dX, lddx);
    else
        outer_product_rows(batch, in, dZ, lddz, W, dX, lddx, NoDerivative{});
}

// What dot products finish with: the derivative of the layer before.
template <class T>
struct InputGradient {
    const T* X;
    std::size_t ldx;
    const ActivationFunctions<T>* activation;
    T* dX;
    std::size_t lddx;

    // At most a vector of columns.
    void operator()(std::size_t row, std::size_t col, std::size_t rows, std::size_t cols, const T* sums,
                    std::size_t ld) const {
        for (std::size_t r = 0; r < rows; ++r) {
            Batch<T> gradient = load<true>(sums + r * ld, cols) + Batch<T>(T(0));  // as LaneSum::total
            if (activation->gradient)
                gradient = activation->gradient(load<true>(X + (row + r) * ldx + col, cols), gradient);
            store<true>(dX + (row + r) * lddx + col, cols, gradient);
        }
    }

    // Of row 0, any number of columns.
    void operator()(std::size_t col, std::size_t count, T* sums) const {
        const auto gradients = activation->gradients;
        map(
            count, gradients ? sums : dX + col, [](Batch<T> sum) { return sum + Batch<T>(T(0)); },
            sums);  // as LaneSum::total
        if (gradients) gradients(count, X + col, sums, dX + col);
    }

    // Any number of columns, no sum -0; behind those of each row there are whole vectors.
    DENSIMD_INLINE void finish_rows(std::size_t row, std::size_t col, std::size_t rows, std::size_t cols,
                                    const T* sums, std::size_t ld) const {
        T* const dx = dX + row * lddx + col;
        if (activation->gradient_of_rows)
            activation->gradient_of_rows(rows, cols, X + row * ldx + col, ldx, sums, ld, dx, lddx);
        else
            store_rows(rows, cols, sums, ld, dx, lddx);
    }
};

// By Activation; null where the derivative is too long to go with the sums.
template <class T>
constexpr decltype(&shallow_lines<T, NoDerivative>) all_shallow_lines[] = {
    shallow_lines<T, NoDerivative>,
    shallow_lines<T, SigmoidActivation<T>>,
    shallow_lines<T, TanhActivation<T>>,
    nullptr,
    shallow_lines<T, ReluActivation<T>>,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
};

// A line of outputs at most, several rows.
template <class T>
void backward_few_outputs(std::size_t batch, std::size_t in, std::size_t out, const T* dZ, std::size_t lddz,
                          const T* W, std::size_t ldw, const T* X, std::size_t ldx, Activation activation,
                          T* dX, std::size_t lddx) {
    static_assert(std::size(all_shallow_lines<T>) == std::size(all_functions<T>));
    const auto lines = all_shallow_lines<T>[static_cast<std::size_t>(activation)];
    const std::size_t done = lines ? in / lanes<T> * lanes<T> : 0;
    if (done > 0) lines(batch, done, out, dZ, lddz, W, ldw, dX, lddx, X, ldx);
    if (done < in)
        shallow_gemm(batch, in - done, out, dZ, lddz, W + done * ldw, ldw,
                     InputGradient<T>{X ? X + done : X, ldx, &functions<T>(activation), dX + done, lddx});
}

template <class T>
void dense_backward_input_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* dZ,
                                 std::size_t lddz, const T* W, std::size_t ldw, const T* X, std::size_t ldx,
                                 Activation activation, T* dX, std::size_t lddx) noexcept {
    if (out == 1 && ldw == 1)
        return backward_one_output(batch, in, dZ, lddz, W, X, ldx, activation, dX, lddx);
    if (is_shallow<T>(batch, out))
        return backward_few_outputs(batch, in, out, dZ, lddz, W, ldw, X, ldx, activation, dX, lddx);
    dot_gemm(batch, in, out, dZ, lddz, W, ldw, InputGradient<T>{X, ldx, &functions<T>(activation), dX, lddx});
}

template <class T>
void gemm_nt_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* dZ, std::size_t lddz,
                    const T* W, std::size_t ldw, T* dX, std::size_t lddx) noexcept {
    dense_backward_input_kernel<T>(batch, in, out, dZ, lddz, W, ldw, nullptr, 0, Activation::identity, dX,
                                   lddx);
}

template <class T>
void gemv_t_kernel(std::size_t in, std::size_t out, const T* dz, const T* W, std::size_t ldw,
                   T* dx) noexcept {
    gemm_nt_kernel<T>(1, in, out, dz, out, W, ldw, dx, in);
}

// Out of line, so that its addresses burden no loop; the asm keeps g++ from dropping a call without effect.
template <class T>
[[gnu::noinline]] void prefetch(const T* p, std::size_t ld, std::size_t rows, std::size_t cols) {
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < cols; c += lanes<T>) __builtin_prefetch(p + r * ld + c, 1, 3);
    asm volatile("");
}

// W += scale * sum: the gradient never reaches memory. All loads of a tile come before its stores: see
// rows_of_turn. If `fetch`, the tile of W below is fetched while the sums of one are made.
template <class T>
struct UpdateEpilogue {
    T scale;
    T* W;
    std::size_t ld;
    bool fetch;

    template <std::size_t Rows, std::size_t Columns>
    DENSIMD_INLINE void begin(std::size_t row, std::size_t column) const {
        if (fetch) prefetch(W + (row + Rows) * ld + column, ld, Rows, Columns * width<T>);
    }

    UpdateEpilogue at(std::size_t row, std::size_t column) const {
        UpdateEpilogue from = *this;
        from.W += row * ld + column;
        return from;
    }

    template <bool Partial>
    Batch<T> start(std::size_t, std::size_t, std::size_t) const {
        return Batch<T>(T(0));
    }

    template <bool Partial, std::size_t Rows, std::size_t Columns>
    void finish(const Batch<T> (&sum)[Rows][Columns], std::size_t row, std::size_t column,
                std::size_t count) const {
        const Batch<T> factor(scale);
        const auto at = [&](std::size_t r, std::size_t c)
                            DENSIMD_INLINE_LAMBDA { return W + (row + r) * ld + column + c * width<T>; };
        Batch<T> tile[Rows][Columns];
        DENSIMD_UNROLLED (r, Rows)
            DENSIMD_UNROLLED (c, Columns)
                tile[r][c] = Simd::fma(factor, sum[r][c],
                                       c == Columns - 1 ? load<Partial>(at(r, c), count) : load(at(r, c)));
        DENSIMD_UNROLLED (r, Rows)
            DENSIMD_UNROLLED (c, Columns)
                if (c == Columns - 1)
                    store<Partial>(at(r, c), count, tile[r][c]);
                else
                    tile[r][c].store_unaligned(at(r, c));
    }
};

// All panels of some rows before those of the next: where the results are much and the depth is short, they
// are gone through as they lie in memory.
template <class T, class Epilogue>
void gemm_by_rows(const Product<T>& product, const Epilogue& epilogue) {
    constexpr std::size_t rows = tile_height<1>;
    Product<T> part = product;
    for (std::size_t row = 0; row < product.rows; row += rows) {
        part.rows = product.rows - row < rows ? product.rows - row : rows;
        part.A = product.A + row * product.row_stride;
        broadcast_gemm<T, 1>(part, epilogue.at(row, 0));
    }
}

// X^T dZ, each element summed over the batch in order; with one output, from rows_for_four_sums rows on, in
// four sums. W is a column then: if it is contiguous, the roles of X and dZ are exchanged and lanes run along
// it, in panels wide enough to hide the latency of an FMA on every ISA.
template <class T, class Epilogue>
void transposed_gemm(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                     const T* dZ, std::size_t lddz, std::size_t ldw, const Epilogue& epilogue) {
    const bool four_sums = out == 1 && batch >= rows_for_four_sums;
    if (out == 1 && ldw == 1) {
        const Product<T> exchanged{1, in, batch, dZ, 0, lddz, X, ldx};
        if (four_sums) return broadcast_panels<T, columns_for(1, 4), 4>(exchanged, AsItIs{}, epilogue);
        return broadcast_panels<T, columns_for(2, 1), 1>(exchanged, AsItIs{}, epilogue);
    }
    const Product<T> product{in, out, batch, X, 1, ldx, dZ, lddz};
    if (is_tall(product))
        tall_gemm(product, epilogue);
    else if (four_sums)
        broadcast_gemm<T, 4>(product, epilogue);
    else if (packing_pays_in_update(product) && batch <= max_packed_depth<T>)
        packed_transposed_gemm(product, epilogue);
    else if (batch <= 8 && has_few_sets<T>(ldw))
        gemm_by_rows(product, epilogue);
    else
        broadcast_gemm<T, 1>(product, epilogue);
}

template <class T>
void gemm_tn_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                    const T* dZ, std::size_t lddz, T* dW, std::size_t lddw) noexcept {
    transposed_gemm(batch, in, out, X, ldx, dZ, lddz, lddw,
                    ForwardEpilogue<T>{nullptr, &functions<T>(Activation::identity), dW, lddw});
}

// The weights w after an update by one sample: w + (scale x) dz.
template <class T>
DENSIMD_INLINE Batch<T> updated(Batch<T> scaled_x, Batch<T> dz, Batch<T> w) {
    return Simd::fma(scaled_x, dz, w);
}

// Rows of W of at most four vectors: dz stays in registers from row to row.
template <std::size_t Vectors, bool Partial, class T>
void update_short_rows(std::size_t in, std::size_t out, const T* x, const T* dz, T scale, T* W,
                       std::size_t ldw) {
    using Row = LoadedRow<T, Vectors>;
    const auto load_row = [=](const T* from) DENSIMD_INLINE_LAMBDA {
        Row row;
        for_each_vector_of_row<Vectors, Partial, T>(
            out, [&](std::size_t v, std::size_t j, std::size_t n, auto partial)
                     DENSIMD_INLINE_LAMBDA { row.part[v] = load<partial>(from + j, n); });
        return row;
    };
    const Row gradient = load_row(dz);
    constexpr bool late = Partial && Simd::masks_stores;
    for_each_row<late, late ? rows_of_turn<Vectors> : 1>(
        in, [=](std::size_t, std::size_t k) DENSIMD_INLINE_LAMBDA { return load_row(W + k * ldw); },
        [=](std::size_t k, const Row& row) DENSIMD_INLINE_LAMBDA {
            const Batch<T> element(scale * x[k]);
            for_each_vector_of_row<Vectors, Partial, T>(
                out, [&](std::size_t v, std::size_t j, std::size_t n, auto partial) DENSIMD_INLINE_LAMBDA {
                    store<partial>(W + k * ldw + j, n, updated<T>(element, gradient.part[v], row.part[v]));
                });
        });
}

template <std::size_t Vectors, class T>
void update_short_rows(std::size_t in, std::size_t out, const T* x, const T* dz, T scale, T* W,
                       std::size_t ldw) {
    if constexpr (Vectors > 1)
        if (out <= (Vectors - 1) * width<T>)
            return update_short_rows<Vectors - 1>(in, out, x, dz, scale, W, ldw);
    if (out == Vectors * width<T>)
        update_short_rows<Vectors, false>(in, out, x, dz, scale, W, ldw);
    else
        update_short_rows<Vectors, true>(in, out, x, dz, scale, W, ldw);
}

// W += scale x dz^T, row after row of W. Bound: one load and one store per vector of W (dz stays in L1).
template <class T>
void update_by_one(std::size_t in, std::size_t out, const T* x, const T* dz, T scale, T* W, std::size_t ldw) {
    if (in == 0 || out == 0) return;
    if (out == 1 && ldw == 1) {
        const Batch<T> factor(scale), gradient(*dz);
        return map(
            in, W, [=](Batch<T> w, Batch<T> element) { return updated<T>(factor * element, gradient, w); }, W,
            x);
    }
    if (out <= 4 * width<T>) return update_short_rows<4>(in, out, x, dz, scale, W, ldw);
    const std::size_t whole = out / width<T> * width<T>;
    const auto update_whole = [=](T element, T* w) DENSIMD_INLINE_LAMBDA {
        const Batch<T> factor(element);
        map(
            whole, w, [=](Batch<T> old, Batch<T> gradient) { return updated<T>(factor, gradient, old); }, w,
            dz);
    };
    if (whole == out) {  // a loop of its own: it would look for more after each row
        for (std::size_t k = 0; k < in; ++k) update_whole(scale * x[k], W + k * ldw);
        return;
    }
    const std::size_t left = out - whole;
    const Batch<T> gradient = load<true>(dz + whole, left);
    for (std::size_t k = 0; k < in; ++k) {
        T *const row = W + k * ldw, *const end = row + whole;
        const T element = scale * x[k];
        update_whole(element, row);
        store_before_loads<true>(end, left, updated<T>(Batch<T>(element), gradient, load<true>(end, left)));
    }
}

// W += scale X^T dZ. Bound: FMA, plus one load and one store of W per tile.
template <class T>
void update_weights(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                    const T* dZ, std::size_t lddz, T scale, T* W, std::size_t ldw) {
    // W is beyond L1 and the sums take long enough to wait for L3, or it is in memory.
    const std::size_t bytes = in * ldw * sizeof(T);
    const bool fetch = bytes > (std::size_t{8} << 20) || (batch >= 32 && bytes > (std::size_t{32} << 10));
    if (batch == 1)
        update_by_one(in, out, X, dZ, scale, W, ldw);
    else
        transposed_gemm(batch, in, out, X, ldx, dZ, lddz, ldw, UpdateEpilogue<T>{scale, W, ldw, fetch});
}

// One bias, of many rows: without vectors, of which a single lane would be used.
template <class T>
void update_single_bias(std::size_t batch, const T* dz, std::size_t lddz, T scale, T* b) {
    T sum[4] = {};
    for_each_row_of_four_sums(
        batch, [&](std::size_t i, std::size_t s) DENSIMD_INLINE_LAMBDA { sum[s] += dz[i * lddz]; });
    const Batch<T> total(sum_of(sum));
    Simd::store_partial(b, 1, updated<T>(Batch<T>(scale), total, Batch<T>(*b)));
}

// Biases of some vectors at once, as the sums of one would wait for their additions; if Partial, of `count`
// elements of a single one.
template <std::size_t Vectors, bool Partial, class T>
void update_biases(std::size_t batch, std::size_t count, const T* dZ, std::size_t lddz, T scale, T* b) {
    constexpr std::size_t w = width<T>;
    const auto dz = [=](std::size_t i, std::size_t v)
                        DENSIMD_INLINE_LAMBDA { return load<Partial>(dZ + i * lddz + v * w, count); };
    Batch<T> total[Vectors];
    if (batch < rows_for_four_sums) {
        DENSIMD_UNROLLED (v, Vectors) total[v] = dz(0, v);
        for (std::size_t i = 1; i < batch; ++i)
            DENSIMD_UNROLLED (v, Vectors) total[v] = total[v] + dz(i, v);
    } else {
        const Batch<T> zero(T(0));
        Batch<T> sum[Vectors][4];
        DENSIMD_UNROLLED (v, Vectors)
            DENSIMD_UNROLLED (s, 4) sum[v][s] = zero;
        for_each_row_of_four_sums(batch, [&](std::size_t i, std::size_t s) DENSIMD_INLINE_LAMBDA {
            DENSIMD_UNROLLED (v, Vectors) sum[v][s] = sum[v][s] + dz(i, v);
        });
        DENSIMD_UNROLLED (v, Vectors) total[v] = sum_of(sum[v]);
    }
    DENSIMD_UNROLLED (v, Vectors) {
        T* const to = b + v * w;
        store<Partial>(to, count, updated<T>(Batch<T>(scale), total[v], load<Partial>(to, count)));
    }
}

// b += scale (sum of dZ's rows): the bias is the weight of an input that is always 1. From rows_for_four_sums
// rows on in four sums.
template <class T>
void update_bias(std::size_t batch, std::size_t out, const T* dZ, std::size_t lddz, T scale, T* b) {
    if (out == 1 && batch >= rows_for_four_sums) return update_single_bias(batch, dZ, lddz, scale, b);
    constexpr std::size_t w = width<T>, at_once = Simd::accumulators / 6;  // times four sums
    const auto update = [=]<std::size_t Vectors, bool Partial>(std::size_t j) {
        update_biases<Vectors, Partial>(batch, out - j, dZ + j, lddz, scale, b + j);
    };
    std::size_t j = 0;
    for (; j + at_once * w <= out; j += at_once * w) update.template operator()<at_once, false>(j);
    for (; j + w <= out; j += w) update.template operator()<1, false>(j);
    if (j < out) update.template operator()<1, true>(j);
}

template <class T>
void dense_update_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                         const T* dZ, std::size_t lddz, T scale, T* W, std::size_t ldw, T* b) noexcept {
    if (batch == 0) return;
    update_weights(batch, in, out, X, ldx, dZ, lddz, scale, W, ldw);
    if (b) update_bias(batch, out, dZ, lddz, scale, b);
}

template <class T>
void ger_kernel(std::size_t in, std::size_t out, T alpha, const T* x, const T* dz, T* W,
                std::size_t ldw) noexcept {
    update_weights<T>(1, in, out, x, in, dz, out, alpha, W, ldw);
}

}  // namespace
}  // namespace densimd::kernels
