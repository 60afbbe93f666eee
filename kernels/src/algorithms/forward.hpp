// The layer's forward pass: a gemm that starts from the bias and ends in the activation.
#pragma once

#include <densimd/kernels.hpp>

#include "algorithms/activation.hpp"
#include "algorithms/broadcast_gemm.hpp"
#include "algorithms/dot_gemm.hpp"
#include "algorithms/few_outputs.hpp"
#include "algorithms/long_row.hpp"
#include "algorithms/narrow_forward.hpp"
#include "algorithms/packed_gemm.hpp"
#include "algorithms/short_row.hpp"

namespace densimd::kernels {
namespace {

// The bias starts the sums; the activation is applied to whole vectors before they are stored.
template <class T>
struct ForwardEpilogue {
    const T* bias;  // null: none
    const ActivationFunctions<T>* activation;
    T* out;
    std::size_t ld;
    bool continued = false;  // `out` holds the sums so far

    template <std::size_t Rows, std::size_t Columns>
    void begin(std::size_t, std::size_t) const {}

    // The same for the results from there on.
    ForwardEpilogue at(std::size_t row, std::size_t column) const {
        ForwardEpilogue from = *this;
        if (bias) from.bias += column;
        from.out += row * ld + column;
        return from;
    }

    template <bool Partial>
    Batch<T> start(std::size_t row, std::size_t column, std::size_t count) const {
        if (continued) return load<Partial>(out + row * ld + column, count);
        return bias ? load<Partial>(bias + column, count) : Batch<T>(T(0));
    }

    template <bool Partial, std::size_t Rows, std::size_t Columns>
    void finish(const Batch<T> (&sum)[Rows][Columns], std::size_t row, std::size_t column,
                std::size_t count) const {
        if (activation->value == nullptr) return store_tile<Partial>(sum, row, column, count);
        constexpr std::size_t vectors = Rows * Columns;
        if constexpr (vectors == 1) {
            const Batch<T> tile[1][1] = {{activation->value(sum[0][0])}};
            return store_tile<Partial>(tile, row, column, count);
        }
        alignas(64) T values[vectors * width<T>];
        DENSIMD_UNROLLED (i, vectors) sum[i / Columns][i % Columns].store_aligned(values + i * width<T>);
        activation->values(vectors * width<T>, values, values);
        Batch<T> tile[Rows][Columns];
        DENSIMD_UNROLLED (i, vectors)
            tile[i / Columns][i % Columns] = Batch<T>::load_aligned(values + i * width<T>);
        store_tile<Partial>(tile, row, column, count);
    }

    template <bool Partial, std::size_t Rows, std::size_t Columns>
    void store_tile(const Batch<T> (&tile)[Rows][Columns], std::size_t row, std::size_t column,
                    std::size_t count) const {
        DENSIMD_UNROLLED (r, Rows)
            DENSIMD_UNROLLED (c, Columns) {
                T* p = out + (row + r) * ld + column + c * width<T>;
                if (c == Columns - 1)
                    store<Partial>(p, count, tile[r][c]);
                else
                    tile[r][c].store_unaligned(p);
            }
    }
};

// The activation of one sum, in registers.
template <class T>
DENSIMD_INLINE void finish_one_output(T sum, const T* bias, const ActivationFunctions<T>& activation,
                                      T* out) {
    const Batch<T> z((sum + T(0)) + (bias ? *bias : T(0)));  // as LaneSum::total
    Simd::store_partial(out, 1, activation.value ? activation.value(z) : z);
}

// dense_forward chooses one of several ways. They have its arguments, even those that they do not need, so
// that it only goes on to one, and are out of line: in a function of all of them, whose frame and registers
// are for the longest, 8 -> 1 with a batch of 32 took a sixth longer.

// One output of one row, W a contiguous column.
template <class T>
[[gnu::noinline]] void forward_one_sum(std::size_t, std::size_t in, std::size_t, const T* x, std::size_t,
                                       const T* W, std::size_t, const T* b, Activation activation, T* a,
                                       std::size_t) {
    T sum[1];
    dot_rows<1>(in, x, W, 0, AsItIs{}, sum);
    finish_one_output(sum[0], b, functions<T>(activation), a);
}

template <class T>
void forward_one_output(std::size_t batch, std::size_t in, std::size_t, const T* X, std::size_t ldx,
                        const T* W, std::size_t ldw, const T* b, Activation activation, T* A,
                        std::size_t lda);

// One output whose results do not lie back to back: they do so on the stack first.
template <class T>
[[gnu::noinline]] void forward_spread_output(std::size_t batch, std::size_t in, const T* X, std::size_t ldx,
                                             const T* W, std::size_t ldw, const T* b, Activation activation,
                                             T* A, std::size_t lda) {
    constexpr std::size_t most = 512;  // few enough for the stack, and for L1
    T results[most];
    for (std::size_t row = 0; row < batch; row += most) {
        const std::size_t rows = batch - row < most ? batch - row : most;
        forward_one_output(rows, in, 1, X + row * ldx, ldx, W, ldw, b, activation, results, 1);
        for (std::size_t i = 0; i < rows; ++i) A[(row + i) * lda] = results[i];
    }
}

// One output: a dot product per row. W is a column whose elements are ldw apart.
template <class T>
[[gnu::noinline]] void forward_one_output(std::size_t batch, std::size_t in, std::size_t, const T* X,
                                          std::size_t ldx, const T* W, std::size_t ldw, const T* b,
                                          Activation activation, T* A, std::size_t lda) {
    if (batch > 1 && lda > 1) return forward_spread_output(batch, in, X, ldx, W, ldw, b, activation, A, lda);
    dot_gemv(batch, in, X, ldx, W, ldw, b ? *b : T(0), A);
    if (const auto values = functions<T>(activation).values) values(batch, A, A);
}

// W as it is, whose rows are fetched into L1 some rows ahead: each row of a panel may lie on other pages than
// the one before, where no prefetcher follows.
template <class T, int RowsAhead>
struct Fetching : AsItIs {
    std::size_t ld;

    template <bool Partial>
    DENSIMD_INLINE Batch<T> load(const T* address, std::size_t count, Nothing row, Nothing column) const {
        __builtin_prefetch(address + RowsAhead * ld);
        return AsItIs::load<Partial>(address, count, row, column);
    }
};

// A source of W that also fetches another panel of it into L2: a line for each row that is gone through.
template <class T, class Source>
struct FetchingNext : Source {
    const T* next;
    std::size_t ld;

    DENSIMD_INLINE auto row(std::size_t k) const {
        __builtin_prefetch(next + k * ld, 0, 2);
        return Source::row(k);
    }
};

template <std::size_t Columns>
constexpr std::size_t rows_to_fetch_in = 10 * max_rows<Columns, 1>;

// W in L3: the last tiles of a panel fetch the next panel, as a tile whose panel came from L3 would wait for
// it. Not all tiles do: what is fetched early leaves L2 again, as X passes by. For rows_to_fetch_in or more:
// 1024 x 1024 with 256 rows 2 % faster on Zen 5, and 5 % while other programs share L3.
template <std::size_t Columns, class T, class Source, class Epilogue>
void gemm_fetching_next(const Product<T>& product, const Source& source, const Epilogue& epilogue) {
    constexpr std::size_t panel = Columns * width<T>, height = max_rows<Columns, 1>, lines = panel / lanes<T>;
    Product<T> head = product;
    head.rows = product.rows - lines * height;
    head.cols = panel;
    std::size_t column = 0;
    for (; column + panel < product.cols; column += panel) {
        head.B = product.B + column;
        broadcast_panels<T, Columns, 1>(head, source, epilogue.at(0, column));
        for (std::size_t t = 0; t < lines; ++t) {
            const FetchingNext<T, Source> fetching{source, head.B + panel + t * lanes<T>, product.ldb};
            broadcast_tiles<T, height, Columns, 1, false>(head, width<T>, fetching, epilogue.at(0, column),
                                                          head.rows + t * height, 0, 1);
        }
    }
    Product<T> last = product;
    last.cols -= column;
    last.B += column;
    broadcast_panels<T, Columns, 1>(last, source, epilogue.at(0, column));
}

// Rows that compete for sets of L1: few can be fetched ahead, which pays where most of a panel is not in L2
// yet, for its first tile; with two tiles, whose heights then are about equal, for both. Tiles of 8 rows and
// 3 vectors take less of W at a time; so where they save a third of the tiles they are faster. All this as
// measured on Zen 5.
template <class T, class Epilogue>
void few_sets_gemm(const Product<T>& product, const Epilogue& epilogue) {
    constexpr std::size_t w = width<T>;
    const Fetching<T, 4> fetching{{}, product.ldb};
    const auto multiply = [&](auto columns) {
        constexpr std::size_t Columns = decltype(columns)::value, height = max_rows<Columns, 1>;
        if (product.rows >= rows_to_fetch_in<Columns>)
            return gemm_fetching_next<Columns>(product, AsItIs{}, epilogue);
        const bool only_two = product.rows <= 2 * height;
        Product<T> first = product, rest = product;
        first.rows = only_two ? product.rows : height;
        rest.rows = product.rows - first.rows;
        rest.A += first.rows * product.row_stride;
        for (std::size_t column = 0; column < product.cols; column += Columns * w) {
            const std::size_t left = product.cols - column;
            first.cols = rest.cols = left < Columns * w ? left : Columns * w;
            first.B = rest.B = product.B + column;
            broadcast_panels<T, Columns, 1>(first, fetching, epilogue.at(0, column));
            broadcast_panels<T, Columns, 1>(rest, AsItIs{}, epilogue.at(first.rows, column));
        }
    };
    if (product.rows == 4)
        multiply(std::integral_constant<std::size_t, columns_for(4, 1)>{});
    else if (3 * ((product.rows + 7) / 8) <= 2 * ((product.rows + 5) / 6))
        multiply(std::integral_constant<std::size_t, columns_for(8, 1)>{});
    else
        multiply(std::integral_constant<std::size_t, columns_for(6, 1)>{});
}

// Tall tiles of wide panels have loads to spare for fetching, low ones where W is too large for L2. From L3,
// a single tile of all rows is faster than two that go through a panel one after the other: 4 rows x 6
// vectors, whose lines come in longer runs, and 8 x 3.
template <class T, class Epilogue>
void fetching_gemm(bool in_l2, const Product<T>& product, const Epilogue& epilogue) {
    if constexpr (!has_narrow_panels<T>) {
        constexpr std::size_t of_high = columns_for(tile_height<1>, 1), of_low = columns_for(few_rows, 1);
        const std::size_t rows = product.rows;
        const bool few_sets = has_few_sets<T>(product.ldb);
        const Fetching<T, 16> fetching{{}, product.ldb};
        if (rows <= few_rows) {
            if (!in_l2 && !few_sets) return broadcast_panels<T, of_low, 1>(product, fetching, epilogue);
        } else if (few_sets) {
            return few_sets_gemm(product, epilogue);
        } else if (!in_l2 && rows == 4) {
            return broadcast_panels<T, columns_for(4, 1), 1>(product, fetching, epilogue);
        } else if (!in_l2 && (rows == 7 || rows == 8)) {
            return broadcast_panels<T, columns_for(8, 1), 1>(product, fetching, epilogue);
        } else if (!in_l2 && rows >= rows_to_fetch_in<of_high>) {
            return gemm_fetching_next<of_high>(product, fetching, epilogue);
        } else {
            return broadcast_panels<T, of_high, 1>(product, fetching, epilogue);
        }
    }
    broadcast_gemm<T, 1>(product, epilogue);
}

template <class T>
void multiply_block(bool packed, bool in_l2, const Product<T>& product, const ForwardEpilogue<T>& epilogue) {
    if (packed)
        packed_gemm(product, epilogue);
    else
        fetching_gemm(in_l2, product, epilogue);
}

// The depth in about equal blocks, whose sums wait in the output: stored and loaded again they keep their
// bits. Blocks are so long that this is little beside the products, and for gemm_fetching_next so short that
// two panels are in L2. Where W's rows reach only few sets of L2, they are shorter, so that a panel stays
// there with room for X (4 KiB apart, 512 rows take all of a Xeon's 2 MiB), unless there are too few rows to
// come back to it. Narrow panels are packed then, as are those too large for L1.
template <class T>
void forward_in_blocks(Product<T> product, ForwardEpilogue<T> epilogue) {
    const bool few_sets = has_few_sets<T>(product.ldb);
    const bool in_l2 = product.depth * product.ldb * sizeof(T) <= (std::size_t{1} << 20);
    const bool packed = packing_pays(product) && (few_sets || product.depth > 512);
    const bool fetches_next = product.rows >= rows_to_fetch_in<columns_for(tile_height<1>, 1)>;
    const std::size_t longest = packed              ? max_packed_depth<T>
                                : !few_sets         ? (fetches_next ? 1152 : 3072)
                                : product.rows < 24 ? 1023
                                                    : 384;
    const std::size_t blocks = product.rows > 2 * few_rows ? (product.depth + longest - 1) / longest : 1;
    const auto activation = epilogue.activation;
    epilogue.activation = &functions<T>(Activation::identity);
    std::size_t left = product.depth;
    for (std::size_t after = blocks; after-- > 1; left -= product.depth) {
        product.depth = left / (after + 1);
        multiply_block(packed, in_l2, product, epilogue);
        product.A += product.depth;
        product.B += product.depth * product.ldb;
        epilogue.continued = true;
    }
    product.depth = left;
    epilogue.activation = activation;
    multiply_block(packed, in_l2, product, epilogue);
}

// `out` is the number of all outputs of the layer, of which those of the product may be a part.
template <class T>
void forward_rows(std::size_t out, const Product<T>& product, const ForwardEpilogue<T>& epilogue) {
    switch (splits_for<T>(out)) {
        case 4:
            return broadcast_gemm<T, 4>(product, epilogue);
        case 2:
            return broadcast_gemm<T, 2>(product, epilogue);
        default:
            return forward_in_blocks(product, epilogue);
    }
}

// Short rows: the activation of many elements at once, while they are in L1, works on full vectors and loads
// its constants once. Rows that do not lie back to back do so on the stack first.
template <class T>
void forward_short_rows(Product<T> product, const ForwardEpilogue<T>& epilogue) {
    constexpr std::size_t elements = 4096;
    alignas(64) T results[elements + lanes<T>];  // store_rows loads whole vectors
    const std::size_t cols = product.cols, rows = product.rows, block = elements / cols;
    const bool in_place = epilogue.ld == cols;
    ForwardEpilogue<T> sums = epilogue;
    sums.activation = &functions<T>(Activation::identity);
    sums.ld = cols;
    for (std::size_t row = 0; row < rows; row += block) {
        T* const out = epilogue.out + row * epilogue.ld;
        sums.out = in_place ? out : results;
        product.rows = rows - row < block ? rows - row : block;
        forward_rows(cols, product, sums);
        epilogue.activation->values(product.rows * cols, sums.out, sums.out);
        if (!in_place) store_rows(product.rows, cols, results, cols, out, epilogue.ld);
        product.A += block * product.row_stride;
    }
}

// As measured on Zen 5: in place where there are some rows, with a copy where many vectors would end early.
template <class T>
bool short_rows_pay(std::size_t batch, std::size_t out, std::size_t lda) {
    const std::size_t rest = out % lanes<T>;
    if (lda == out) return batch >= 32 || (rest != 0 && batch >= 8);
    return batch >= 32 && rest != 0 && 4 * rest <= 3 * lanes<T>;
}

// One row, several outputs.
template <class T>
[[gnu::noinline]] void forward_single_row(std::size_t, std::size_t in, std::size_t out, const T* x,
                                          std::size_t, const T* W, std::size_t ldw, const T* b,
                                          Activation activation, T* a, std::size_t) {
    if (out >= long_row<T>)
        forward_long_row(in, out, x, W, ldw, AsItIs{}, b, functions<T>(activation), a);
    else
        forward_short_row(in, out, x, W, ldw, AsItIs{}, b, functions<T>(activation), a);
}

// Several outputs of several rows.
template <class T>
[[gnu::noinline]] void forward_several(std::size_t batch, std::size_t in, std::size_t out, const T* X,
                                       std::size_t ldx, const T* W, std::size_t ldw, const T* b,
                                       Activation activation, T* A, std::size_t lda) {
    const ForwardEpilogue<T> epilogue{b, &functions<T>(activation), A, lda};
    const Product<T> product{batch, out, in, X, ldx, 1, W, ldw};
    if (narrow_forward_pays(product)) return narrow_forward_of<T>(activation)(product, b, A, lda);
    if constexpr (has_quads<T>)
        if (are_few_outputs(product))
            return forward_few_outputs(product, b, functions<T>(activation), A, lda);
    const bool short_rows = out <= 4 * lanes<T> && short_rows_pay<T>(batch, out, lda);
    if (short_rows && epilogue.activation->values && out > 0)
        forward_short_rows(product, epilogue);
    else
        forward_rows(out, product, epilogue);
}

template <class T>
void dense_forward_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                          const T* W, std::size_t ldw, const T* b, Activation activation, T* A,
                          std::size_t lda) noexcept {
    const bool one_row = batch == 1;
    auto* way = forward_several<T>;
    if (out == 1)
        way = one_row && ldw == 1 ? forward_one_sum<T> : forward_one_output<T>;
    else if (one_row)
        way = forward_single_row<T>;
    way(batch, in, out, X, ldx, W, ldw, b, activation, A, lda);
}

template <class T>
void dense_forward_columns_kernel(std::size_t batch, std::size_t in, std::size_t out, std::size_t first,
                                  std::size_t count, const T* X, std::size_t ldx, const T* W, std::size_t ldw,
                                  const T* b, Activation activation, T* A, std::size_t lda) noexcept {
    if (count == out) return dense_forward_kernel(batch, in, out, X, ldx, W, ldw, b, activation, A, lda);
    if (batch == 0 || count == 0) return;
    const ForwardEpilogue<T> all{b, &functions<T>(activation), A, lda};
    forward_rows(out, Product<T>{batch, count, in, X, ldx, 1, W + first, ldw}, all.at(0, first));
}

template <class T>
void gemm_kernel(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx, const T* W,
                 std::size_t ldw, T* Z, std::size_t ldz) noexcept {
    dense_forward_kernel<T>(batch, in, out, X, ldx, W, ldw, nullptr, Activation::identity, Z, ldz);
}

template <class T>
void gemv_kernel(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw, const T* b,
                 T* y) noexcept {
    dense_forward_kernel<T>(1, in, out, x, in, W, ldw, b, Activation::identity, y, out);
}

}  // namespace
}  // namespace densimd::kernels
