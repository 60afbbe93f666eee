// Rows of a data set in an order, and copying them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include <densimd/nn/matrix.hpp>

namespace densimd::nn {

/// Rows of a data set in the order in which they are used: order[i], or i when `order` is null.
template <class T>
struct Rows {
    MatrixView<const T> X, Y;
    const std::size_t* order = nullptr;
    std::size_t count = 0;
};

/// Copies rows order[0] .. order[count - 1] of `from`, or its first rows if `order` is null. For short rows,
/// copies of a fixed size, of which the last overlaps the one before, are faster than calls of memcpy. Long
/// rows in an order are prefetched two rows ahead, up to 8 KiB each to fit L1: hardware cannot predict their
/// addresses.
template <class T>
void copy_rows(MatrixView<const T> from, const std::size_t* order, MatrixView<T> to) noexcept {
    const std::size_t bytes = to.cols() * sizeof(T), count = to.rows();
    const auto row = [&](std::size_t i) {
        return reinterpret_cast<const std::byte*>(from.row(order ? order[i] : i));
    };
    const auto copy = [&](auto copy_row) {
        for (std::size_t i = 0; i < count; ++i) copy_row(i, row(i), reinterpret_cast<std::byte*>(to.row(i)));
    };
    const auto in_pieces = [&]<std::size_t size>() {
        copy([bytes](std::size_t, const std::byte* source, std::byte* target) {
            for (std::size_t i = 0; i + size < bytes; i += size) std::memcpy(target + i, source + i, size);
            std::memcpy(target + bytes - size, source + bytes - size, size);
        });
    };
    if (bytes >= 1024 && order)
        copy([&](std::size_t i, const std::byte* source, std::byte* target) {
            if (i + 2 < count)
                for (std::size_t at = 0; at < std::min<std::size_t>(bytes, 8192); at += 64)
                    __builtin_prefetch(row(i + 2) + at);
            std::memcpy(target, source, bytes);
        });
    else if (bytes >= 128)
        copy([bytes](std::size_t, const std::byte* source, std::byte* target) {
            std::memcpy(target, source, bytes);
        });
    else if (bytes >= 16)
        in_pieces.template operator()<16>();
    else if (bytes >= 8)
        in_pieces.template operator()<8>();
    else
        in_pieces.template operator()<4>();
}

}  // namespace densimd::nn
