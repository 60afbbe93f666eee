// A shared object that is linked with densimd.
#include "plugin.hpp"

#include <string_view>
#include <vector>

#include <densimd/nn.hpp>

namespace nn = densimd::nn;
namespace kernels = densimd::kernels;

void plugin_set_isa(int isa) { kernels::set_active_isa(static_cast<kernels::Isa>(isa)); }

int plugin_isa() { return static_cast<int>(kernels::active_isa()); }

const void* plugin_kernels() { return &kernels::active<float>(); }

unsigned long plugin_catches() {
    try {
        nn::Network net({.inputs = 0, .layers = {}});
    } catch (const nn::Error& error) {
        return std::string_view(error.what()).size();
    }
    return 0;
}

float plugin_learns() {
    nn::Network net({.inputs = 1, .layers = {{3, nn::tanh}, {1, nn::identity}}, .seed = 1});
    const std::vector<float> x{-1, 0, 1, 2}, y{-2, 0, 2, 4};
    net.fit(nn::column(x), nn::column(y), {.epochs = 50});
    return net.predict(nn::column(x))(3, 0);
}
