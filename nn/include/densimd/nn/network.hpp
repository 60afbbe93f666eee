// Dense layers in a row: prediction, evaluation, training.
#pragma once

#include <densimd/version.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <densimd/kernels.hpp>
#include <densimd/nn/activation.hpp>
#include <densimd/nn/dense.hpp>
#include <densimd/nn/matrix.hpp>
#include <densimd/nn/memory.hpp>
#include <densimd/nn/training.hpp>
#include <densimd/subnormals.hpp>

namespace densimd::nn {

struct LayerOptions {
    std::size_t units;                            ///< outputs of the layer
    Activation activation = Activation::sigmoid;  ///< any but gelu, gelu_tanh and silu
};

struct NetworkOptions {
    std::size_t inputs;                ///< width of a row of X
    std::vector<LayerOptions> layers;  ///< first to last; the last one's units are the network's outputs
    std::uint64_t seed = 0;            ///< of the initial weights, the validation split and the epochs' order
};

/// A network's layers as a user reads, writes and calls them.
template <class T>
using LayerParameters = DenseView<T>;

template <class T>
class BasicNetwork;
template <class T>
class ForwardBackward;

/// The memory of a pass through a network of one shape, for up to `batch` rows. Made by
/// Network::make_workspace, owned by the caller, used by one call at a time. With a workspace of its own,
/// each thread can use the same const network.
template <class T>
class Workspace {
  public:
    std::size_t batch() const noexcept { return batch_; }

  private:
    friend class BasicNetwork<T>;
    friend class ForwardBackward<T>;
    Workspace(const kernels::Kernels<T>& k, const std::vector<Dense>& layers, std::uint64_t layout,
              std::size_t batch);
    bool fits(const std::vector<Dense>& layers, std::uint64_t layout) const noexcept {
        // One that was moved from has no memory.
        return (layout == layout_ && !memory_.empty()) || has_widths_of(layers);
    }
    bool has_widths_of(const std::vector<Dense>& layers) const noexcept;
    T* scratch(const std::vector<Dense>& layers, std::size_t slot) noexcept {
        T* const first = memory_.data() + scratch_;
        return slot == 0 ? first : first + kernels::forward_scratch<T>(layers.size(), layers.data(), slot);
    }

    struct Block {  // [batch][stride] from an offset into the memory
        std::size_t width, stride, offset;
    };
    std::uint64_t layout_;
    std::size_t batch_, losses_, scratch_;
    Block inputs_, targets_;                      // a batch gathered from shuffled rows
    std::vector<Block> activations_, gradients_;  // A and dZ of each layer
    AlignedVector<T> memory_;
};

/// Network computes in float, Network64 in double, both without subnormal numbers: see
/// densimd/subnormals.hpp. Copies are independent. const members may be called from any number of threads at
/// once, each with a workspace of its own.
template <class T>
class BasicNetwork {
  public:
    /// Draws the weights from Glorot's uniform distribution (Glorot and Bengio, 2010), +-sqrt(6 / (in +
    /// out)), the same for a seed on every machine; biases are 0. Throws Error if `inputs`, the layers or a
    /// layer's units are 0 or an activation cannot be used, and IsaError as kernels::active does.
    explicit BasicNetwork(NetworkOptions options);

    /// A network of the state's layers that goes on from there. Throws what `restore` throws, and Error if
    /// there can be no network of such layers.
    explicit BasicNetwork(const TrainingState<T>& state, OtherRounding other = OtherRounding::refuse);

    std::size_t inputs() const noexcept { return layers_.front().inputs; }
    std::size_t outputs() const noexcept { return layers_.back().outputs; }
    const std::vector<Dense>& layers() const noexcept { return layers_; }
    /// A layer on its own, which computes with the network's kernels. The view is valid as long as the
    /// network's parameters are. Throws Error if there is no such layer.
    DenseView<T> layer(std::size_t index);
    DenseView<const T> layer(std::size_t index) const;
    std::size_t epochs_trained() const noexcept { return epochs_trained_; }
    /// Updates so far, by fit and train_step. Those of an epoch that diverged are taken back.
    std::size_t steps_trained() const noexcept { return steps_trained_; }

    /// All layers' weights and biases in one buffer, laid out as `layers` says. Padding is 0 and stays 0.
    std::span<T> parameters() noexcept { return parameters_; }
    std::span<const T> parameters() const noexcept { return parameters_; }

    /// Memory for passes of up to `batch` rows at a time. Throws Error if batch is 0.
    Workspace<T> make_workspace(std::size_t batch = 1) const;

    /// Predictions for the rows of X, any number of them. A row's prediction depends on that row alone, bit
    /// for bit. A NaN in a row gives NaN. Throws Error if X has another width than the network.
    Matrix<T> predict(const MatrixView<const T>& X, int threads = 1) const;

    /// predict into the caller's memory: out[rows][outputs], not overlapping X. Allocates nothing. Throws
    /// Error if a shape does not fit or the workspace was made for another shape, and then writes nothing.
    void predict(const MatrixView<const T>& X, const MatrixView<T>& out, Workspace<T>& workspace,
                 int threads = 1) const;

    /// predict on one thread that never throws: returns false, and has written nothing, where `predict`
    /// throws.
    [[nodiscard]] bool try_predict(const MatrixView<const T>& X, const MatrixView<T>& out,
                                   Workspace<T>& workspace) const noexcept;

    /// Mean loss and metric over the rows. Throws Error if the shapes do not fit, the data is empty or not
    /// finite, or the loss does not go with the network or the targets.
    Evaluation evaluate(MatrixView<const T> X, MatrixView<const T> Y, Loss loss, Metric metric = Metric::none,
                        int threads = 1) const;

    /// The mean loss of the rows and, laid out like `parameters`, its gradient: what train_step follows.
    /// Throws as train_step does, and if `gradient` has another size than `parameters`.
    T gradient(MatrixView<const T> X, MatrixView<const T> Y, Loss loss, std::span<T> gradient,
               Workspace<T>& workspace) const;

    /// One update with the mean gradient of the rows given, usually one row. Returns their mean loss before
    /// the update. Allocates nothing, except what an optimiser needs at its first step: see reset_optimizer.
    /// Throws Error, and leaves the network as it was, if a shape does not fit, there is no row or more than
    /// the workspace holds, the data or the loss is not finite, a number of the optimiser is out of its
    /// range, or the optimiser's state would become infinite. If an update of plain sgd itself overflows,
    /// only the next step's loss shows it: keep a training_state to roll back to.
    T train_step(const MatrixView<const T>& X, const MatrixView<const T>& Y, Loss loss,
                 const Optimizer& optimizer, Workspace<T>& workspace, int threads = 1);

    /// train_step on one thread that never throws or allocates. Returns nothing, and has changed nothing,
    /// where `train_step` throws or would allocate because reset_optimizer has not been called for this
    /// method.
    [[nodiscard]] std::optional<T> try_train_step(const MatrixView<const T>& X, const MatrixView<const T>& Y,
                                                  Loss loss, const Optimizer& optimizer,
                                                  Workspace<T>& workspace) noexcept;

    /// Clears the optimiser's state and allocates what this optimiser needs: the state of its method and, if
    /// it is more than plain sgd, memory for a gradient. fit and train_step do so when the method differs
    /// from that of the step before; otherwise they continue with the state. Throws Error if a number of the
    /// optimiser is out of its range.
    void reset_optimizer(const Optimizer& optimizer);

    /// Saves and restores everything that training depends on, the seed included: a network of the same
    /// layers continues from a state bit for bit. `restore` returns whether it will: false if the state was
    /// trained with another rounding, which must be accepted, or an unknown one. It throws Error, and leaves
    /// the network as it was, if the layers differ, a number is not finite, the optimiser's numbers are
    /// impossible, or the rounding differs and is not accepted. Both reuse the memory of what they write to:
    /// neither allocates where a state of the same layers and optimiser was before.
    TrainingState<T> training_state() const;
    void training_state(TrainingState<T>& into) const;
    bool restore(const TrainingState<T>& state, OtherRounding other = OtherRounding::refuse);

    /// Trains for options.epochs more epochs, from where the network stands: fit of 5 and 5 epochs gives the
    /// bits of fit of 10. X and Y are used in place. Throws Error, and leaves the network as it was, for
    /// options or data that cannot be used; TrainingDiverged if a loss or weight becomes infinite or NaN.
    History fit(MatrixView<const T> X, MatrixView<const T> Y, const FitOptions& options);

  private:
    void predict_alone(const MatrixView<const T>& X, const MatrixView<T>& out,
                       Workspace<T>& workspace) const noexcept;
    void predict_on_team(const MatrixView<const T>& X, const MatrixView<T>& out, Workspace<T>& workspace,
                         int threads) const noexcept;
    // Report: what becomes of a refused call, see check.hpp.
    template <class Report>
    std::optional<T> step(const MatrixView<const T>& X, const MatrixView<const T>& Y, Loss loss,
                          const Optimizer& optimizer, Workspace<T>& workspace, int threads,
                          const Report& report);
    // To a state of this network's own.
    void roll_back(const TrainingState<T>& state);
    bool has_memory_for(const Optimizer& optimizer) const noexcept;
    // Makes the optimiser's state one of its method; returns the state that was replaced.
    OptimizerState<T> prepare(const Optimizer& optimizer);

    const kernels::Kernels<T>* kernels_;
    std::uint64_t seed_;
    std::size_t epochs_trained_ = 0, steps_trained_ = 0;
    std::uint64_t layout_;  // the same for copies of a network, of which layers_ is the same for good
    std::vector<Dense> layers_;
    AlignedVector<T> parameters_, gradient_;  // the gradient is scratch memory of optimisers that need it
    OptimizerState<T> optimizer_state_;
};

using Network = BasicNetwork<float>;
#if DENSIMD_DOUBLE
using Network64 = BasicNetwork<double>;
#endif

extern template class BasicNetwork<float>;
#if DENSIMD_DOUBLE
extern template class BasicNetwork<double>;
#endif

}  // namespace densimd::nn
