// A whole network in a peer's hands. Only plain pointers cross the border between peers and benchmarks: see
// level.hpp.
#pragma once

#include <cstddef>

namespace densimd::bench {

struct NetworkLayer {
    std::size_t inputs, outputs;
    const float* weights;  // [inputs][outputs]
    const float* biases;   // [outputs]
};

/// Plain gradient descent on the mean squared error, with sigmoid in all layers.
struct NetworkJob {
    const NetworkLayer* layers;  // with the weights to start from
    std::size_t depth;
    const float* X;              // [samples][inputs]
    const float* Y;              // [samples][outputs]
    std::size_t samples, batch;  // a whole number of batches
    float learning_rate;
};

/// A copy of the job's weights, and all memory that training takes. Works on the job's data in place.
class PeerNetwork {
  public:
    PeerNetwork() = default;
    PeerNetwork(const PeerNetwork&) = delete;
    PeerNetwork& operator=(const PeerNetwork&) = delete;
    virtual ~PeerNetwork();

    /// One epoch over the samples in this order. Returns the mean loss, each sample's from before its update.
    virtual double train(const std::size_t* order) = 0;

    /// The outputs for one row, valid until the next call.
    virtual const float* predict(const float* x) = 0;
};

#define DENSIMD_DECLARE_LEVEL(level)                         \
    namespace level {                                        \
    PeerNetwork* eigen_network(const NetworkJob& job);       \
    PeerNetwork* eigen_fixed_network(const NetworkJob& job); \
    }
DENSIMD_DECLARE_LEVEL(avx2)
DENSIMD_DECLARE_LEVEL(avx512)
DENSIMD_DECLARE_LEVEL(neon)
#undef DENSIMD_DECLARE_LEVEL

/// For batches of 1.
PeerNetwork* fann_network(const NetworkJob& job);

}  // namespace densimd::bench
