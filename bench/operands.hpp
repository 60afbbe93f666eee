// The operands of a dense layer, and each kernel as a call on them.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <densimd/kernels.hpp>
#include <densimd/nn/memory.hpp>

namespace densimd::bench {

struct Shape {
    std::size_t batch, in, out;
};

/// packed: one row right after the other. padded: as far apart as densimd's networks have them.
enum class Rows { packed, padded };

/// All that a kernel of a layer reads and writes: the same numbers for the same arguments.
struct Operands {
    Shape shape;
    std::size_t ld_in, ld_out, ldw;  // of the matrices that have rows of `in` and of `out` elements, and of W
    nn::AlignedVector<float> X, W, b, Z, dZ, A, Y, V, dX, loss;  // V: an optimiser's state

    // A network of two layers, in -> out -> 1, whose parameters begin with W and go on behind it.
    kernels::Layer layers[2];
    nn::AlignedVector<float> scratch;

    explicit Operands(Shape s, Rows rows = Rows::packed);
};

struct KernelCall {
    const char* name;
    bool matrix;  // takes a batch and does 2 batch in out operations; else works on `batch` x `out` elements
    bool batch;   // whether there are rows to choose the number of
    void (*call)(const kernels::Kernels<float>&, Operands&);
    int products = 1;                // how many times 2 batch in out operations
    bool (*takes)(Shape) = nullptr;  // null: any shape
};

/// Every kernel.
std::span<const KernelCall> kernel_calls();

/// A benchmark of a wrong result would be worthless: ends the program, naming `what`, if they differ.
void check(const std::string& what, const Operands& expected, const Operands& found);

}  // namespace densimd::bench
