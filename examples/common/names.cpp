// Names of losses and networks.
#include "common/names.hpp"

namespace common {

namespace nn = densimd::nn;

std::string loss_name(nn::Loss loss) {
    switch (loss) {
        case nn::mean_squared_error:
            return "mean squared error";
        case nn::mean_absolute_error:
            return "mean absolute error";
        case nn::huber:
            return "Huber loss";
        case nn::binary_cross_entropy:
            return "binary cross-entropy";
        case nn::categorical_cross_entropy:
            return "categorical cross-entropy";
        case nn::cosine_distance:
            return "cosine distance";
    }
    return "";
}

std::string network_name(const nn::Network& network) {
    std::string text = std::to_string(network.inputs());
    for (const nn::Dense& layer : network.layers()) text += "-" + std::to_string(layer.outputs);
    return text;
}

}  // namespace common
