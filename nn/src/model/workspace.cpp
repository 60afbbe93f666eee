// The memory of a pass: one block per layer for activations and gradients.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <densimd/nn/network.hpp>
#include <densimd/stride.hpp>

namespace densimd::nn {

template <class T>
Workspace<T>::Workspace(const kernels::Kernels<T>& k, const std::vector<Dense>& layers, std::uint64_t layout,
                        std::size_t batch)
    : layout_(layout), batch_(batch) {
    if (batch == 0) throw Error("workspace: batch is 0; expected at least 1");
    std::size_t size = 0;
    const auto take = [&size, batch](std::size_t width, std::size_t stride) {
        if (batch > (std::numeric_limits<std::size_t>::max() / sizeof(T) - size) / (stride + 16))
            throw Error("workspace: batch " + std::to_string(batch) + " is too large");
        const Block block{width, stride, size};
        size += kernels::whole_lines<T>(batch * stride);
        return block;
    };
    const auto block = [&take](std::size_t width) { return take(width, kernels::padded_stride<T>(width)); };
    inputs_ = block(layers.front().inputs);
    targets_ = block(layers.back().outputs);
    for (const Dense& layer : layers) {
        activations_.push_back(block(layer.outputs));
        gradients_.push_back(block(layer.outputs));
    }
    losses_ = take(1, 1).offset;
    // Of kernels that take whole networks, one at a time. What those that train need depends on no loss.
    const auto program = [&](kernels::Method method) {
        return k.training_program(layers.size(), layers.data(), Loss::mean_squared_error, method, batch);
    };
    scratch_ = size;
    const std::size_t scratch = std::max({kernels::forward_scratch<T>(layers.size(), layers.data(), batch),
                                          program(kernels::Method::per_sample).memory,
                                          program(kernels::Method::minibatch).memory});
    if (size + scratch > memory_.max_size())
        throw Error("workspace: batch " + std::to_string(batch) + " is too large");
    memory_.resize(size + scratch);
}

template <class T>
bool Workspace<T>::has_widths_of(const std::vector<Dense>& layers) const noexcept {
    if (memory_.empty() || inputs_.width != layers.front().inputs || activations_.size() != layers.size())
        return false;
    for (std::size_t l = 0; l < layers.size(); ++l)
        if (activations_[l].width != layers[l].outputs) return false;
    return true;
}

template class Workspace<float>;
#if DENSIMD_DOUBLE
template class Workspace<double>;
#endif

}  // namespace densimd::nn
