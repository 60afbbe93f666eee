// What the matrices' inline functions leave to the library: errors and aligned memory.
#include <cstddef>
#include <limits>
#include <new>
#include <string>

#include <densimd/nn/error.hpp>
#include <densimd/nn/matrix.hpp>
#include <densimd/nn/memory.hpp>

namespace densimd::nn::out_of_line {
namespace {

constexpr std::align_val_t cache_line{64};

std::string product(std::size_t rows, std::size_t cols) {
    return std::to_string(rows) + " x " + std::to_string(cols);
}

}  // namespace

void throw_short_stride(std::size_t stride, std::size_t cols) {
    throw Error("matrix view: stride " + std::to_string(stride) + " is less than the " +
                std::to_string(cols) + " columns");
}

void throw_null_view(std::size_t rows, std::size_t cols) {
    throw Error("matrix view: a null pointer cannot hold " + product(rows, cols));
}

void throw_wrong_count(std::size_t count, std::size_t rows, std::size_t cols) {
    throw Error("matrix: " + std::to_string(count) + " values do not make " + product(rows, cols));
}

void throw_too_large(std::size_t rows, std::size_t cols) {
    throw Error("matrix: " + product(rows, cols) + " is too large");
}

void throw_uneven_rows(std::size_t count, std::size_t cols) {
    throw Error("matrix view: " + std::to_string(count) + " values do not make rows of " +
                std::to_string(cols));
}

void* allocate_lines(std::size_t count, std::size_t size) {
    if (count > std::numeric_limits<std::size_t>::max() / size) throw std::bad_array_new_length();
    return ::operator new(count* size, cache_line);
}

void deallocate_lines(void* memory) noexcept { ::operator delete(memory, cache_line); }

}  // namespace densimd::nn::out_of_line
