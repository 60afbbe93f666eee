// The kernels: pure functions on the caller's memory, gathered in one table per instruction set.
//
//     const auto& k = densimd::kernels::active<float>();   // once; may throw IsaError
//     k.dense_forward(batch, in, out, X, in, W, out, b, densimd::kernels::Activation::sigmoid, A, out);
//
// Every kernel is noexcept, allocates nothing, starts no thread and touches no byte outside its arguments. T
// is float or double. At most 80 KiB of stack are used. Names and shapes, all row-major:
//
// clang-format off
//     in, out    layer widths             X[batch][in]   inputs        W[in][out]  weights      b[out]  biases
//     batch      rows of X                Z = X W + b    logits        A = act(Z)  activations
//     ld*        leading dimension: the distance between two rows, in elements; at least the row's length
//     dZ, dX     gradients of the loss with respect to Z and X
// clang-format on
//
// Unless a kernel says otherwise: any size may be 0 (an empty sum is 0, an empty output is left alone);
// pointers need only the alignment of T and may be null when nothing is read or written through them; outputs
// must not overlap inputs. Preconditions are not checked. Fast leading dimensions: <densimd/stride.hpp>.
//
// Accuracy of sums: |error| <= n * eps * sum |terms|, n the number of terms. The order in which an output is
// summed depends on (in, out) alone, not on the batch nor, among ISAs with FMA, on the ISA: their results are
// equal bit for bit. A NaN comes out as a NaN; its sign and payload are not specified.
//
// Kernels leave the thread's floating-point control register as it is and compute with its rounding and
// flushing; ISAs agree where it rounds to nearest. On subnormal numbers many CPUs are up to a hundred times
// slower: <densimd/subnormals.hpp> says how networks deal with them, and how a caller of kernels can. On x86,
// network_forward of one row sets MXCSR's flag DE or UE if any number that it met or made was subnormal; of
// its outputs only those of sigmoid, tanh, softplus, relu and elu are seen.
#pragma once

#include <densimd/version.hpp>

#include <concepts>
#include <cstddef>

#include <densimd/isa.hpp>
#include <densimd/networks.hpp>

namespace densimd::kernels {

/// What all optimisers' steps have in common. With g the gradient given, they descend along
/// gradient_scale g + weight_decay w; adamw_step shrinks w by learning_rate weight_decay instead.
template <class T>
struct StepOptions {
    T learning_rate;
    T weight_decay = 0;
    T gradient_scale = 1;  // 1 / batch for a sum; max_norm / norm to clip
};

/// Adam's constants (Kingma and Ba, arXiv 1412.6980), and beta1 and beta2 to the power of the step's number,
/// which counts from 1.
template <class T>
struct AdamOptions {
    T beta1, beta2, epsilon;
    T beta1_power, beta2_power;
};

template <class T>
struct Kernels {
    // ---- element-wise: n elements ----
    //
    // y may be x; dx may be any of its inputs. The functions are as accurate as stated in units of the last
    // place (ULP), also where the result is smaller than the normal numbers and its ULP is that of the
    // smallest. Functions have their limits at
    // +-inf. Bounds of errors stand beside half the smallest number there is. A derivative f' is multiplied
    // with a gradient ds: dx = ds f'.

    /// y = 1 / (1 + exp(-x)), never falling. float: at most 3 ULP, double: 4 ULP.
    void (*sigmoid)(std::size_t n, const T* x, T* y) noexcept;
    /// dx = ds s (1 - s), where s = sigmoid(x). |error| <= 1.5 epsilon |dx|.
    void (*sigmoid_grad)(std::size_t n, const T* s, const T* ds, T* dx) noexcept;

    /// Never falling, odd. float: at most 3 ULP, double: 4 ULP.
    void (*tanh)(std::size_t n, const T* x, T* y) noexcept;
    /// dx = ds (1 - y^2), where y = tanh(x). |error| <= 2 epsilon |dx|.
    void (*tanh_grad)(std::size_t n, const T* y, const T* ds, T* dx) noexcept;

    /// float: at most 3 ULP, double: 4 ULP.
    void (*exp)(std::size_t n, const T* x, T* y) noexcept;
    /// The natural logarithm: -inf at 0, NaN below. float: at most 3 ULP, double: 4 ULP.
    void (*log)(std::size_t n, const T* x, T* y) noexcept;
    /// log(1 + x): -inf at -1, NaN below. float: at most 3 ULP, double: 4 ULP.
    void (*log1p)(std::size_t n, const T* x, T* y) noexcept;

    /// y = log(1 + exp(x)). At most 4 ULP.
    void (*softplus)(std::size_t n, const T* x, T* y) noexcept;
    /// dx = ds (1 - exp(-y)), where y = softplus(x). |error| <= 4.5 epsilon |dx|.
    void (*softplus_grad)(std::size_t n, const T* y, const T* ds, T* dx) noexcept;

    /// y = max(x, 0).
    void (*relu)(std::size_t n, const T* x, T* y) noexcept;
    /// dx = ds where y > 0, 0 elsewhere. y: relu's input or output.
    void (*relu_grad)(std::size_t n, const T* y, const T* ds, T* dx) noexcept;

    /// y = x where x > 0, slope x elsewhere. slope > 0.
    void (*leaky_relu)(std::size_t n, T slope, const T* x, T* y) noexcept;
    /// dx = ds where y > 0, slope ds elsewhere. y: leaky_relu's input or output.
    void (*leaky_relu_grad)(std::size_t n, T slope, const T* y, const T* ds, T* dx) noexcept;

    /// y = x where x > 0, alpha (exp(x) - 1) elsewhere. At most 4 ULP.
    void (*elu)(std::size_t n, T alpha, const T* x, T* y) noexcept;
    /// dx = ds where y > 0, ds (y + alpha) elsewhere, where y = elu(x) and alpha > 0.
    void (*elu_grad)(std::size_t n, T alpha, const T* y, const T* ds, T* dx) noexcept;

    /// y = x Phi(x), Phi the standard normal distribution function. At most 8 ULP; on baseline x^2 / 2 more,
    /// because there the square is rounded.
    void (*gelu)(std::size_t n, const T* x, T* y) noexcept;
    /// dx = ds (Phi(x) + x phi(x)), phi the normal density. |error| <= 8 epsilon |ds|.
    void (*gelu_grad)(std::size_t n, const T* x, const T* ds, T* dx) noexcept;

    /// y = x (1 + tanh(u)) / 2 with u = sqrt(2 / pi) (x + 0.044715 x^3), an approximation of gelu.
    /// |error| <= 4 epsilon |x|.
    void (*gelu_tanh)(std::size_t n, const T* x, T* y) noexcept;
    /// dx = ds gelu_tanh'(x). |error| <= 8 epsilon |ds|.
    void (*gelu_tanh_grad)(std::size_t n, const T* x, const T* ds, T* dx) noexcept;

    /// y = x sigmoid(x). At most 5 ULP.
    void (*silu)(std::size_t n, const T* x, T* y) noexcept;
    /// dx = ds s (1 + x (1 - s)), where s = sigmoid(x). |error| <= 8 epsilon |ds|.
    void (*silu_grad)(std::size_t n, const T* x, const T* ds, T* dx) noexcept;

    /// Whether no x[i] is infinite or NaN; true for n = 0.
    bool (*all_finite)(std::size_t n, const T* x) noexcept;

    // ---- row-wise ----

    /// Y[batch][n] = exp(x - c) / sum of the row's exp(x - c), c the row's largest x, so that nothing
    /// overflows. Y may be X (same ld). |error| <= (n + 6 + |x - c| / 2) epsilon y. A row with a NaN or +inf,
    /// or of -inf alone, is all NaN.
    void (*softmax)(std::size_t batch, std::size_t n, const T* X, std::size_t ldx, T* Y,
                    std::size_t ldy) noexcept;

    /// The logarithm of softmax, finite where softmax rounds to 0. Y may be X (same ld).
    /// |error| <= (n + 6) epsilon + 2 epsilon |y|.
    void (*log_softmax)(std::size_t batch, std::size_t n, const T* X, std::size_t ldx, T* Y,
                        std::size_t ldy) noexcept;

    // ---- matrix-vector ----

    /// y[out] = x[in] W + b. b may be null: no bias.
    void (*gemv)(std::size_t in, std::size_t out, const T* x, const T* W, std::size_t ldw, const T* b,
                 T* y) noexcept;

    /// dx[in] = W dz[out].
    void (*gemv_t)(std::size_t in, std::size_t out, const T* dz, const T* W, std::size_t ldw, T* dx) noexcept;

    /// W += alpha x[in] dz[out]^T.
    void (*ger)(std::size_t in, std::size_t out, T alpha, const T* x, const T* dz, T* W,
                std::size_t ldw) noexcept;

    // ---- matrix-matrix, in the three forms of a dense layer ----

    /// Z[batch][out] = X[batch][in] W[in][out].
    void (*gemm)(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx, const T* W,
                 std::size_t ldw, T* Z, std::size_t ldz) noexcept;

    /// dX[batch][in] = dZ[batch][out] W[in][out]^T, with the bits of dense_backward_input for the identity.
    void (*gemm_nt)(std::size_t batch, std::size_t in, std::size_t out, const T* dZ, std::size_t lddz,
                    const T* W, std::size_t ldw, T* dX, std::size_t lddx) noexcept;

    /// dW[in][out] = X[batch][in]^T dZ[batch][out], a sum (not a mean) over the batch. ldx and lddz may be 0:
    /// the same row for the whole batch.
    void (*gemm_tn)(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                    const T* dZ, std::size_t lddz, T* dW, std::size_t lddw) noexcept;

    // ---- a dense layer ----

    /// A[batch][out] = activation(X W + b). b may be null: no bias. A row of A depends on its row of X alone.
    void (*dense_forward)(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                          const T* W, std::size_t ldw, const T* b, Activation activation, T* A,
                          std::size_t lda) noexcept;

    /// Columns first .. first + count - 1 of dense_forward's A, with its bits; of W, b and A, which are given
    /// whole, only those columns are touched. For threads that share a layer, each with its part of W.
    void (*dense_forward_columns)(std::size_t batch, std::size_t in, std::size_t out, std::size_t first,
                                  std::size_t count, const T* X, std::size_t ldx, const T* W, std::size_t ldw,
                                  const T* b, Activation activation, T* A, std::size_t lda) noexcept;

    /// dX[batch][in] = (dZ W^T) * activation'(X), where X[batch][in] is the *output* of the layer before (its
    /// logits if derivative_needs_logits) and `activation` is the activation of the layer before: dX is that
    /// layer's dZ. X is not read, and may be null, when `activation` is identity. dX may be X (same ld).
    /// A row of dX depends on its row of dZ, and on whether `batch` is so large for `out` that W is transposed first, as
    /// then the sums are made in another order: a single row may differ in its last bits from the same row of a batch.
    void (*dense_backward_input)(std::size_t batch, std::size_t in, std::size_t out, const T* dZ,
                                 std::size_t lddz, const T* W, std::size_t ldw, const T* X, std::size_t ldx,
                                 Activation activation, T* dX, std::size_t lddx) noexcept;

    /// `rows` rows of dense_backward_input for a batch of `batch` rows, with the bits that they have there. dZ, X and dX
    /// begin with the first of them; no other row is touched. For threads that share a batch. batch = 1: with the bits of
    /// single rows.
    void (*dense_backward_input_rows)(std::size_t batch, std::size_t rows, std::size_t in, std::size_t out, const T* dZ,
                                      std::size_t lddz, const T* W, std::size_t ldw, const T* X, std::size_t ldx,
                                      Activation activation, T* dX, std::size_t lddx) noexcept;

    /// W += scale X^T dZ,  b += scale (sum of dZ's rows): a step of gradient descent along the mean gradient
    /// of the batch with scale = -learning_rate / batch. b may be null. A range of W's rows may be updated by
    /// itself: pass X + k, W + k * ldw and the number of rows as `in`. So may a range of two or more columns:
    /// dZ + j, W + j, b + j and their number as `out`. The bits are the same.
    void (*dense_update)(std::size_t batch, std::size_t in, std::size_t out, const T* X, std::size_t ldx,
                         const T* dZ, std::size_t lddz, T scale, T* W, std::size_t ldw, T* b) noexcept;

    // ---- two passes over W in one, for updates after each sample; the bits are those of the two ----

    /// dense_backward_input with W as it is, then dense_update, for one sample: dx = (W dz) * activation'(a),
    /// W += scale x dz^T, b += scale dz. b may be null. a[in]: the output, or logits, of the
    /// layer before; it may be x or null as there. dx may be `a`, but not x.
    void (*dense_backward_update)(std::size_t in, std::size_t out, const T* x, const T* dz, T scale, T* W,
                                  std::size_t ldw, T* b, const T* a, Activation activation, T* dx) noexcept;

    /// dense_update with one sample, then dense_forward of the next: W += scale x dz^T,
    /// b += scale dz, y = activation(next_x W + b). b may be null.
    void (*dense_update_forward)(std::size_t in, std::size_t out, const T* x, const T* dz, T scale, T* W,
                                 std::size_t ldw, T* b, const T* next_x, Activation activation,
                                 T* y) noexcept;

    // ---- whole networks: layers that feed each other, their widths match ----

    /// out[batch][outputs of the last layer] = the rows of X through all layers, `rows` >= 1 of them at a
    /// time. scratch: forward_scratch elements. A row of `out` depends on its row of X alone.
    void (*network_forward)(std::size_t batch, std::size_t depth, const Layer* layers, const T* parameters,
                            const T* X, std::size_t ldx, T* out, std::size_t ldo, std::size_t rows,
                            T* scratch) noexcept;

    // Training. A program works on a Training from training_begin to training_end; in between it owns the
    // Training's memory and parameters. Blocks of samples follow each other, from a multiple of
    // TrainingProgram::block on:
    //
    //     for each block:   training_gather,   once; may run beside train_per_sample of the block before
    //                       training_advance,  for all of the first layer's outputs, which threads can share
    //                       train_per_sample,  once
    //     at the end:       training_advance   with no samples
    //
    // Where the program has no blocks, gather and advance do nothing and train_per_sample may have any number
    // of samples. So has Method::per_sample, which needs neither begin nor end.

    /// The program for such a Training; `batch` as there. It depends on the arguments alone, not on the ISA.
    TrainingProgram (*training_program)(std::size_t depth, const Layer* layers, Loss loss, Method method,
                                        std::size_t batch) noexcept;

    /// Lays out the memory, whatever it holds, and takes over the parameters.
    void (*training_begin)(const Training<T>& training) noexcept;

    /// Makes ready the inputs of samples first .. first + count - 1, a block or its beginning.
    void (*training_gather)(const Training<T>& training, std::size_t first, std::size_t count) noexcept;

    /// Columns column .. column + columns - 1 of the first layer: they take the steps of the block before,
    /// then come their logits for samples first .. first + count - 1. A part of the columns of several must not
    /// be a single one.
    void (*training_advance)(const Training<T>& training, std::size_t first, std::size_t count,
                             std::size_t column, std::size_t columns) noexcept;

    /// A step after each of the samples first .. first + count - 1, in their order: dense_forward through the
    /// layers, the loss, dense_backward_input and dense_update with the scale -learning_rate. losses[count]:
    /// each before its own step. outputs[count][ldo]: the last layer's before the step, or its logits; null:
    /// not wanted. Stops before the step of a sample whose loss is not finite. Returns the number of steps; a
    /// loss that stopped it is written, too.
    std::size_t (*train_per_sample)(const Training<T>& training, std::size_t first, std::size_t count,
                                    T* losses, T* outputs, std::size_t ldo) noexcept;

    /// Gives the parameters back, after the last training_advance.
    void (*training_end)(const Training<T>& training) noexcept;

    /// Method::minibatch: so many steps, each with `batch` samples, from sample `first` on: dense_forward of the
    /// layers, the loss, dense_backward_input and dense_update of all, with their bits. losses and outputs, or
    /// null, as above, with one output each. Returns how many steps it took: fewer than `steps` if there is a
    /// loss that is not finite in the next one, which has filled outputs and losses and changed no parameter.
    /// Needs neither begin nor end.
    std::size_t (*tiny_steps)(const Training<T>& training, std::size_t first, std::size_t steps, T* losses,
                              T* outputs) noexcept;

    // ---- losses: value per row and gradient in one pass ----
    //
    // loss[batch] receives the loss of each row; the gradient is that of its own row's loss, not divided by
    // the batch. The gradient may be null (value only) or the predictions themselves (same ld).

    /// loss = mean over out of (A - Y)^2,  dA = 2 (A - Y) / out.  out = 0 gives loss 0.
    void (*mean_squared_error)(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                               std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept;

    /// Binary cross-entropy of sigmoid(Z) against Y in [0, 1], from the logits and so finite for every finite
    /// Z: loss = mean over out of max(Z, 0) - Z Y + log(1 + exp(-|Z|)),  dZ = (sigmoid(Z) - Y) / out.
    void (*binary_cross_entropy)(std::size_t batch, std::size_t out, const T* Z, std::size_t ldz, const T* Y,
                                 std::size_t ldy, T* dZ, std::size_t lddz, T* loss) noexcept;

    /// Binary cross-entropy of probabilities P in [0, 1], for predictions that have no logits:
    /// loss = - mean over out of Y log(P) + (1 - Y) log(1 - P),  dP = (P - Y) / (P (1 - P)) / out. A
    /// logarithm is at least -100 and P (1 - P) at least 1e-12, so that P = 0 and P = 1 give finite results.
    void (*binary_cross_entropy_from_probabilities)(std::size_t batch, std::size_t out, const T* P,
                                                    std::size_t ldp, const T* Y, std::size_t ldy, T* dP,
                                                    std::size_t lddp, T* loss) noexcept;

    /// Cross-entropy of softmax(Z) against the shares Y >= 0 of the classes, 1 for the right one:
    /// loss = - sum of Y log_softmax(Z),  dZ = (sum of Y) softmax(Z) - Y. Not divided by out. A logit of -inf
    /// is a class that cannot be; it may have no share.
    void (*categorical_cross_entropy)(std::size_t batch, std::size_t out, const T* Z, std::size_t ldz,
                                      const T* Y, std::size_t ldy, T* dZ, std::size_t lddz, T* loss) noexcept;

    /// loss = mean over out of |A - Y|,  dA = sign(A - Y) / out, 0 where they are equal.
    void (*mean_absolute_error)(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                                std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept;

    /// With r = A - Y: loss = mean over out of r^2 / 2 where |r| <= delta, delta (|r| - delta / 2) elsewhere,
    /// dA = r, at most delta in size, / out. delta > 0 and finite (Huber, 1964).
    void (*huber)(std::size_t batch, std::size_t out, T delta, const T* A, std::size_t lda, const T* Y,
                  std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept;

    /// loss = 1 - c with c = (A.Y) / (|A| |Y|),  dA = (c A / |A| - Y / |Y|) / |A|. If A or Y is a zero vector
    /// the angle is undefined: loss = 1 and dA = 0. A vector whose squared length is
    /// less than T's smallest normal number counts as a zero vector; one whose squared length overflows gives
    /// NaN.
    void (*cosine_distance)(std::size_t batch, std::size_t out, const T* A, std::size_t lda, const T* Y,
                            std::size_t ldy, T* dA, std::size_t ldda, T* loss) noexcept;

    // ---- optimisers: a step over n weights w with their gradient g; the state starts as zeros ----
    //
    // No array may overlap another. Per element the error is a few epsilon of the largest term.

    /// w -= learning_rate d, d the direction of StepOptions.
    void (*sgd_step)(std::size_t n, const StepOptions<T>& options, const T* g, T* w) noexcept;

    /// v = momentum v + d,  w -= learning_rate v.
    void (*momentum_step)(std::size_t n, const StepOptions<T>& options, T momentum, const T* g, T* v,
                          T* w) noexcept;

    /// v = momentum v + d,  w -= learning_rate (d + momentum v).
    void (*nesterov_step)(std::size_t n, const StepOptions<T>& options, T momentum, const T* g, T* v,
                          T* w) noexcept;

    /// m = beta1 m + (1 - beta1) d,  v = beta2 v + (1 - beta2) d^2,
    /// w -= learning_rate (m / (1 - beta1_power)) / (sqrt(v / (1 - beta2_power)) + epsilon).
    void (*adam_step)(std::size_t n, const StepOptions<T>& options, const AdamOptions<T>& adam, const T* g,
                      T* m, T* v, T* w) noexcept;

    /// adam_step with the weight decay apart from the gradient (Loshchilov and Hutter, arXiv 1711.05101):
    /// w -= learning_rate weight_decay w as well.
    void (*adamw_step)(std::size_t n, const StepOptions<T>& options, const AdamOptions<T>& adam, const T* g,
                       T* m, T* v, T* w) noexcept;

    /// The sum of x[i]^2, for the norm of a gradient. Squares that overflow give infinity.
    T (*sum_of_squares)(std::size_t n, const T* x) noexcept;
};

/// The numbers that there are kernels for: float and, unless this is a build without it (DENSIMD_DOUBLE=OFF), double.
template <class T>
concept Scalar = std::same_as<T, float> || (DENSIMD_DOUBLE != 0 && std::same_as<T, double>);

/// The kernels of the active ISA (see active_isa; throws what it throws). The reference stays valid for ever.
template <Scalar T>
const Kernels<T>& active();

/// The kernels of one ISA. Throws IsaError if it is not available here.
template <Scalar T>
const Kernels<T>& table(Isa isa);

/// The same with no way to throw: null if the ISA is not available here.
template <Scalar T>
const Kernels<T>* find_table(Isa isa) noexcept;

/// The kernels of the fastest ISA available here, whatever DENSIMD_ISA and set_active_isa say, with no way to
/// throw. Ends the program where none is available (see available_isas): find_table says so.
template <Scalar T>
const Kernels<T>& best() noexcept;

/// The definition of every kernel: plain loops that sum in a wider type (double for float, long double for
/// double). Slow; what all other tables are tested against.
template <Scalar T>
const Kernels<T>& reference() noexcept;

extern template const Kernels<float>& active<float>();
extern template const Kernels<float>& table<float>(Isa);
extern template const Kernels<float>* find_table<float>(Isa) noexcept;
extern template const Kernels<float>& best<float>() noexcept;
extern template const Kernels<float>& reference<float>() noexcept;
#if DENSIMD_DOUBLE
extern template const Kernels<double>& active<double>();
extern template const Kernels<double>& table<double>(Isa);
extern template const Kernels<double>* find_table<double>(Isa) noexcept;
extern template const Kernels<double>& best<double>() noexcept;
extern template const Kernels<double>& reference<double>() noexcept;
#endif

}  // namespace densimd::kernels
