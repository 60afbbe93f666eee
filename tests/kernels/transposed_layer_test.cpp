// Delayed updates in blocks, with the last layer's weights transposed where its width allows it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include "support/activations.hpp"
#include "support/guarded.hpp"
#include "support/isas.hpp"
#include "support/networks.hpp"
#include "support/random.hpp"

using namespace densimd::test;
using kernels::Activation;
using kernels::Layer;
using kernels::Loss;
using kernels::Method;

namespace {

constexpr std::size_t samples = 37;  // several blocks, the last one a short one

// Around the widths of a vector and of a line, of several vectors and of multiples of four outputs.
const std::vector<std::vector<std::size_t>> all_widths = {
    {3, 1, 2},   {4, 3, 2},   {5, 4, 3},    {6, 5, 4},    {7, 8, 5},      {8, 16, 6},      {2, 15, 7},
    {3, 17, 8},  {4, 31, 9},  {12, 64, 10}, {5, 65, 11},  {40, 35, 12},   {9, 100, 13},    {3, 48, 14},
    {2, 33, 15}, {5, 16, 16}, {3, 600, 3},  {2, 8, 9, 5}, {6, 70, 40, 8}, {4, 3, 20, 6, 2}, {5, 600}, {260, 20, 20}};

template <class T>
std::vector<T> everything(const GuardedTraining<T>& training) {
    std::vector<T> all = training.parameters.values();
    for (const auto* part : {&training.losses, &training.outputs})
        for (const T value : part->values()) all.push_back(value);
    return all;
}

const char* note_of(std::size_t depth, const Layer* layers, bool is_float) {
    return is_float ? kernels::active<float>()
                          .training_program(depth, layers, Loss::huber, Method::delayed_updates, 1)
                          .note
                    : kernels::active<double>()
                          .training_program(depth, layers, Loss::huber, Method::delayed_updates, 1)
                          .note;
}

}  // namespace

TEST_CASE("which last layers are transposed") {
    const Layer one{4, 1, 1, Activation::sigmoid, 0, 0}, ten{4, 10, 16, Activation::sigmoid, 0, 0},
        seventeen{4, 17, 32, Activation::sigmoid, 0, 0}, wide{65, 10, 16, Activation::sigmoid, 0, 0};
    const Layer one_behind[] = {seventeen, one}, tens[] = {ten, ten}, wide_behind[] = {ten, seventeen};
    const std::string_view transposed = "last layer transposed";
    CHECK(note_of(2, tens, true) == transposed);
    CHECK(note_of(2, tens, false) != transposed);
    CHECK(note_of(1, &wide, true) != transposed);
    CHECK(note_of(2, one_behind, true) != transposed);
    CHECK(note_of(2, wide_behind, true) != transposed);
}

TEST_CASE_TEMPLATE("delayed updates in blocks learn what the reference does", T, float, double) {
    Random random;
    for (const auto& widths : all_widths)
        for (const Loss loss : {Loss::mean_squared_error, Loss::binary_cross_entropy, Loss::cosine_distance,
                                Loss::mean_absolute_error, Loss::huber, Loss::categorical_cross_entropy})
            for (const Activation activation : for_training) {
                const TestNetwork<T> net(widths, activation, 2, random);
                INFO("network ", net.name(), ", loss ", static_cast<int>(loss), ", ", name_of(activation));
                const auto X = random.vector<T>(samples * net.inputs(), 0, 1),
                           Y = random.vector<T>(samples * net.outputs(), 0, 1);
                const auto train = [&](const Kernels<T>& k, Layout layout) {
                    GuardedTraining<T> training(k, net, loss, Method::delayed_updates, T{0.001f}, X, Y, samples,
                                                samples, layout);
                    CHECK(training.program.block > 1);
                    CHECK(training.run_program(samples) == samples);
                    CHECK((training.X.unchanged() && training.Y.unchanged()));
                    return everything(training);
                };
                const std::vector<T> expected = train(kernels::reference<T>(), layouts[0]);
                on_every_isa<T>([&](const Kernels<T>& k, Layout layout) {
                    const std::vector<T> found = train(k, layout);
                    // As for other networks: see "train_per_sample computes what its reference does".
                    std::vector<T> bounds(expected.size());
                    for (std::size_t i = 0; i < bounds.size(); ++i)
                        bounds[i] = 1000 * std::numeric_limits<T>::epsilon() * std::max(T{1}, std::abs(expected[i]));
                    CHECK(difference(found, expected, bounds) == "");
                    return found;
                });
            }
}

TEST_CASE_TEMPLATE("delayed updates in blocks stop before the step of a loss that is not finite", T, float,
                   double) {
    Random random;
    for (const auto& widths : all_widths) {
        const TestNetwork<T> net(widths, Activation::sigmoid, 0, random);
        INFO("network ", net.name());
        const auto X = random.vector<T>(samples * net.inputs());
        for (const std::size_t bad : {std::size_t{0}, std::size_t{3}, samples - 2}) {
            auto Y = random.vector<T>(samples * net.outputs(), 0, 1);
            Y[bad * net.outputs()] = std::numeric_limits<T>::max();  // its square is infinite
            on_every_table<T>([&](const Kernels<T>& k) {
                const auto make = [&] {
                    return GuardedTraining<T>(k, net, Loss::mean_squared_error, Method::delayed_updates, T{0.001f}, X,
                                              Y, samples, samples, layouts[0]);
                };
                GuardedTraining<T> found = make(), before = make();
                CHECK(found.run_program(samples) == bad);
                CHECK(before.run_program(bad) == bad);
                CHECK(bit_difference(found.parameters.values(), before.parameters.values()) == "");
                CHECK(found.losses.values()[bad] == std::numeric_limits<T>::infinity());
            });
        }
    }
}

// Where products of samples overflow, updates are not delayed.
TEST_CASE_TEMPLATE("delayed updates in blocks survive inputs whose products overflow", T, float, double) {
    const T large = sizeof(T) == sizeof(float) ? T(1e19) : T(1e160);
    Random random;
    for (const auto& widths : all_widths) {
        const TestNetwork<T> net(widths, Activation::sigmoid, 0, random);
        INFO("network ", net.name());
        auto X = random.vector<T>(samples * net.inputs());
        for (const std::size_t row : {1u, 2u, 35u})
            for (std::size_t k = 0; k < net.inputs(); ++k) X[row * net.inputs() + k] = large;
        const auto Y = random.vector<T>(samples * net.outputs(), 0, 1);
        on_every_isa<T>([&](const Kernels<T>& k, Layout layout) {
            GuardedTraining<T> found(k, net, Loss::mean_squared_error, Method::delayed_updates, T{0.5}, X, Y, samples,
                                     samples, layout);
            CHECK(found.run_program(samples) == samples);
            CHECK(k.all_finite(net.parameters.size(), found.parameters.data()));
            return everything(found);
        });
    }
}
