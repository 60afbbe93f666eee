// Memory between two pages that may not be touched, and matrices in it whose padding is watched.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "compare.hpp"

namespace densimd::test {

/// Which end of the buffer touches a protected page.
enum class Edge { begin, end };

inline std::string name_of(Edge edge) { return edge == Edge::begin ? "begin" : "end"; }

/// A mapping of a fixed size with a protected page on either side. Mapping is slow under emulators, so that
/// freed ones are used again.
class GuardedRegion {
  public:
    static constexpr std::size_t capacity = std::size_t{1} << 23;

    GuardedRegion() {
        if (!unused().empty()) {
            memory_ = unused().back();
            unused().pop_back();
            return;
        }
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        void* all =
            mmap(nullptr, capacity + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (all == MAP_FAILED) std::abort();
        memory_ = static_cast<std::byte*>(all) + page;
        if (mprotect(memory_, capacity, PROT_READ | PROT_WRITE) != 0) std::abort();
    }
    ~GuardedRegion() { unused().push_back(memory_); }
    GuardedRegion(const GuardedRegion&) = delete;
    GuardedRegion& operator=(const GuardedRegion&) = delete;

    std::byte* place(std::size_t bytes, Edge edge) const {
        if (bytes > capacity) std::abort();
        return edge == Edge::begin ? memory_ : memory_ + (capacity - bytes);
    }

  private:
    static std::vector<std::byte*>& unused() {
        static std::vector<std::byte*> regions;
        return regions;
    }
    std::byte* memory_;
};

/// How a matrix lies in memory: `padding` elements between two rows (none after the last), and the guarded
/// edge.
struct Layout {
    std::size_t padding;
    Edge edge;
};

/// The layouts that every kernel is tested with: rows back to back up to a protected page, which also gives
/// the lowest alignment, and rows apart after one.
constexpr Layout layouts[] = {{0, Edge::end}, {3, Edge::begin}, {3, Edge::end}};

/// rows x cols in guarded memory. The padding holds NaNs: a kernel that computes with it shows it in its
/// results, one that writes there is found by `padding_intact`.
template <class T>
class Guarded {
  public:
    /// `values` are rows without padding.
    Guarded(std::size_t rows, std::size_t cols, const std::vector<T>& values, Layout layout)
        : rows_(rows),
          cols_(cols),
          ld_(cols + layout.padding),
          size_(rows == 0 || cols == 0 ? 0 : (rows - 1) * ld_ + cols),
          data_(reinterpret_cast<T*>(region_.place(size_ * sizeof(T), layout.edge))) {
        if (values.size() != rows * cols) std::abort();
        std::fill(data_, data_ + size_, canary());
        for (std::size_t i = 0; i < rows && cols > 0; ++i)
            std::copy_n(values.data() + i * cols, cols, data_ + i * ld_);
        original_.assign(data_, data_ + size_);
    }

    /// A matrix to be written to: full of NaNs.
    Guarded(std::size_t rows, std::size_t cols, Layout layout)
        : Guarded(rows, cols, std::vector<T>(rows * cols, canary()), layout) {}

    T* data() { return data_; }
    std::size_t ld() const { return ld_; }

    std::vector<T> values() const {
        std::vector<T> packed;
        packed.reserve(rows_ * cols_);
        for (std::size_t i = 0; i < rows_ && cols_ > 0; ++i)
            packed.insert(packed.end(), data_ + i * ld_, data_ + i * ld_ + cols_);
        return packed;
    }

    /// Whether every bit is as it was.
    bool unchanged() const { return same_bits(data_, original_.data(), size_); }

    bool padding_intact() const {
        for (std::size_t i = 0; i + 1 < rows_ && cols_ > 0; ++i)
            if (!same_bits(data_ + i * ld_ + cols_, original_.data() + i * ld_ + cols_, ld_ - cols_))
                return false;
        return true;
    }

  private:
    static T canary() { return std::numeric_limits<T>::quiet_NaN(); }

    GuardedRegion region_;
    std::size_t rows_, cols_, ld_, size_;
    T* data_;
    std::vector<T> original_;
};

/// A vector is a matrix of one row.
template <class T>
class GuardedVector : public Guarded<T> {
  public:
    GuardedVector(const std::vector<T>& values, Layout layout)
        : Guarded<T>(1, values.size(), values, layout) {}
    GuardedVector(std::size_t count, Layout layout) : Guarded<T>(1, count, layout) {}
};

}  // namespace densimd::test
