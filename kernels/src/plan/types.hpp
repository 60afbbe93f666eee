// What a plan says: values that can be printed, compared and forced. Data alone, so that objects of all ISAs share it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace densimd::kernels {

// A product C[rows][cols] = A[rows][depth] B[depth][cols], and the distance in elements between rows of B.
struct ProductShape {
    std::size_t rows, cols, depth, ldb;
};

enum class Prefetch : std::uint8_t { none, first_tile, all_tiles };

enum class Pack : std::uint8_t { none, panels, panels_and_blocks };

struct TilePlan {
    std::uint8_t accumulators;  // per output: fixes the bits, and so comes from order.hpp
    std::uint8_t panel;         // columns of B that the rows pass by, in vectors
    Prefetch prefetch;          // of B's rows into L1, for which tiles of a panel
    std::uint8_t rows_ahead;    // of them
    bool next_panel;            // the last tiles of a panel fetch the next one into L2
    bool rows_first;            // all panels of some rows before the next rows
    Pack pack;                  // what is copied back to back first
    std::size_t k_block;        // terms that are added before the sums wait in C; 0: all of them
};

enum class ForwardPath : std::uint8_t {
    dot_row,  // one output of one row: a dot product (dot_row.hpp)
    dot,      // one output: a dot product per row (dot.hpp)
    row,      // one row, its sums in registers (row.hpp)
    axpy,     // one row, its sums in L1 (axpy.hpp)
    square,   // four inputs x four outputs of a row in a vector (square.hpp)
    narrow,   // 4 rows x 1 vector, activated in registers (narrow.hpp)
    quad,     // few outputs: four inputs of several rows in a vector (quad.hpp)
    tile,     // an outer product (tile.hpp)
};

// How dot products with one column are computed.
enum class DotColumn : std::uint8_t {
    any_stride,    // W's elements are gathered
    half_vectors,  // two short rows fill a vector
    tall_tiles,    // as many rows as are summed along lanes at once
    low_tiles,     // half as many: long rows are more streams than there are prefetchers
};

struct ForwardPlan {
    ForwardPath path;
    bool stages;  // results wait back to back for their activation, or for their stride
};

enum class BackwardPath : std::uint8_t {
    outer,       // one output, W contiguous: dZ times W (pointwise/activation.hpp)
    column,      // one input: a dot product per row (dot.hpp)
    transposed,  // tiles of dZ times panels of W's transpose (transposed.hpp)
    short_dots,  // one row, few outputs: lanes along the inputs (transposed.hpp)
    dot_row,     // one row: dot products with the rows of W (dot_row.hpp)
    dot,         // dot products (dot.hpp)
};

struct TransposedPlan {
    std::size_t vectors;  // of W's rows in a panel of its transpose
    bool in_registers;    // a vector of each of its columns, as there are few outputs; else in tiles
    TilePlan tiles;
};

// The shape of tiles of dot products, for as many of them as are summed along lanes at once.
enum class DotTile : std::uint8_t {
    two_columns,
    square,  // the fewest loads
    two_rows,
    one_row,
};

// How one row's dot products with the rows of W are read. Eight of them at a time, but for long rows that are not
// in L1: with more streams than prefetchers, L3 and DRAM were 5 to 10 % slower on Zen 5.
enum class DotRow : std::uint8_t {
    lines,  // W's rows are a cache line at most
    eight,
    four,
};

enum class UpdatePath : std::uint8_t {
    rank_one,  // one row (rank_one.hpp)
    column,    // one output, W contiguous: a tile of its transpose
    tall,      // few outputs: tiles of W's transpose (tall.hpp)
    tile,      // an outer product (tile.hpp)
};

struct UpdatePlan {
    UpdatePath path;
    bool fetches;  // the tile of W below is fetched while the sums of one are made
};

// W += scale x dz^T, row after row of W.
enum class RankOnePath : std::uint8_t {
    column,      // W is a contiguous column
    short_rows,  // dz stays in registers
    rows,
};

// How rows of W are added to sums in L1 (axpy.hpp).
enum class AxpyPlan : std::uint8_t {
    eight_rows,         // in runs of two lines
    four_rows_apart,    // in runs of four lines; the sums wait where no row aliases them
    four_rows_written,  // rows that are also written
};

// A loss of each row.
enum class LossPath : std::uint8_t {
    column,      // rows of one term: lanes along the rows
    short_rows,  // rows of a vector, whose lanes are added up for several rows at once
    rows,
};

// The update by one sample and the forward pass of the next, in one pass over W.
enum class UpdateForwardPath : std::uint8_t {
    column,      // one output, W contiguous
    two_passes,  // one output, W with a stride
    row,         // sums in registers (row.hpp)
    axpy,        // sums in L1 (axpy.hpp)
};

}  // namespace densimd::kernels
