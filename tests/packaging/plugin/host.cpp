// A program that is linked with densimd, exports all that it may, and loads a plug-in that is linked with
// densimd, too. Run with the plug-in's path.
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include <densimd/nn.hpp>

#include "plugin.hpp"

namespace kernels = densimd::kernels;
namespace nn = densimd::nn;

namespace {

template <class Function>
Function* find(void* plugin, const char* name) {
    void* const symbol = dlsym(plugin, name);
    if (symbol == nullptr) {
        std::printf("%s\n", dlerror());
        std::exit(2);
    }
    return reinterpret_cast<Function*>(symbol);
}

int failures = 0;

void check(bool holds, const char* what) {
    if (holds) return;
    std::printf("does not hold: %s\n", what);
    ++failures;
}

}  // namespace

#define FIND(name) find<decltype(name)>(plugin, #name)

int main(int count, char** arguments) {
    if (count != 2) return 2;
    const kernels::Isa slowest = kernels::available_isas().front(),
                       fastest = kernels::available_isas().back();
    kernels::set_active_isa(slowest);

    void* const plugin = dlopen(arguments[1], RTLD_NOW | RTLD_GLOBAL);
    if (plugin == nullptr) {
        std::printf("%s\n", dlerror());
        return 2;
    }
    const auto set_isa = FIND(plugin_set_isa);
    const auto isa = FIND(plugin_isa);
    const auto table = FIND(plugin_kernels);

    set_isa(static_cast<int>(fastest));
    check(kernels::active_isa() == slowest, "the host's ISA stays when the plug-in sets its own");
    check(isa() == static_cast<int>(fastest), "the plug-in has the ISA that it set");
    kernels::set_active_isa(fastest);
    set_isa(static_cast<int>(slowest));
    check(kernels::active_isa() == fastest, "the host has the ISA that it set");
    check(isa() == static_cast<int>(slowest), "the plug-in's ISA stays when the host sets its own");
    set_isa(static_cast<int>(fastest));
    check(table() != &kernels::active<float>(), "the plug-in has kernels of its own");

    check(FIND(plugin_catches)() > 0, "the plug-in catches what its densimd throws");
    nn::Network net({.inputs = 1, .layers = {{3, nn::tanh}, {1, nn::identity}}, .seed = 1});
    const std::vector<float> x{-1, 0, 1, 2}, y{-2, 0, 2, 4};
    net.fit(nn::column(x), nn::column(y), {.epochs = 50});
    check(net.predict(nn::column(x))(3, 0) == FIND(plugin_learns)(), "both learn the same");
    return failures == 0 ? 0 : 1;
}
