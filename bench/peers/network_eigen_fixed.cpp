// Training over Eigen with all sizes known at compile time, one row at a time: what Eigen is at its best for.
#include <Eigen/Dense>

#include "network.hpp"

namespace densimd::bench::DENSIMD_LEVEL {
namespace {

template <int Size>
using Row = Eigen::Matrix<float, 1, Size>;
template <int Size>
using View = Eigen::Map<const Row<Size>>;
// Eigen wants its columns in order of columns.
template <int In, int Out>
using Weights = Eigen::Matrix<float, In, Out, Out == 1 ? Eigen::ColMajor : Eigen::RowMajor>;

// A layer and all that follow it; without sizes to follow, the loss. A step takes the input x of its layer
// and has the gradient of the loss with respect to x in dx.
template <int Out, int... Following>
struct Layers {
    static constexpr int outputs = Out;

    explicit Layers(const NetworkLayer*) {}

    template <class X>
    const float* predict(const X& x) {
        return x.data();
    }

    template <class X>
    float step(const X& x, const float* y, float, Row<Out>& dx) {
        dx = x - View<Out>(y);
        const float loss = dx.squaredNorm() / Out;
        dx *= 2.f / Out;
        return loss;
    }
};

template <int In, int Out, int... Following>
struct Layers<In, Out, Following...> {
    using Next = Layers<Out, Following...>;
    static constexpr int outputs = Next::outputs;

    explicit Layers(const NetworkLayer* layer)
        : W(Eigen::Map<const Weights<In, Out>>(layer->weights)), b(layer->biases), next(layer + 1) {}

    template <class X>
    void forward(const X& x) {
        a = b;
        a.noalias() += x * W;
        a = a.array().logistic();
    }

    template <class X>
    const float* predict(const X& x) {
        forward(x);
        return next.predict(a);
    }

    template <class X>
    float step(const X& x, const float* y, float rate, Row<In>& dx) {
        forward(x);
        const float loss = next.step(a, y, rate, dz);
        dz.array() *= a.array() * (1 - a.array());
        dx.noalias() = dz * W.transpose();
        update(x, rate);
        return loss;
    }

    // The first layer's: nobody asks for the gradient of the data.
    template <class X>
    float step(const X& x, const float* y, float rate) {
        forward(x);
        const float loss = next.step(a, y, rate, dz);
        dz.array() *= a.array() * (1 - a.array());
        update(x, rate);
        return loss;
    }

    template <class X>
    void update(const X& x, float rate) {
        dz *= rate;
        W.noalias() -= x.transpose() * dz;
        b -= dz;
    }

    Weights<In, Out> W;
    Row<Out> b, a, dz;
    Next next;
};

template <int In, int... Following>
class Network final : public PeerNetwork {
  public:
    explicit Network(const NetworkJob& job) : job_(job), layers_(job.layers) {}

    double train(const std::size_t* order) override {
        double losses = 0;
        for (std::size_t i = 0; i < job_.samples; ++i)
            losses += static_cast<double>(layers_.step(View<In>(job_.X + order[i] * In),
                                                       job_.Y + order[i] * All::outputs, job_.learning_rate));
        return losses / static_cast<double>(job_.samples);
    }

    const float* predict(const float* x) override { return layers_.predict(View<In>(x)); }

  private:
    using All = Layers<In, Following...>;

    NetworkJob job_;
    All layers_;
};

}  // namespace

PeerNetwork* eigen_fixed_network(const NetworkJob& job) {
    if (job.depth == 1) return new Network<8, 1>(job);
    return new Network<8, 16, 1>(job);
}

}  // namespace densimd::bench::DENSIMD_LEVEL
