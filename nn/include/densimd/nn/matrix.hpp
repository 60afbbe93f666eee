// Row-major matrices: MatrixView uses the caller's memory in place, Matrix owns its own.
#pragma once

#include <densimd/version.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <densimd/nn/error.hpp>

namespace densimd::nn {

namespace out_of_line {

// Out of line, so that programs without exceptions can include this.
[[noreturn]] void throw_short_stride(std::size_t stride, std::size_t cols);
[[noreturn]] void throw_null_view(std::size_t rows, std::size_t cols);
[[noreturn]] void throw_wrong_count(std::size_t count, std::size_t rows, std::size_t cols);
[[noreturn]] void throw_too_large(std::size_t rows, std::size_t cols);
[[noreturn]] void throw_uneven_rows(std::size_t count, std::size_t cols);

}  // namespace out_of_line

/// rows x cols elements in the caller's memory; row i starts at data + i * stride (in elements). Owns
/// nothing. MatrixView<const T> is the read-only form.
template <class T>
class MatrixView {
  public:
    MatrixView() = default;

    /// Throws Error if stride < cols, or if data is null and there are elements.
    MatrixView(T* data, std::size_t rows, std::size_t cols, std::size_t stride)
        : data_(data), rows_(rows), cols_(cols), stride_(stride) {
        if (stride < cols) out_of_line::throw_short_stride(stride, cols);
        if (data == nullptr && rows > 0 && cols > 0) out_of_line::throw_null_view(rows, cols);
    }

    MatrixView(T* data, std::size_t rows, std::size_t cols) : MatrixView(data, rows, cols, cols) {}

    /// A writable view is readable.
    template <class U>
    requires(std::is_same_v<T, const U>) MatrixView(const MatrixView<U>& other)
    noexcept : data_(other.data()), rows_(other.rows()), cols_(other.cols()), stride_(other.stride()) {}

    /// For a caller who knows that the first constructor would not throw.
    static MatrixView unchecked(T* data, std::size_t rows, std::size_t cols, std::size_t stride) noexcept {
        MatrixView view;
        view.data_ = data;
        view.rows_ = rows;
        view.cols_ = cols;
        view.stride_ = stride;
        return view;
    }

    T* data() const noexcept { return data_; }
    std::size_t rows() const noexcept { return rows_; }
    std::size_t cols() const noexcept { return cols_; }
    std::size_t stride() const noexcept { return stride_; }
    T* row(std::size_t i) const noexcept { return data_ + i * stride_; }
    T& operator()(std::size_t i, std::size_t j) const noexcept { return data_[i * stride_ + j]; }

    /// `count` rows from row `first`, which the caller knows to exist.
    MatrixView middle_rows(std::size_t first, std::size_t count) const noexcept {
        return unchecked(data_ + first * stride_, count, cols_, stride_);
    }

  private:
    T* data_ = nullptr;
    std::size_t rows_ = 0, cols_ = 0, stride_ = 0;
};

/// Row-major rows x cols, contiguous, zero at first. Converts to views of itself.
template <class T>
class Matrix {
  public:
    Matrix() = default;

    /// Throws Error if rows * cols is more than memory can hold.
    Matrix(std::size_t rows, std::size_t cols) : values_(size_of(rows, cols)), rows_(rows), cols_(cols) {}

    /// Takes over row-major values. Throws Error if there are not rows * cols of them.
    Matrix(std::size_t rows, std::size_t cols, std::vector<T> values)
        : values_(std::move(values)), rows_(rows), cols_(cols) {
        if (values_.size() != size_of(rows, cols)) out_of_line::throw_wrong_count(values_.size(), rows, cols);
    }

    std::size_t rows() const noexcept { return rows_; }
    std::size_t cols() const noexcept { return cols_; }
    T* data() noexcept { return values_.data(); }
    const T* data() const noexcept { return values_.data(); }
    T* row(std::size_t i) noexcept { return values_.data() + i * cols_; }
    const T* row(std::size_t i) const noexcept { return values_.data() + i * cols_; }
    T& operator()(std::size_t i, std::size_t j) noexcept { return values_[i * cols_ + j]; }
    const T& operator()(std::size_t i, std::size_t j) const noexcept { return values_[i * cols_ + j]; }

    MatrixView<T> view() noexcept { return {values_.data(), rows_, cols_}; }
    MatrixView<const T> view() const noexcept { return {values_.data(), rows_, cols_}; }
    operator MatrixView<T>() noexcept { return view(); }
    operator MatrixView<const T>() const noexcept { return view(); }

  private:
    static std::size_t size_of(std::size_t rows, std::size_t cols) {
        if (cols > 0 && rows > static_cast<std::size_t>(PTRDIFF_MAX) / sizeof(T) / cols)
            out_of_line::throw_too_large(rows, cols);
        return rows * cols;
    }

    std::vector<T> values_;
    std::size_t rows_ = 0, cols_ = 0;
};

/// A view of the caller's values as one column: one number per row, e.g. the targets of a single output.
template <class T>
MatrixView<T> column(std::span<T> values) {
    return {values.data(), values.size(), 1};
}
template <class T>
MatrixView<const T> column(const std::vector<T>& values) {
    return {values.data(), values.size(), 1};
}

/// A view of the caller's values as rows of `cols` elements. Throws Error if they do not divide evenly.
template <class T>
MatrixView<const T> rows_of(std::size_t cols, const std::vector<T>& values) {
    if (cols == 0 || values.size() % cols != 0) out_of_line::throw_uneven_rows(values.size(), cols);
    return {values.data(), values.size() / cols, cols};
}

}  // namespace densimd::nn
