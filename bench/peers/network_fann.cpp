// FANN, the Fast Artificial Neural Network Library, one sample at a time.
#include <fann.h>

#include <memory>
#include <vector>

#include "network.hpp"

namespace densimd::bench {
namespace {

// FANN takes data that it only reads through pointers that could write.
float* writable(const float* data) { return const_cast<float*>(data); }

class Network final : public PeerNetwork {
  public:
    explicit Network(const NetworkJob& job) : job_(job) {
        std::vector<unsigned> widths = {static_cast<unsigned>(job.layers[0].inputs)};
        for (std::size_t l = 0; l < job.depth; ++l)
            widths.push_back(static_cast<unsigned>(job.layers[l].outputs));
        ann_.reset(fann_create_standard_array(static_cast<unsigned>(widths.size()), widths.data()));
        fann* const ann = ann_.get();
        fann_set_activation_function_hidden(ann, FANN_SIGMOID);
        fann_set_activation_function_output(ann, FANN_SIGMOID);
        // Its sigmoid is 1 / (1 + exp(-2 steepness x)).
        fann_set_activation_steepness_hidden(ann, 0.5f);
        fann_set_activation_steepness_output(ann, 0.5f);
        fann_set_training_algorithm(ann, FANN_TRAIN_INCREMENTAL);
        fann_set_train_error_function(ann, FANN_ERRORFUNC_LINEAR);
        fann_set_learning_momentum(ann, 0);
        // It follows A - Y, where the gradient of the mean squared error is 2 (A - Y) / outputs.
        fann_set_learning_rate(ann, job.learning_rate * 2 / static_cast<float>(widths.back()));

        // fann_set_weight looks for each weight among all of them, which would take hours. They lie neuron
        // by neuron, a neuron's bias after its weights.
        float* weight = ann->weights;
        for (std::size_t l = 0; l < job.depth; ++l) {
            const NetworkLayer& layer = job.layers[l];
            for (std::size_t j = 0; j < layer.outputs; ++j) {
                for (std::size_t k = 0; k < layer.inputs; ++k)
                    *weight++ = layer.weights[k * layer.outputs + j];
                *weight++ = layer.biases[j];
            }
        }
    }

    double train(const std::size_t* order) override {
        const std::size_t inputs = job_.layers[0].inputs, outputs = job_.layers[job_.depth - 1].outputs;
        fann_reset_MSE(ann_.get());
        for (std::size_t i = 0; i < job_.samples; ++i)
            fann_train(ann_.get(), writable(job_.X + order[i] * inputs),
                       writable(job_.Y + order[i] * outputs));
        return static_cast<double>(fann_get_MSE(ann_.get()));
    }

    const float* predict(const float* x) override { return fann_run(ann_.get(), writable(x)); }

  private:
    struct Destroy {
        void operator()(fann* ann) const { fann_destroy(ann); }
    };

    NetworkJob job_;
    std::unique_ptr<fann, Destroy> ann_;
};

}  // namespace

PeerNetwork* fann_network(const NetworkJob& job) { return new Network(job); }

}  // namespace densimd::bench
