// Checks of the options of fit.
#include "training/check_options.hpp"

#include <string>

#include <densimd/nn/error.hpp>

#include "check.hpp"
#include "training/check_optimizer.hpp"
#include "training/optimizer_step.hpp"

namespace densimd::nn {
namespace {

void check_engine(const FitOptions& options) {
    if (options.engine < Engine::automatic || options.engine > Engine::block) throw Error("unknown engine");
    if (options.batch_size > 1 && options.engine > Engine::plain)
        throw Error("engine " + std::string(name(options.engine)) +
                    " is for batch_size 1; found batch_size " + std::to_string(options.batch_size));
    if (!is_plain_descent(options.optimizer) && options.engine > Engine::plain)
        throw Error("engine " + std::string(name(options.engine)) +
                    " is for sgd without weight_decay and max_gradient_norm; found another optimizer");
}

}  // namespace

template <class T>
void check_options(const FitOptions& options) {
    check_threads(options.threads);
    check_optimizer<T>(options.optimizer);
    if (options.batch_size == 0) throw Error("batch_size is 0; expected at least 1");
    check_engine(options);
}

template void check_options<float>(const FitOptions&);
#if DENSIMD_DOUBLE
template void check_options<double>(const FitOptions&);
#endif

}  // namespace densimd::nn
