// Everything a user can get wrong with a network is an error with the numbers in it, and changes nothing.
#include <doctest/doctest.h>

#include <iterator>
#include <limits>
#include <vector>

#include "support/nn.hpp"

using namespace densimd::test;

namespace {

template <class T>
struct Problem {
    nn::BasicNetwork<T> net{{.inputs = 4, .layers = {{6, nn::sigmoid}, {2, nn::sigmoid}}, .seed = 1}};
    Random random;
    nn::Matrix<T> X = random_matrix<T>(random, 10, 4), Y = random_matrix<T>(random, 10, 2, 0, 1);
    nn::Workspace<T> workspace = net.make_workspace(10);
    std::vector<T> gradient = std::vector<T>(net.parameters().size());
};

// All ways to hand data to a network must refuse it alike.
template <class T>
void check_data_refused(Problem<T>& p, const nn::Matrix<T>& X, const nn::Matrix<T>& Y, nn::Loss loss,
                        std::initializer_list<const char*> parts) {
    const nn::MatrixView<const T> x = X, y = Y;
    const std::vector<T> gradient_before = p.gradient;
    check_refused(
        p.net, [&] { p.net.fit(x, y, {.loss = loss}); }, parts);
    check_refused(
        p.net, [&] { p.net.evaluate(x, y, loss); }, parts);
    check_refused(
        p.net, [&] { p.net.train_step(x, y, loss, nn::sgd(0.1), p.workspace); }, parts);
    check_refused(
        p.net, [&] { p.net.gradient(x, y, loss, p.gradient, p.workspace); }, parts);
    CHECK(p.gradient == gradient_before);
}

}  // namespace

TEST_CASE_TEMPLATE("networks that cannot be made", T, float, double) {
    using Net = nn::BasicNetwork<T>;
    check_error([] { Net({.inputs = 0, .layers = {{1}}}); }, {"inputs", "0", "at least 1"});
    check_error([] { Net({.inputs = 3, .layers = {}}); }, {"layer", "at least 1"});
    check_error([] { Net({.inputs = 3, .layers = {{4}, {0}, {2}}}); }, {"layer 1", "0", "at least 1"});
    check_error([] { Net({.inputs = 3, .layers = {{std::numeric_limits<std::size_t>::max()}}}); },
                {"layer 0", "18446744073709551615"});
    check_error(
        [] {
            Net({.inputs = 3, .layers = {{4, static_cast<nn::Activation>(77)}}});
        },
        {"layer 0", "activation"});
    for (const nn::Activation activation : {nn::gelu, nn::gelu_tanh, nn::silu})
        check_error(
            [&] {
                Net({.inputs = 3, .layers = {{4}, {2, activation}}});
            },
            {"layer 1", "gelu", "silu", "logits"});
    check_error([] { Net({.inputs = 3, .layers = {{4}}}).make_workspace(0); }, {"batch", "0", "at least 1"});
}

TEST_CASE_TEMPLATE("data of the wrong shape", T, float, double) {
    Problem<T> p;
    const auto mse = nn::mean_squared_error;
    check_data_refused(p, nn::Matrix<T>(10, 3), p.Y, mse, {"X", "3", "4"});
    check_data_refused(p, nn::Matrix<T>(10, 5), p.Y, mse, {"X", "5", "4"});
    check_data_refused(p, p.X, nn::Matrix<T>(10, 1), mse, {"Y", "1", "2"});
    check_data_refused(p, p.X, nn::Matrix<T>(9, 2), mse, {"10", "9"});
    check_data_refused(p, nn::Matrix<T>(0, 4), nn::Matrix<T>(0, 2), mse, {"no rows"});
    check_data_refused(p, nn::Matrix<T>(), nn::Matrix<T>(), mse, {"0", "4"});
}

TEST_CASE_TEMPLATE("data that is not finite", T, float, double) {
    using Limits = std::numeric_limits<T>;
    for (const T bad : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()})
        for (const nn::Loss loss : every_loss) {
            Problem<T> p;
            nn::Matrix<T> X = p.X, Y = p.Y;
            X(9, 3) = bad;
            check_data_refused(p, X, p.Y, loss, {"X", "row 9", "column 3"});
            Y(7, 1) = bad;
            check_data_refused(p, p.X, Y, loss, {"Y", "row 7", "column 1"});
        }
}

TEST_CASE_TEMPLATE("losses that do not go with the network or the targets", T, float, double) {
    Problem<T> p;
    nn::Matrix<T> Y = p.Y;
    Y(3, 1) = T{1.5};
    check_data_refused(p, p.X, Y, nn::binary_cross_entropy, {"1.5", "row 3", "column 1", "0 to 1"});
    Y(3, 1) = T{-0.25};
    check_data_refused(p, p.X, Y, nn::binary_cross_entropy, {"-0.25", "row 3", "column 1", "0 to 1"});
    // 77, and the number after the last loss: every_loss lists all.
    for (const auto number : {std::size_t{77}, std::size(every_loss)})
        check_data_refused(p, p.X, p.Y, static_cast<nn::Loss>(number), {"unknown loss"});
    check_data_refused(p, p.X, p.Y, nn::categorical_cross_entropy,
                       {"layer 1", "another activation", "identity"});
    p.net = nn::BasicNetwork<T>({.inputs = 4, .layers = {{6, nn::sigmoid}, {2, nn::identity}}});
    p.workspace = p.net.make_workspace(10);
    check_data_refused(p, p.X, p.Y, nn::binary_cross_entropy, {"layer 1", "another activation", "sigmoid"});
    check_data_refused(p, p.X, Y, nn::categorical_cross_entropy,
                       {"-0.25", "row 3", "column 1", "at least 0"});
    Y(3, 1) = T{1.5};  // a share counts as often as it says
    CHECK(error_of([&] { p.net.evaluate(p.X, Y, nn::categorical_cross_entropy); }) == "(no error)");
    p.net = nn::BasicNetwork<T>({.inputs = 4, .layers = {{1, nn::identity}}});
    p.workspace = p.net.make_workspace(10);
    check_data_refused(p, p.X, nn::Matrix<T>(10, 1), nn::categorical_cross_entropy,
                       {"class", "found 1", "at least 2"});
}

TEST_CASE_TEMPLATE("options that cannot be used", T, float, double) {
    Problem<T> p;
    const auto refuse = [&](const nn::FitOptions& options, std::initializer_list<const char*> parts) {
        check_refused(
            p.net, [&] { p.net.fit(p.X, p.Y, options); }, parts);
    };
    constexpr double inf = std::numeric_limits<double>::infinity(),
                     nan = std::numeric_limits<double>::quiet_NaN();
    refuse({.batch_size = 0}, {"batch_size", "0", "at least 1"});
    refuse({.optimizer = nn::sgd(nan)}, {"learning_rate", "nan", "finite"});
    refuse({.optimizer = nn::sgd(inf)}, {"learning_rate", "inf", "finite"});
    refuse({.optimizer = nn::sgd(-0.5)}, {"learning_rate", "-0.5", "at least 0"});
    if (sizeof(T) == sizeof(float)) refuse({.optimizer = nn::sgd(1e300)}, {"learning_rate", "1e+300"});
    refuse({.validation_split = -0.1}, {"validation_split", "-0.1"});
    refuse({.validation_split = 1}, {"validation_split", "1"});
    refuse({.validation_split = nan}, {"validation_split", "nan"});
    refuse({.validation_split = 0.99}, {"0.99", "10 rows", "train"});
    refuse({.validation_split = 0.01}, {"0.01", "10 rows", "validate"});
    refuse({.threads = 0}, {"threads", "0", "at least 1"});
    refuse({.threads = -3}, {"threads", "-3", "at least 1"});
    refuse({.loss = static_cast<nn::Loss>(77)}, {"unknown loss"});
    refuse({.metric = static_cast<nn::Metric>(77)}, {"unknown metric"});
}

TEST_CASE_TEMPLATE("bad arguments of train_step, gradient and evaluate", T, float, double) {
    Problem<T> p;
    const auto step = [&](double learning_rate, nn::Workspace<T>& workspace, int threads) {
        return [&, learning_rate, threads] {
            p.net.train_step(p.X, p.Y, nn::mean_squared_error, nn::sgd(learning_rate), workspace, threads);
        };
    };
    check_refused(p.net, step(std::numeric_limits<double>::quiet_NaN(), p.workspace, 1),
                  {"learning_rate", "nan"});
    check_refused(p.net, step(std::numeric_limits<double>::infinity(), p.workspace, 1),
                  {"learning_rate", "inf"});
    check_refused(p.net, step(-1, p.workspace, 1), {"learning_rate", "-1"});
    check_refused(p.net, step(T{1}, p.workspace, 0), {"threads", "0"});
    nn::Workspace<T> small = p.net.make_workspace(9);
    check_refused(p.net, step(T{1}, small, 1), {"10", "9"});
    nn::Workspace<T> foreign = nn::BasicNetwork<T>({.inputs = 4, .layers = {{7}, {2}}}).make_workspace(10);
    check_refused(p.net, step(T{1}, foreign, 1), {"workspace", "shape"});
    const auto mse = nn::mean_squared_error;
    check_refused(p.net, [&] { p.net.gradient(p.X, p.Y, mse, p.gradient, small); }, {"10", "9"});
    p.gradient.push_back(0);
    const std::string found = std::to_string(p.gradient.size()),
                      expected = std::to_string(p.gradient.size() - 1);
    check_refused(p.net, [&] { p.net.gradient(p.X, p.Y, mse, p.gradient, p.workspace); },
                  {found.c_str(), expected.c_str()});
    check_refused(p.net, [&] { p.net.evaluate(p.X, p.Y, mse, nn::Metric::none, 0); }, {"threads", "0"});
    check_refused(p.net, [&] { p.net.evaluate(p.X, p.Y, mse, static_cast<nn::Metric>(9)); },
                  {"unknown metric"});
}

TEST_CASE_TEMPLATE("predict refuses what does not fit and writes nothing", T, float, double) {
    Problem<T> p;
    const auto refuse = [&](const nn::Matrix<T>& X, nn::Matrix<T> out, nn::Workspace<T>& workspace,
                            std::initializer_list<const char*> parts) {
        const std::vector<T> before = values_of(out);
        const nn::MatrixView<const T> x = X;
        check_refused(
            p.net, [&] { p.net.predict(x, out.view(), workspace); }, parts);
        CHECK_FALSE(p.net.try_predict(x, out.view(), workspace));
        CHECK(values_of(out) == before);
    };
    const nn::Matrix<T> out(10, 2);
    refuse(nn::Matrix<T>(10, 3), out, p.workspace, {"X", "3", "4"});
    refuse(p.X, nn::Matrix<T>(10, 1), p.workspace, {"out", "1", "2"});
    refuse(p.X, nn::Matrix<T>(9, 2), p.workspace, {"out", "9", "10"});
    nn::Workspace<T> foreign = nn::BasicNetwork<T>({.inputs = 4, .layers = {{2}}}).make_workspace(10);
    refuse(p.X, out, foreign, {"workspace", "shape"});
    check_error([&] { p.net.predict(nn::Matrix<T>(10, 3)); }, {"3", "4"});
    check_error([&] { p.net.predict(p.X, 0); }, {"threads", "0"});
}
