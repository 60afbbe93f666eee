// What runs inside an audio callback allocates nothing.
#include <doctest/doctest.h>

#include <limits>
#include <new>

#include "support/allocations.hpp"
#include "support/nn.hpp"

using namespace densimd::test;

namespace {

template <class Call>
std::size_t allocations_of(Call call) {
    const std::size_t before = allocations;
    call();
    return allocations - before;
}

const nn::NetworkOptions options{.inputs = 40,
                                 .layers = {{50, nn::sigmoid}, {70, nn::sigmoid}, {3, nn::sigmoid}}};

template <class T>
struct Problem {
    nn::BasicNetwork<T> net{options};
    Random random;
    nn::Matrix<T> X = random_matrix<T>(random, 400, 40), Y = random_matrix<T>(random, 400, 3, 0, 1),
                  out{400, 3};
};

}  // namespace

TEST_CASE("allocations are counted") {
    // A compiler may leave out memory that nothing sees.
    static const volatile void* volatile seen = nullptr;
    CHECK(allocations_of([] {
              const std::vector<int> values(3);
              seen = values.data();
          }) == 1);
    CHECK(allocations_of([] {
              const nn::AlignedVector<float> values(3);
              seen = values.data();
          }) == 1);
    CHECK(seen != nullptr);
}

TEST_CASE_TEMPLATE("predict and try_predict allocate nothing", T, float, double) {
    Problem<T> p;
    for (const std::size_t batch : {1u, 64u}) {
        nn::Workspace<T> workspace = p.net.make_workspace(batch);
        const nn::MatrixView<const T> X = p.X;
        const nn::MatrixView<T> out = p.out;
        for (const int threads : {1, 3})
            CHECK(allocations_of([&] { p.net.predict(X, out, workspace, threads); }) == 0);
        CHECK(allocations_of([&] { CHECK(p.net.try_predict(X, out, workspace)); }) == 0);
        CHECK(allocations_of([&] { CHECK_FALSE(p.net.try_predict(out, out, workspace)); }) == 0);
    }
}

TEST_CASE_TEMPLATE("train_step and gradient allocate nothing", T, float, double) {
    Problem<T> p;
    std::vector<T> gradient(p.net.parameters().size());
    for (const std::size_t batch : {1u, 400u}) {
        nn::Workspace<T> workspace = p.net.make_workspace(batch);
        const nn::MatrixView<const T> X = p.X.view().middle_rows(0, batch),
                                      Y = p.Y.view().middle_rows(0, batch);
        for (const nn::Loss loss : every_loss) {
            nn::BasicNetwork<T> net(suited_to(loss, options));
            for (const int threads : {1, 3})
                CHECK(allocations_of([&] { net.train_step(X, Y, loss, nn::sgd(0.1), workspace, threads); }) ==
                      0);
            CHECK(allocations_of([&] { net.gradient(X, Y, loss, gradient, workspace); }) == 0);
        }
    }
}

TEST_CASE_TEMPLATE("a layer's calls allocate nothing", T, float, double) {
    Problem<T> p;
    const nn::DenseView<T> layer = p.net.layer(2);  // [70][3]
    nn::Matrix<T> H(400, 70), dH(400, 70), dW(70, 3), dZ(400, 3);
    std::vector<T> db(3);
    for (const std::size_t batch : {1u, 400u}) {
        const auto rows = [batch](auto& M) { return M.view().middle_rows(0, batch); };
        const nn::MatrixView<T> x = rows(H), dx = rows(dH), a = rows(p.out), dz = rows(dZ);
        CHECK(allocations_of([&] {
                  const nn::DenseView<T> again = p.net.layer(2);
                  const nn::DenseView<T> own(layer.weights, layer.biases, layer.activation);
                  again.logits(x, a);
                  own.forward(x, a);
                  layer.logit_gradient(a, a, dz);
                  layer.backward(dz, dx);
                  layer.backward(dz, x, nn::sigmoid, dx);
                  layer.gradient(x, dz, dW, db);
                  layer.update(x, dz, T(-0.1));
              }) == 0);
    }
}

TEST_CASE_TEMPLATE("after reset_optimizer not even the first step allocates", T, float, double) {
    Problem<T> p;
    nn::Workspace<T> workspace = p.net.make_workspace(400);
    for (nn::Optimizer optimizer : {nn::sgd(0.1), nn::momentum(0.1), nn::adam(), nn::adamw()})
        for (const double longest : {std::numeric_limits<double>::infinity(), 1.0}) {
            optimizer.max_gradient_norm = longest;
            p.net.reset_optimizer(optimizer);
            for (int step = 0; step < 2; ++step)
                CHECK(allocations_of([&] {
                          p.net.train_step(p.X, p.Y, nn::mean_squared_error, optimizer, workspace);
                      }) == 0);
        }
}

TEST_CASE("an optimiser that finds no memory leaves the network, and the state of another, as they were") {
    Problem<float> p;
    nn::Workspace<float> workspace = p.net.make_workspace(400);
    const auto step = [&](const nn::Optimizer& optimizer) {
        p.net.train_step(p.X, p.Y, nn::mean_squared_error, optimizer, workspace);
    };
    step(nn::momentum(0.1));
    const nn::TrainingState<float> before = p.net.training_state();
    const auto fails = [&](const auto& call) {
        memory_is_full = true;
        bool failed = false;
        try {
            call();
        } catch (const std::bad_alloc&) {
            failed = true;
        }
        memory_is_full = false;
        return failed;
    };
    CHECK(fails([&] { step(nn::adam()); }));
    CHECK(p.net.training_state() == before);
    CHECK(fails([&] { p.net.reset_optimizer(nn::adam()); }));
    CHECK(p.net.training_state() == before);
    step(nn::momentum(0.1));  // which needs the velocity
    CHECK(p.net.training_state().optimizer.first_moment.size() == p.net.parameters().size());
}

TEST_CASE_TEMPLATE("states are taken and restored in memory that is there, try_train_step needs none", T,
                   float, double) {
    Problem<T> p;
    nn::Workspace<T> workspace = p.net.make_workspace(400);
    for (const nn::Optimizer& optimizer : {nn::sgd(0.1), nn::momentum(0.1), nn::adam()}) {
        p.net.reset_optimizer(optimizer);
        nn::TrainingState<T> state = p.net.training_state();
        CHECK(
            allocations_of([&] {
                CHECK(
                    p.net.try_train_step(p.X, p.Y, nn::mean_squared_error, optimizer, workspace).has_value());
                p.net.training_state(state);
                CHECK_FALSE(
                    p.net.try_train_step(p.X, p.X, nn::mean_squared_error, optimizer, workspace).has_value());
                p.net.restore(state);
            }) == 0);
    }
}
