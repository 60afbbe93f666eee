// The article's training loop in plain double-precision code that shares nothing with the library.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <densimd/nn.hpp>

namespace densimd::test {

/// Starts from the weights of a network. Rows are vectors of double.
class PlainNetwork {
  public:
    using Row = std::vector<double>;

    template <class T>
    explicit PlainNetwork(const nn::BasicNetwork<T>& net) {
        for (std::size_t l = 0; l < net.layers().size(); ++l) {
            const auto source = net.layer(l);
            Layer layer{
                {}, Row(source.biases.begin(), source.biases.end()), source.activation == nn::sigmoid};
            for (std::size_t k = 0; k < source.weights.rows(); ++k)
                layer.W.emplace_back(source.weights.row(k), source.weights.row(k) + source.weights.cols());
            layers_.push_back(layer);
        }
    }

    Row predict(const Row& x) const { return activations(x).back(); }

    double loss(const Row& x, const Row& y, nn::Loss loss) const { return loss_of(predict(x), y, loss); }

    /// One update with the mean gradient of some rows; returns the sum of their losses before it.
    double step(const std::vector<Row>& X, const std::vector<Row>& Y, nn::Loss loss, double learning_rate) {
        std::vector<Layer> change = layers_;
        for (Layer& layer : change) {
            for (Row& row : layer.W) row.assign(row.size(), 0);
            layer.b.assign(layer.b.size(), 0);
        }
        double losses = 0;
        for (std::size_t i = 0; i < X.size(); ++i) losses += add_gradient(X[i], Y[i], loss, change);
        const double rate = learning_rate / static_cast<double>(X.size());
        for (std::size_t l = 0; l < layers_.size(); ++l)
            for (std::size_t j = 0; j < layers_[l].b.size(); ++j) {
                layers_[l].b[j] -= rate * change[l].b[j];
                for (std::size_t k = 0; k < layers_[l].W.size(); ++k)
                    layers_[l].W[k][j] -= rate * change[l].W[k][j];
            }
        return losses;
    }

    /// All weights and biases, layer by layer, row by row.
    Row parameters() const {
        Row all;
        for (const Layer& layer : layers_) {
            for (const Row& row : layer.W) all.insert(all.end(), row.begin(), row.end());
            all.insert(all.end(), layer.b.begin(), layer.b.end());
        }
        return all;
    }

  private:
    struct Layer {
        std::vector<Row> W;
        Row b;
        bool sigmoid;
    };

    // The input and the outputs of all layers.
    std::vector<Row> activations(const Row& x) const {
        std::vector<Row> a{x};
        for (const Layer& layer : layers_) {
            Row z = layer.b;
            for (std::size_t j = 0; j < z.size(); ++j) {
                for (std::size_t k = 0; k < layer.W.size(); ++k) z[j] += a.back()[k] * layer.W[k][j];
                if (layer.sigmoid) z[j] = 1 / (1 + std::exp(-z[j]));
            }
            a.push_back(z);
        }
        return a;
    }

    static double dot(const Row& a, const Row& b) {
        double sum = 0;
        for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
        return sum;
    }

    static Row softmax(const Row& z) {
        Row p;
        double sum = 0;
        for (const double logit : z) sum += std::exp(logit);
        for (const double logit : z) p.push_back(std::exp(logit) / sum);
        return p;
    }

    static double loss_of(const Row& a, const Row& y, nn::Loss loss) {
        if (loss == nn::cosine_distance) return 1 - dot(a, y) / std::sqrt(dot(a, a) * dot(y, y));
        const Row p = softmax(a);
        double sum = 0, classes = 0;
        for (std::size_t j = 0; j < a.size(); ++j) {
            const double r = a[j] - y[j];
            if (loss == nn::mean_squared_error) sum += r * r;
            if (loss == nn::mean_absolute_error) sum += std::abs(r);
            if (loss == nn::huber) sum += std::abs(r) <= 1 ? r * r / 2 : std::abs(r) - 0.5;
            if (loss == nn::binary_cross_entropy)
                sum -= y[j] * std::log(a[j]) + (1 - y[j]) * std::log(1 - a[j]);
            classes -= y[j] * std::log(p[j]);
        }
        return loss == nn::categorical_cross_entropy ? classes : sum / static_cast<double>(a.size());
    }

    // With respect to the outputs; binary cross-entropy as in the article, from the probabilities.
    static Row loss_gradient(const Row& a, const Row& y, nn::Loss loss) {
        Row gradient(a.size());
        const Row p = softmax(a);
        const double n = static_cast<double>(a.size()), aa = dot(a, a), yy = dot(y, y), ay = dot(a, y);
        for (std::size_t j = 0; j < a.size(); ++j) switch (loss) {
                case nn::mean_squared_error:
                    gradient[j] = 2 * (a[j] - y[j]) / n;
                    break;
                case nn::mean_absolute_error:
                    gradient[j] = (a[j] > y[j] ? 1 : -1) / n;
                    break;
                case nn::huber:
                    gradient[j] = std::clamp(a[j] - y[j], -1.0, 1.0) / n;
                    break;
                case nn::categorical_cross_entropy:
                    for (const double share : y) gradient[j] += share * p[j];
                    gradient[j] -= y[j];
                    break;
                case nn::binary_cross_entropy:
                    gradient[j] = (a[j] - y[j]) / (a[j] * (1 - a[j])) / n;
                    break;
                case nn::cosine_distance:
                    gradient[j] = (ay * a[j] / aa - y[j]) / std::sqrt(aa * yy);
                    break;
            }
        return gradient;
    }

    double add_gradient(const Row& x, const Row& y, nn::Loss loss, std::vector<Layer>& sum) const {
        const std::vector<Row> a = activations(x);
        Row dZ = loss_gradient(a.back(), y, loss);
        for (std::size_t l = layers_.size(); l-- > 0;) {
            const Layer& layer = layers_[l];
            if (layer.sigmoid)
                for (std::size_t j = 0; j < dZ.size(); ++j) dZ[j] *= a[l + 1][j] * (1 - a[l + 1][j]);
            Row dX(layer.W.size(), 0);
            for (std::size_t j = 0; j < dZ.size(); ++j) {
                sum[l].b[j] += dZ[j];
                for (std::size_t k = 0; k < layer.W.size(); ++k) {
                    sum[l].W[k][j] += a[l][k] * dZ[j];
                    dX[k] += layer.W[k][j] * dZ[j];
                }
            }
            dZ = dX;
        }
        return loss_of(a.back(), y, loss);
    }

    std::vector<Layer> layers_;
};

}  // namespace densimd::test
