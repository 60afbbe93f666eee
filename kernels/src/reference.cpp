// The definition of every kernel, in plain loops that compute in a wider type.
#include "reference/networks.hpp"
#include "reference/optimizers.hpp"

namespace densimd::kernels {
namespace {

template <class T>
constexpr Kernels<T> reference_kernels{
    .sigmoid = value_of_each<T, Activation::sigmoid>,
    .sigmoid_grad = gradient_of_each<T, Activation::sigmoid>,
    .tanh = value_of_each<T, Activation::tanh>,
    .tanh_grad = gradient_of_each<T, Activation::tanh>,
    .exp = exp<T>,
    .log = log<T>,
    .log1p = log1p<T>,
    .softplus = value_of_each<T, Activation::softplus>,
    .softplus_grad = gradient_of_each<T, Activation::softplus>,
    .relu = value_of_each<T, Activation::relu>,
    .relu_grad = gradient_of_each<T, Activation::relu>,
    .leaky_relu = value_of_each_with<T, Activation::leaky_relu>,
    .leaky_relu_grad = gradient_of_each_with<T, Activation::leaky_relu>,
    .elu = value_of_each_with<T, Activation::elu>,
    .elu_grad = gradient_of_each_with<T, Activation::elu>,
    .gelu = value_of_each<T, Activation::gelu>,
    .gelu_grad = gradient_of_each<T, Activation::gelu>,
    .gelu_tanh = value_of_each<T, Activation::gelu_tanh>,
    .gelu_tanh_grad = gradient_of_each<T, Activation::gelu_tanh>,
    .silu = value_of_each<T, Activation::silu>,
    .silu_grad = gradient_of_each<T, Activation::silu>,
    .all_finite = all_finite<T>,
    .softmax = softmax<T>,
    .log_softmax = log_softmax<T>,
    .gemv = gemv<T>,
    .gemv_t = gemv_t<T>,
    .ger = ger<T>,
    .gemm = gemm<T>,
    .gemm_nt = gemm_nt<T>,
    .gemm_tn = gemm_tn<T>,
    .dense_forward = dense_forward<T>,
    .dense_forward_columns = dense_forward_columns<T>,
    .dense_backward_input = dense_backward_input<T>,
    .dense_backward_input_rows = dense_backward_input_rows<T>,
    .dense_update = dense_update<T>,
    .dense_backward_update = dense_backward_update<T>,
    .dense_update_forward = dense_update_forward<T>,
    .network_forward = network_forward<T>,
    .training_program = reference_program<T>,
    .training_begin = training_begin<T>,
    .training_gather = training_gather<T>,
    .training_advance = training_advance<T>,
    .train_per_sample = train_per_sample<T>,
    .training_end = training_end<T>,
    .tiny_steps = tiny_steps<T>,
    .mean_squared_error = mean_squared_error<T>,
    .binary_cross_entropy = binary_cross_entropy<T>,
    .binary_cross_entropy_from_probabilities = binary_cross_entropy_from_probabilities<T>,
    .categorical_cross_entropy = categorical_cross_entropy<T>,
    .mean_absolute_error = mean_absolute_error<T>,
    .huber = huber<T>,
    .cosine_distance = cosine_distance<T>,
    .sgd_step = sgd_step<T>,
    .momentum_step = momentum_step<T>,
    .nesterov_step = nesterov_step<T>,
    .adam_step = adam_step<T>,
    .adamw_step = adamw_step<T>,
    .sum_of_squares = sum_of_squares<T>,
};

}  // namespace

template <Scalar T>
const Kernels<T>& reference() noexcept {
    return reference_kernels<T>;
}

template const Kernels<float>& reference<float>() noexcept;
#if DENSIMD_DOUBLE
template const Kernels<double>& reference<double>() noexcept;
#endif

}  // namespace densimd::kernels
