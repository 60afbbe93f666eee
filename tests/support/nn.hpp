// Helpers for the tests of networks and data: random matrices, copies of parameters, errors and what they
// say.
#pragma once

#include <doctest/doctest.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <densimd/nn.hpp>

#include "compare.hpp"
#include "random.hpp"

namespace densimd::test {

namespace nn = densimd::nn;

#ifdef _OPENMP
inline constexpr bool has_openmp = true;
inline int openmp_threads() { return omp_get_max_threads(); }
inline void set_openmp_threads(int threads) { omp_set_num_threads(threads); }
#else
inline constexpr bool has_openmp = false;
inline int openmp_threads() { return 1; }
inline void set_openmp_threads(int) {}
#endif

/// While it lives, calls use all threads that they are offered, up to four, whether that pays or not. If
/// bytes cost as much as multiply-adds, steps share a wide first layer by its outputs.
class AllThreads {
  public:
    explicit AllThreads(double byte = 0) {
        nn::set_thread_costs({.wake = 0, .barrier = 0, .byte = byte, .multiply_add = 1});
        set_openmp_threads(4);
    }
    ~AllThreads() {
        nn::set_thread_costs(costs_);
        set_openmp_threads(threads_);
    }
    AllThreads(const AllThreads&) = delete;
    AllThreads& operator=(const AllThreads&) = delete;

  private:
    nn::ThreadCosts costs_ = nn::thread_costs();
    int threads_ = openmp_threads();
};

inline constexpr nn::Engine every_engine[] = {nn::Engine::automatic, nn::Engine::plain, nn::Engine::fused,
                                              nn::Engine::block};

inline constexpr nn::Loss every_loss[] = {
    nn::mean_squared_error,   nn::mean_absolute_error,       nn::huber,
    nn::binary_cross_entropy, nn::categorical_cross_entropy, nn::cosine_distance};

/// The network with the last activation that the loss asks for, if it asks for one.
inline nn::NetworkOptions suited_to(nn::Loss loss, nn::NetworkOptions network) {
    nn::Activation& last = network.layers.back().activation;
    if (loss == nn::binary_cross_entropy) last = nn::sigmoid;
    if (loss == nn::categorical_cross_entropy) last = nn::identity;
    return network;
}

template <class T>
nn::Matrix<T> random_matrix(Random& random, std::size_t rows, std::size_t cols, T low = -1, T high = 1) {
    return {rows, cols, random.vector<T>(rows * cols, low, high)};
}

template <class T>
std::vector<T> parameters_of(const nn::BasicNetwork<T>& net) {
    return {net.parameters().begin(), net.parameters().end()};
}

template <class T>
std::vector<T> values_of(const nn::Matrix<T>& matrix) {
    return {matrix.data(), matrix.data() + matrix.rows() * matrix.cols()};
}

/// The losses, metrics and numbers of all epochs, without their times.
inline std::vector<double> numbers_of(const nn::History& history) {
    std::vector<double> numbers;
    for (const nn::EpochRecord& record : history.epochs) {
        numbers.insert(numbers.end(),
                       {static_cast<double>(record.epoch), record.training.loss, record.training.metric});
        if (record.validation)
            numbers.insert(numbers.end(), {record.validation->loss, record.validation->metric});
    }
    return numbers;
}

/// The message of the nn::Error that the call throws.
template <class Call>
std::string error_of(Call call) {
    try {
        call();
    } catch (const nn::Error& error) {
        return error.what();
    }
    return "(no error)";
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

/// The call throws an nn::Error that mentions all the parts: what was found and what was expected.
template <class Call>
void check_error(Call call, std::initializer_list<const char*> parts) {
    const std::string message = error_of(call);
    for (const std::string part : parts) {
        INFO("message: ", message);
        INFO("should mention: ", part);
        CHECK(contains(message, part));
    }
    CHECK(message != "(no error)");
}

/// The same, and the network stays as it is, bit for bit.
template <class T, class Call>
void check_refused(const nn::BasicNetwork<T>& net, Call call, std::initializer_list<const char*> parts) {
    const std::vector<T> before = parameters_of(net);
    const std::size_t epochs = net.epochs_trained();
    check_error(call, parts);
    CHECK(bit_difference(parameters_of(net), before) == "");
    CHECK(net.epochs_trained() == epochs);
}

}  // namespace densimd::test
