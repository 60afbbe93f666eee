// The forward pass of many rows through a layer of few outputs, where lanes along the outputs would idle.
#pragma once

#include "matmul/operands.hpp"
#include "plan/forward.hpp"

namespace densimd::kernels {
namespace {

// Quads, four lanes, of vectors that may be a single one. In each of its quads, four vectors are transposed.
template <class T, class Isa = Simd>
DENSIMD_INLINE void transpose_quads(Batch<T> (&x)[4]) {
    if constexpr (vector_size<T> == 4)
        transpose(x);
    else
        Isa::transpose_quads(x);
}

// Quads of a row that are loaded at once.
template <class T, class Isa = Simd>
constexpr std::size_t quads_at_once() {
    if constexpr (vector_size<T> == 4)
        return 1;
    else
        return Isa::template quads_at_once<T>;
}

// x[q] = quad q of each row, from element p on. If Partial, only n elements are there and zeros behind them.
template <bool Partial, class T, std::size_t Rows, std::size_t Quads, class Isa = Simd>
DENSIMD_INLINE void load_quads(const T* const (&row)[Rows], std::size_t p, std::size_t n,
                               Batch<T> (&x)[Quads]) {
    if constexpr (Rows == 1)
        x[0] = load<Partial>(row[0] + p, n);
    else
        Isa::template load_quads<Partial>(row, p, n, x);
}

// The quad at p in all quads.
template <class T, class Isa = Simd>
DENSIMD_INLINE Batch<T> repeated_quad(const T* p) {
    if constexpr (vector_size<T> == 4)
        return load(p);
    else
        return Isa::repeated_quad(p);
}

// The quads, each `step` elements behind the one before; in this order.
template <class T, class Isa = Simd>
DENSIMD_INLINE void store_quads(T* p, std::size_t step, Batch<T> x) {
    if constexpr (vector_size<T> == 4)
        x.store_unaligned(p);
    else
        Isa::store_quads(p, step, x);
}

// Up to a line of outputs each have four sums, over p mod 4 (order.hpp). So the lanes can hold
// quads: the four sums of one output, for as many rows as a vector has quads. Four inputs of these rows are a
// vector of X; it is multiplied by a quad of W that is the same for all rows. W is transposed for that, on
// the stack. Bound: FMA, as vectors of rows share the loads of W; with two or three outputs the loads of X,
// one or two to a vector; with few rows the transposition, about 16 operations per four inputs.
template <class T>
constexpr bool has_quads = vector_size<T> >= 4;
template <class T>
constexpr std::size_t quads = vector_size<T> / 4;

template <class T>
constexpr std::size_t most_few_outputs = max_quad_outputs(machine<T>);

// Vectors of rows in a tile: as many as there are registers for, with their quads of X.
template <class T, std::size_t Outputs, std::size_t Vectors = 4>
constexpr std::size_t vectors_of_rows() {
    constexpr std::size_t registers = Simd::accumulators / 3 * 4;
    if constexpr (Vectors > 1 && Vectors * (Outputs + quads_at_once<T>()) + 1 > registers)
        return vectors_of_rows<T, Outputs, Vectors - 1>();
    else
        return Vectors;
}

// On the stack: a block of W transposed, the sums of a block of rows between blocks of inputs, its results.
template <class T>
struct FewOutputs {
    static constexpr std::size_t block_of_inputs = 256;
    static constexpr std::size_t vectors_of_sums = 32768 / sizeof(T) / vector_size<T>;

    alignas(64) T W[block_of_inputs * virtual_lanes<T>];
    alignas(64) T sums[vectors_of_sums * vector_size<T>];
    alignas(64) T results[vectors_of_sums * quads<T> + 8 * virtual_lanes<T>];  // tiles end behind the last row
    alignas(64) T bias[4 * virtual_lanes<T> + vector_size<T>];                       // quads of one bias and zeros
};

// Where the quad of output j is in a step of W transposed.
template <class T>
constexpr std::size_t quad_at(std::size_t j) {
    constexpr std::size_t w = vector_size<T>;
    return j / w * 4 * w + j % 4 * w + j % w / 4 * 4;
}
template <class T, std::size_t Outputs>
constexpr std::size_t elements_of_step = (Outputs + vector_size<T> - 1) / vector_size<T> * 4 * vector_size<T>;

// Behind the last input is -0: 0 times that changes no sum, not even -0.
template <std::size_t Outputs, class T>
void transpose_weights(std::size_t in, const T* W, std::size_t ldw, T* to) {
    constexpr std::size_t w = vector_size<T>;
    const auto transpose_four = [&](const T* rows, std::size_t inputs, auto kind) DENSIMD_INLINE_LAMBDA {
        DENSIMD_UNROLLED (part, (Outputs + w - 1) / w) {
            const std::size_t j = part * w, count = Outputs - j < w ? Outputs - j : w;
            Batch<T> quad[4];
            DENSIMD_UNROLLED (i, 4)
                quad[i] = !decltype(kind)::partial || i < inputs ? load<true>(rows + i * ldw + j, count)
                                                                 : Batch<T>(-T(0));
            transpose_quads<T>(quad);
            DENSIMD_UNROLLED (i, 4) quad[i].store_aligned(to + (4 * part + i) * w);
        }
        to += elements_of_step<T, Outputs>;
    };
    std::size_t p = 0;
    for (; p + 4 <= in; p += 4) transpose_four(W + p * ldw, 4, Full{});
    if (p < in) transpose_four(W + p * ldw, in - p, Partial{});
}

// The inputs of some quads, or the last `count` of them, of `Vectors` vectors of rows.
template <std::size_t Outputs, std::size_t Vectors, bool Partial, class T>
DENSIMD_INLINE void few_outputs_step(const T* const (&rows)[Vectors][quads<T>], std::size_t p,
                                     std::size_t count, const T* W, Batch<T> (&sum)[Vectors][Outputs]) {
    constexpr std::size_t at_once = quads_at_once<T>();
    Batch<T> x[Vectors][at_once];
    DENSIMD_UNROLLED (v, Vectors) load_quads<Partial, T>(rows[v], p, count, x[v]);
    DENSIMD_UNROLLED (q, at_once)
        if (!Partial || 4 * q < count)
            DENSIMD_UNROLLED (j, Outputs) {
                const Batch<T> w = repeated_quad<T>(W + q * elements_of_step<T, Outputs> + quad_at<T>(j));
                DENSIMD_UNROLLED (v, Vectors) sum[v][j] = Simd::fma(x[v][q], w, sum[v][j]);
            }
}

// `Vectors` vectors of rows through a block of inputs. If there is only one, `count` of its rows are there.
// The sums begin with `bias`, or are as `sums` has them if that is null; they end in `results` if that is not
// null. Results of a row are stored from its end on: what is behind them belongs to the next row.
template <std::size_t Outputs, std::size_t Vectors, class T>
void few_outputs_tile(std::size_t in, const T* X, std::size_t ldx, std::size_t count, const T* W,
                      const T* bias, T* sums, T* results) {
    constexpr std::size_t w = vector_size<T>, inputs = 4 * quads_at_once<T>(), parts = (Outputs + 3) / 4;
    const T* rows[Vectors][quads<T>];
    Batch<T> sum[Vectors][Outputs];
    DENSIMD_UNROLLED (v, Vectors) {
        DENSIMD_UNROLLED (r, quads<T>) {
            const std::size_t row = v * quads<T> + r;
            rows[v][r] = X + (Vectors > 1 || row < count ? row : count - 1) * ldx;
        }
        DENSIMD_UNROLLED (j, Outputs)
            sum[v][j] =
                bias ? repeated_quad<T>(bias + 4 * j) : Batch<T>::load_aligned(sums + (v * Outputs + j) * w);
    }
    std::size_t p = 0;
    for (; p + inputs <= in; p += inputs, W += quads_at_once<T>() * elements_of_step<T, Outputs>)
        few_outputs_step<Outputs, Vectors, false>(rows, p, inputs, W, sum);
    if (p < in) few_outputs_step<Outputs, Vectors, true>(rows, p, in - p, W, sum);

    DENSIMD_UNROLLED (v, Vectors) {
        if (!results)
            DENSIMD_UNROLLED (j, Outputs) sum[v][j].store_aligned(sums + (v * Outputs + j) * w);
        else
            DENSIMD_UNROLLED (i, parts) {
                const std::size_t first = (parts - 1 - i) * 4;
                Batch<T> splits[4];
                DENSIMD_UNROLLED (j, 4) splits[j] = first + j < Outputs ? sum[v][first + j] : Batch<T>(T(0));
                transpose_quads<T>(splits);
                store_quads<T>(results + v * quads<T> * Outputs + first, Outputs, sum_of(splits));
            }
    }
}

// All rows of a block through a block of inputs.
template <std::size_t Outputs, class T>
void few_outputs_tiles(std::size_t rows, std::size_t in, const T* X, std::size_t ldx, bool first, bool last,
                       FewOutputs<T>& memory) {
    constexpr std::size_t vectors = vectors_of_rows<T, Outputs>();
    const T* const bias = first ? memory.bias : nullptr;
    for (std::size_t row = 0, next; row < rows; row = next) {
        T* const sums = memory.sums + row * Outputs / quads<T> * vector_size<T>;
        T* const results = last ? memory.results + row * Outputs : nullptr;
        next = row + vectors * quads<T>;
        if (next <= rows) {
            few_outputs_tile<Outputs, vectors>(in, X + row * ldx, ldx, rows, memory.W, bias, sums, results);
        } else {
            next = row + quads<T>;
            few_outputs_tile<Outputs, 1>(in, X + row * ldx, ldx, rows - row, memory.W, bias, sums, results);
        }
    }
}

template <std::size_t Outputs, class T>
void few_outputs(const Product<T>& product, const T* b, const ActivationFunctions<T>& activation, T* A,
                 std::size_t lda, FewOutputs<T>& memory) {
    constexpr std::size_t most_inputs = FewOutputs<T>::block_of_inputs;
    constexpr std::size_t rows_of_tile = vectors_of_rows<T, Outputs>() * quads<T>;
    constexpr std::size_t most_rows =
        FewOutputs<T>::vectors_of_sums / Outputs * quads<T> / rows_of_tile * rows_of_tile;
    const std::size_t in = product.depth;
    static_assert(4 * (Outputs - 1) + vector_size<T> <= 4 * virtual_lanes<T>);  // whole vectors fit into `bias`
    for (std::size_t j = 0; j < Outputs; ++j)
        (b ? load<true>(b + j, 1) : Batch<T>(T(0))).store_unaligned(memory.bias + 4 * j);
    for (std::size_t row = 0; row < product.rows; row += most_rows) {
        const std::size_t left = product.rows - row, rows = left < most_rows ? left : most_rows;
        const T* const X = product.A + row * product.row_stride;
        for (std::size_t p = 0; p < in; p += most_inputs) {
            const bool last = in - p <= most_inputs;
            const std::size_t inputs = last ? in - p : most_inputs;
            if (row == 0 || in > most_inputs)
                transpose_weights<Outputs>(inputs, product.B + p * product.ldb, product.ldb, memory.W);
            few_outputs_tiles<Outputs>(rows, inputs, X + p, product.row_stride, p == 0, last, memory);
        }

        T *const results = memory.results, *const to = A + row * lda;
        if (activation.values) activation.values(rows * Outputs, results, results);
        // Not store_rows: called, it would take small batches a tenth longer.
        const auto copy = [](std::size_t n, const T* from, T* target) DENSIMD_INLINE_LAMBDA {
            for_each_vector<T>(n, [=](std::size_t j, std::size_t count, auto kind) {
                store<decltype(kind)::partial>(target + j, count, load(from + j));
            });
        };
        if (lda == Outputs)
            copy(rows * Outputs, results, to);
        else
            for (std::size_t i = 0; i < rows; ++i) copy(Outputs, results + i * Outputs, to + i * lda);
    }
}

template <class T, std::size_t Outputs = most_few_outputs<T>>
void few_outputs_of(const Product<T>& product, const T* b, const ActivationFunctions<T>& activation, T* A,
                    std::size_t lda, FewOutputs<T>& memory) {
    if constexpr (Outputs > 2)
        if (product.cols < Outputs)
            return few_outputs_of<T, Outputs - 1>(product, b, activation, A, lda, memory);
    if constexpr (Outputs % vector_size<T> != 0)  // the planner chooses no others
        few_outputs<Outputs>(product, b, activation, A, lda, memory);
}

template <class T>
[[gnu::noinline]] void forward_few_outputs(const Product<T>& product, const T* b,
                                           const ActivationFunctions<T>& activation, T* A, std::size_t lda) {
    FewOutputs<T> memory;
    few_outputs_of<T>(product, b, activation, A, lda, memory);
}

}  // namespace
}  // namespace densimd::kernels
