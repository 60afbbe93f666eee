// The steps of optimisers, all called alike.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "tables.hpp"

namespace densimd::test {

using kernels::AdamOptions;
using kernels::StepOptions;

/// Momentum is beta1; sgd has no m and v, momentum no m.
template <class T>
struct Optimizer {
    std::string name;
    void (*call)(const Kernels<T>& kernels, std::size_t n, const StepOptions<T>& options,
                 const AdamOptions<T>& adam, const T* g, T* m, T* v, T* w);
    bool is_adam = false;
};

template <class T>
std::vector<Optimizer<T>> optimizers() {
    using K = Kernels<T>;
    using Step = StepOptions<T>;
    using Adam = AdamOptions<T>;
    using Size = std::size_t;
    return {
        {.name = "sgd_step",
         .call = [](const K& k, Size n, const Step& options, const Adam&, const T* g, T*, T*,
                    T* w) { k.sgd_step(n, options, g, w); }},
        {.name = "momentum_step",
         .call = [](const K& k, Size n, const Step& options, const Adam& adam, const T* g, T*, T* v,
                    T* w) { k.momentum_step(n, options, adam.beta1, g, v, w); }},
        {.name = "nesterov_step",
         .call = [](const K& k, Size n, const Step& options, const Adam& adam, const T* g, T*, T* v,
                    T* w) { k.nesterov_step(n, options, adam.beta1, g, v, w); }},
        {.name = "adam_step",
         .call = [](const K& k, Size n, const Step& options, const Adam& adam, const T* g, T* m, T* v,
                    T* w) { k.adam_step(n, options, adam, g, m, v, w); },
         .is_adam = true},
        {.name = "adamw_step",
         .call = [](const K& k, Size n, const Step& options, const Adam& adam, const T* g, T* m, T* v,
                    T* w) { k.adamw_step(n, options, adam, g, m, v, w); },
         .is_adam = true},
    };
}

/// The usual constants at the given step, which counts from 1.
template <class T>
AdamOptions<T> usual_adam(int step) {
    const T beta1 = T(0.9), beta2 = T(0.999);
    return {beta1, beta2, T(1e-8), std::pow(beta1, static_cast<T>(step)),
            std::pow(beta2, static_cast<T>(step))};
}

}  // namespace densimd::test
