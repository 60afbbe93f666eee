// Subnormal numbers are zeros in every call of nn: the rule in <densimd/subnormals.hpp>.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include <densimd/subnormals.hpp>

#include "support/nn.hpp"

using namespace densimd::test;

namespace {

template <class T>
constexpr T smallest_normal = std::numeric_limits<T>::min();

const std::vector<nn::Activation> activations = {nn::identity, nn::sigmoid,    nn::tanh, nn::softplus,
                                                 nn::relu,     nn::leaky_relu, nn::elu};

// By bits: under FlushSubnormals a comparison takes a subnormal number for zero.
template <class T>
std::size_t subnormals_in(const T* x, std::size_t n) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < n; ++i) count += std::fpclassify(x[i]) == FP_SUBNORMAL ? 1u : 0u;
    return count;
}
template <class Values>
std::size_t subnormals_in(const Values& values) {
    return subnormals_in(values.data(), values.size());
}

// Numbers of all sizes from 1 down to the smallest subnormal one.
template <class T>
T small_number(Random& random) {
    const double least = std::log2(static_cast<double>(std::numeric_limits<T>::denorm_min()));
    const double size = std::exp2(least * random.uniform<double>(0, 1));
    return static_cast<T>(random.uniform<double>(-1, 1) * size);
}

template <class T>
nn::Matrix<T> small_numbers(Random& random, std::size_t rows, std::size_t cols) {
    nn::Matrix<T> X(rows, cols);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < cols; ++j) X(i, j) = small_number<T>(random);
    return X;
}

template <class T>
void fill_with_small_numbers(Random& random, nn::BasicNetwork<T>& net) {
    for (std::size_t l = 0; l < net.layers().size(); ++l) {
        const auto layer = net.layer(l);
        for (std::size_t k = 0; k < layer.weights.rows(); ++k)
            for (std::size_t j = 0; j < layer.weights.cols(); ++j)
                layer.weights(k, j) = small_number<T>(random);
        for (T& b : layer.biases) b = small_number<T>(random);
    }
}

}  // namespace

TEST_CASE_TEMPLATE("FlushSubnormals lasts as long as it lives, and nests", T, float, double) {
    volatile T small = smallest_normal<T>, half = T(0.5);
    const auto halved = [&] {
        volatile T result = small * half;
        return static_cast<T>(result);
    };
    CHECK(subnormals_in(std::vector<T>{halved()}) == 1);
    {
        const densimd::kernels::FlushSubnormals flush;
        CHECK(subnormals_in(std::vector<T>{halved()}) == 0);
        {
            const densimd::kernels::FlushSubnormals again;
            const densimd::kernels::FlushSubnormals unwanted(false);
        }
        CHECK(subnormals_in(std::vector<T>{halved()}) == 0);
        volatile T subnormal = std::numeric_limits<T>::denorm_min();
        volatile T result = subnormal * T(1e30);
        CHECK(static_cast<T>(result) == 0);
    }
    CHECK(subnormals_in(std::vector<T>{halved()}) == 1);
}

TEST_CASE_TEMPLATE("predictions are those of flushed arithmetic, alone and in a batch", T, float, double) {
    Random random;
    for (const nn::Activation last : activations)
        for (const nn::Activation hidden : activations)
            for (const std::vector<std::size_t>& widths :
                 std::vector<std::vector<std::size_t>>{{1}, {3}, {16, 1}, {20, 5}, {64, 32, 1}}) {
                nn::NetworkOptions options{.inputs = 8, .layers = {}};
                for (const std::size_t width : widths) options.layers.push_back({width, hidden});
                options.layers.back().activation = last;
                nn::BasicNetwork<T> net(options);
                fill_with_small_numbers(random, net);
                const nn::Matrix<T> X = small_numbers<T>(random, 12, 8);
                const nn::Matrix<T> together = net.predict(X);
                INFO("hidden ", static_cast<int>(hidden), ", last ", static_cast<int>(last), ", layers ",
                     widths.size(), " of ", widths.front());
                CHECK(subnormals_in(together.data(), 12 * net.outputs()) == 0);
                nn::Workspace<T> workspace = net.make_workspace();
                for (std::size_t i = 0; i < 12; ++i) {
                    std::vector<T> alone(net.outputs());
                    const nn::MatrixView<T> out(alone.data(), 1, net.outputs());
                    REQUIRE(net.try_predict({X.row(i), 1, 8}, out, workspace));
                    const std::vector<T> expected(together.row(i), together.row(i) + net.outputs());
                    CHECK(bit_difference(alone, expected) == "");
                }
            }
}

TEST_CASE_TEMPLATE("a saturated sigmoid gives 0, not a subnormal number, alone and in a batch", T, float,
                   double) {
    nn::BasicNetwork<T> net({.inputs = 1, .layers = {{1, nn::sigmoid}}});
    net.layer(0).weights(0, 0) = 1;
    nn::Workspace<T> workspace = net.make_workspace();
    // From where the exponential's fast range ends to where its result is 0, in steps that meet exact
    // results.
    const T first = sizeof(T) == 4 ? T(-86) : T(-707), last = sizeof(T) == 4 ? T(-106) : T(-747);
    for (T z = first; z > last; z -= T(1) / 128) {
        T alone = 0;
        REQUIRE(net.try_predict({&z, 1, 1}, {&alone, 1, 1}, workspace));
        const std::vector<T> twice = {z, z};
        const T together = net.predict({twice.data(), 2, 1})(1, 0);
        CHECK(bit_difference(std::vector<T>{alone}, std::vector<T>{together}) == "");
        CHECK(subnormals_in(std::vector<T>{alone}) == 0);
    }
}

TEST_CASE_TEMPLATE("no state and no weight becomes subnormal", T, float, double) {
    Random random;
    nn::Optimizer decaying = nn::sgd(0.5);
    decaying.weight_decay = 1;
    for (const nn::Optimizer& optimizer :
         {nn::momentum(0.01), nn::nesterov(0.01), nn::adam(0.01), nn::adamw(0.5, 1), decaying}) {
        nn::BasicNetwork<T> net({.inputs = 4, .layers = {{8, nn::relu}, {1, nn::identity}}});
        nn::Workspace<T> workspace = net.make_workspace();
        const auto X = random_matrix<T>(random, 16, 4), Y = random_matrix<T>(random, 16, 1);
        const auto step = [&](std::size_t i) {
            net.train_step(nn::MatrixView<const T>(X.row(i), 1, 4), nn::MatrixView<const T>(Y.row(i), 1, 1),
                           nn::mean_squared_error, optimizer, workspace);
        };
        for (std::size_t i = 0; i < 16; ++i) step(i);
        for (T& b : net.layer(0).biases) b = -1000;  // all units are dead: what is left of the moments decays
        for (std::size_t i = 0; i < (sizeof(T) == 4 ? 3000u : 20000u); ++i) step(i % 16);
        const nn::TrainingState<T> state = net.training_state();
        INFO("method ", static_cast<int>(optimizer.method));
        CHECK(subnormals_in(state.parameters) == 0);
        CHECK(subnormals_in(state.optimizer.first_moment) == 0);
        CHECK(subnormals_in(state.optimizer.second_moment) == 0);
        CHECK(std::fpclassify(state.optimizer.beta1_power) != FP_SUBNORMAL);
        CHECK(std::fpclassify(state.optimizer.beta2_power) != FP_SUBNORMAL);
    }
}

TEST_CASE_TEMPLATE("exact subnormal results are flushed, alone and in a batch", T, float, double) {
    // Products of powers of two are exact, also with leaky_relu's slope: no exception flag tells of them.
    for (const nn::Activation last : activations)
        for (const T weight : {T(1), T(0.25), T(-0x1p-10), T(3)}) {
            nn::BasicNetwork<T> net({.inputs = 1, .layers = {{1, last}}});
            net.layer(0).weights(0, 0) = weight;
            nn::Workspace<T> workspace = net.make_workspace();
            for (int exponent = 0; exponent < 40; ++exponent)
                for (const T sign : {T(1), T(-1)}) {
                    const std::vector<T> x(2, sign * std::ldexp(smallest_normal<T>, exponent));
                    T alone = 0;
                    REQUIRE(net.try_predict({x.data(), 1, 1}, {&alone, 1, 1}, workspace));
                    const T together = net.predict({x.data(), 2, 1})(1, 0);
                    INFO("last ", static_cast<int>(last), ", weight ", weight, ", exponent ", exponent);
                    CHECK(bit_difference(std::vector<T>{alone}, std::vector<T>{together}) == "");
                    CHECK(subnormals_in(std::vector<T>{alone}) == 0);
                }
        }
}

TEST_CASE_TEMPLATE("training has the same bits whatever the caller flushes", T, float, double) {
    const AllThreads all_threads;
    Random random;
    const auto X = small_numbers<T>(random, 64, 6);
    nn::Matrix<T> Y(64, 1);
    for (const std::size_t batch : {1u, 32u})
        for (const nn::Optimizer& optimizer : {nn::sgd(0.1), nn::adam()})
            for (const std::vector<nn::LayerOptions>& layers :
                 std::vector<std::vector<nn::LayerOptions>>{{{1, nn::sigmoid}},
                                                            {{16, nn::tanh}, {1, nn::identity}},
                                                            {{40, nn::relu}, {1, nn::identity}}}) {
                std::vector<double> losses;
                const auto trained = [&](bool flushes) {
                    const densimd::kernels::FlushSubnormals flush(flushes);
                    nn::BasicNetwork<T> net({.inputs = 6, .layers = layers});
                    net.fit(X, Y, {.optimizer = optimizer, .batch_size = batch, .epochs = 3, .threads = 2});
                    nn::Workspace<T> workspace = net.make_workspace(64);
                    losses.push_back(static_cast<double>(
                        net.train_step(X, Y, nn::mean_squared_error, optimizer, workspace, 1)));
                    losses.push_back(static_cast<double>(
                        net.train_step(X, Y, nn::mean_squared_error, optimizer, workspace, 3)));
                    losses.push_back(net.evaluate(X, Y, nn::mean_squared_error).loss);
                    return net.training_state();
                };
                CHECK(trained(false) == trained(true));
                CHECK(losses.size() == 6);
                for (std::size_t i = 0; i < 3; ++i) CHECK(losses[i] == losses[i + 3]);
            }
}

TEST_CASE_TEMPLATE("losses too small for a normal number are 0 on any number of threads", T, float, double) {
    const AllThreads all_threads;
    nn::BasicNetwork<T> net({.inputs = 1, .layers = {{1, nn::identity}}});
    net.layer(0).weights(0, 0) = 1;
    nn::Workspace<T> workspace = net.make_workspace(4);
    const T x = std::sqrt(smallest_normal<T>) * 2;  // whose square is normal, a quarter of it is not
    const nn::Matrix<T> X(4, 1, {x, 0, 0, 0}), Y(4, 1);
    for (const int threads : {1, 3})
        CHECK(subnormals_in(std::vector<T>{
                  net.train_step(X, Y, nn::mean_squared_error, nn::sgd(0), workspace, threads)}) == 0);
    CHECK(std::fpclassify(net.evaluate(X, Y, nn::mean_squared_error).loss) != FP_SUBNORMAL);
}

TEST_CASE("an epsilon beside which flushed squares are not small is refused, and a norm that they hide") {
    nn::Network net({.inputs = 1, .layers = {{1, nn::identity}}});
    nn::Optimizer adam = nn::adam();
    adam.epsilon = 3e-18;
    check_refused(net, [&] { net.reset_optimizer(adam); }, {"epsilon", "3e-18", "at least 3.4"});
    adam = nn::adam();
    adam.max_gradient_norm = 1e-25;
    check_refused(net, [&] { net.reset_optimizer(adam); }, {"max_gradient_norm is 1e-25", "at least 1.1"});
    // Gradients around the least epsilon move the weight by no more than the learning rate.
    adam = nn::adam();
    adam.epsilon = 4e-18;
    for (const float target : {1e-17f, 4e-18f, 3e-18f, 1e-18f, 1e-19f, 1e-20f}) {
        for (float& parameter : net.parameters()) parameter = 0;
        net.reset_optimizer(adam);
        nn::Workspace<float> workspace = net.make_workspace();
        const nn::Matrix<float> X(1, 1), Y(1, 1, {target});
        net.train_step(X, Y, nn::huber, adam, workspace);
        CHECK(std::abs(net.layer(0).biases[0]) <= 0.00101f);
    }
}

#if defined(__x86_64__)
#include <xmmintrin.h>

namespace {

constexpr unsigned exception_flags = 0x3f;

// The thread's register around each call, in a program that has set it to `control`.
template <class T>
void check_calls(unsigned control) {
    Random random;
    const auto X = small_numbers<T>(random, 40, 5);
    nn::Matrix<T> Y(40, 1), out(40, 1);
    nn::BasicNetwork<T> net({.inputs = 5, .layers = {{6, nn::sigmoid}, {1, nn::sigmoid}}});
    nn::Workspace<T> workspace = net.make_workspace(40);
    std::vector<T> gradient(net.parameters().size());
    const nn::MatrixView<const T> x = X.view(), y = Y.view();
    const nn::MatrixView<T> to = out.view();
    const AllThreads all_threads;
    const auto check = [&](const char* what, auto call) {
        _mm_setcsr(control);
        call();
        const unsigned after = _mm_getcsr();
        _mm_setcsr(0x1f80);
        INFO(what, ", MXCSR ", control);
        CHECK((after & ~exception_flags) == (control & ~exception_flags));
    };
    check("predict", [&] { net.predict(x, to, workspace); });
    check("predict on threads", [&] { net.predict(x, to, workspace, 3); });
    check("predict of a row", [&] { net.predict(x.middle_rows(0, 1), to.middle_rows(0, 1), workspace); });
    check("try_predict",
          [&] { CHECK(net.try_predict(x.middle_rows(1, 1), to.middle_rows(1, 1), workspace)); });
    check("evaluate", [&] { net.evaluate(x, y, nn::mean_squared_error, nn::Metric::r2, 2); });
    check("gradient", [&] { net.gradient(x, y, nn::huber, gradient, workspace); });
    check("train_step", [&] { net.train_step(x, y, nn::huber, nn::adam(), workspace); });
    check("train_step on threads", [&] { net.train_step(x, y, nn::huber, nn::adam(), workspace, 2); });
    check("a train_step that is refused", [&] {
        CHECK_THROWS_AS(net.train_step(x, y, nn::categorical_cross_entropy, nn::adam(), workspace),
                        nn::Error);
    });
    for (const std::size_t batch : {1u, 16u})
        for (const int threads : {1, 2})
            check("fit", [&] {
                net.fit(x, y,
                        {.batch_size = batch,
                         .epochs = 2,
                         .threads = threads,
                         .on_epoch = [&](const nn::EpochRecord&) {
                             // The caller's own code.
                             CHECK((_mm_getcsr() & ~exception_flags) == (control & ~exception_flags));
                             return true;
                         }});
            });
}

}  // namespace

TEST_CASE("after a call the control register is what it was") {
    constexpr unsigned standard = 0x1f80, flush_to_zero = 0x8000, denormals_are_zero = 0x40;
    for (const unsigned control : {standard, standard | flush_to_zero, standard | denormals_are_zero,
                                   standard | flush_to_zero | denormals_are_zero, standard | 0x32u,
                                   standard | unsigned{_MM_ROUND_UP}}) {
        check_calls<float>(control);
        check_calls<double>(control);
    }
}

TEST_CASE("threads that a call has started do not flush for the caller's own regions") {
    const AllThreads all_threads;
    nn::Network net({.inputs = 5, .layers = {{6, nn::sigmoid}, {1, nn::sigmoid}}});
    Random random;
    const auto X = random_matrix<float>(random, 64, 5);
    nn::Matrix<float> Y(64, 1);
    net.fit(X, Y, {.batch_size = 16, .threads = 4});
    unsigned flushing = 0;
#pragma omp parallel num_threads(4) reduction(| : flushing)
    flushing |= _mm_getcsr() & 0x8040;
    CHECK(flushing == 0);
}
#endif
