// Preparing data: splits, standardisation, one-hot rows, matrices and views.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <vector>

#include "support/nn.hpp"

using namespace densimd::test;

TEST_CASE_TEMPLATE("train_test_split gives each row to one part, with its target", T, float, double) {
    nn::Matrix<T> X(41, 3), Y(41, 1);
    for (std::size_t i = 0; i < 41; ++i) {
        for (std::size_t j = 0; j < 3; ++j) X(i, j) = static_cast<T>(10 * i + j);
        Y(i, 0) = static_cast<T>(i);
    }
    const auto parts = nn::train_test_split(X, Y, 0.25, 7);
    CHECK(parts.X_test.rows() == 10);
    CHECK(parts.Y_test.rows() == 10);
    CHECK(parts.X_train.rows() == 31);
    CHECK(parts.Y_train.rows() == 31);
    std::vector<T> seen = values_of(parts.Y_train), test = values_of(parts.Y_test);
    CHECK(!std::is_sorted(seen.begin(), seen.end()));
    seen.insert(seen.end(), test.begin(), test.end());
    std::sort(seen.begin(), seen.end());
    CHECK(seen == values_of(Y));
    for (std::size_t i = 0; i < 31; ++i)
        for (std::size_t j = 0; j < 3; ++j)
            CHECK(parts.X_train(i, j) == 10 * parts.Y_train(i, 0) + static_cast<T>(j));
    for (std::size_t i = 0; i < 10; ++i) CHECK(parts.X_test(i, 2) == 10 * parts.Y_test(i, 0) + 2);
    CHECK(values_of(nn::train_test_split(X, Y, 0.25, 7).Y_test) == test);
    CHECK(values_of(nn::train_test_split(X, Y, 0.25, 8).Y_test) != test);
}

TEST_CASE_TEMPLATE("splits that leave nothing", T, float, double) {
    const nn::Matrix<T> X(10, 2), Y(10, 1);
    const auto split = [&](double fraction) {
        return [&, fraction] { nn::train_test_split(X, Y, fraction, 1); };
    };
    check_error(split(0), {"0", "10 rows"});
    check_error(split(0.01), {"0.01", "10 rows"});
    check_error(split(0.99), {"0.99", "10 rows"});
    check_error(split(1), {"1"});
    check_error(split(-0.5), {"-0.5"});
    check_error(split(std::numeric_limits<double>::quiet_NaN()), {"nan"});
    check_error([&] { nn::train_test_split(X, nn::Matrix<T>(9, 1), 0.5, 1); }, {"10", "9"});
    check_error([&] { nn::train_test_split(nn::Matrix<T>(0, 2), nn::Matrix<T>(0, 1), 0.5, 1); }, {"0 rows"});
}

TEST_CASE_TEMPLATE("standardised columns have mean 0 and deviation 1", T, float, double) {
    Random random;
    nn::Matrix<T> X = random_matrix<T>(random, 200, 4, -3, 8);
    for (std::size_t i = 0; i < 200; ++i) {
        X(i, 1) = X(i, 1) * 1000 + 5000;
        X(i, 2) = T{0.1f};  // constant, and not exact in binary
    }
    const nn::Standardizer<T> standardizer(X);
    const nn::Matrix<T> Z = standardizer.transform(X);
    const double bound = 200 * static_cast<double>(std::numeric_limits<T>::epsilon());
    for (const std::size_t j : {0u, 1u, 3u}) {
        double sum = 0, squares = 0;
        for (std::size_t i = 0; i < 200; ++i) {
            sum += static_cast<double>(Z(i, j));
            squares += static_cast<double>(Z(i, j)) * static_cast<double>(Z(i, j));
        }
        CHECK(std::abs(sum / 200) <= bound);
        CHECK(std::abs(squares / 200 - 1) <= bound);
    }
    for (std::size_t i = 0; i < 200; ++i) CHECK(Z(i, 2) == 0);
    CHECK(standardizer.mean()[2] == static_cast<double>(T{0.1f}));
    CHECK(standardizer.deviation()[2] == 0);

    const nn::Matrix<T> back = standardizer.inverse_transform(Z);
    for (std::size_t i = 0; i < 200; ++i)
        for (std::size_t j = 0; j < 4; ++j) CHECK(back(i, j) == doctest::Approx(X(i, j)).epsilon(1e-5));
}

TEST_CASE_TEMPLATE("statistics are known numbers, kept and taken over", T, float, double) {
    const nn::Standardizer<T> fitted(nn::Matrix<T>(4, 2, {1, 10, 2, 10, 3, 10, 4, 10}));
    CHECK(fitted.mean() == std::vector<double>{2.5, 10});
    CHECK(fitted.deviation() == std::vector<double>{std::sqrt(1.25), 0});
    const nn::Standardizer<T> kept(fitted.mean(), fitted.deviation());
    const nn::Matrix<T> later(1, 2, {5, 11});
    CHECK(values_of(kept.transform(later)) == values_of(fitted.transform(later)));
    CHECK(kept.transform(later)(0, 1) == 0);
}

TEST_CASE_TEMPLATE("statistics of every shape are those of two plain passes", T, float, double) {
    Random random;
    for (const std::size_t rows : {1u, 2u, 7u, 63u, 64u, 65u, 1000u, 4321u})
        for (const std::size_t cols : {1u, 3u, 8u, 255u, 256u, 511u, 513u, 1100u}) {
            if (rows * cols > 600000) continue;
            INFO("rows: ", rows, ", columns: ", cols);
            const std::size_t stride = cols + 3 * random.below(2);
            std::vector<T> memory = random.vector<T>(rows * stride);
            const nn::MatrixView<const T> X(memory.data(), rows, cols, stride);
            // Far from 0, with a first row far from the rest, or with a few outliers.
            const T shift = static_cast<T>(random.below(2) * 1000);
            for (T& value : memory) value = value * (random.below(500) == 0 ? 100 : 1) + shift;
            for (std::size_t j = 0; j < cols; ++j) memory[j] *= 1000;
            const nn::Standardizer<T> fitted(X);
            const nn::Matrix<T> Z = fitted.transform(X);
            const nn::Matrix<double> back = fitted.template inverse_transform<double>(Z);
            CHECK(Z.rows() == rows);
            CHECK(Z.cols() == cols);
            for (std::size_t j = 0; j < cols; ++j) {
                long double sum = 0, squares = 0;
                for (std::size_t i = 0; i < rows; ++i) sum += static_cast<long double>(X(i, j));
                const long double mean = sum / static_cast<long double>(rows);
                for (std::size_t i = 0; i < rows; ++i) {
                    const long double distance = static_cast<long double>(X(i, j)) - mean;
                    squares += distance * distance;
                }
                const auto deviation =
                    static_cast<double>(std::sqrt(squares / static_cast<long double>(rows)));
                REQUIRE(std::abs(fitted.deviation()[j] - deviation) <= 1e-12 * deviation);
                REQUIRE(std::abs(fitted.mean()[j] - static_cast<double>(mean)) <=
                        1e-13 * (deviation + std::abs(static_cast<double>(mean))));
                for (std::size_t i = 0; i < rows; i += 1 + rows / 50) {
                    const double x = static_cast<double>(X(i, j));
                    const double z = rows == 1 ? 0 : (x - fitted.mean()[j]) / fitted.deviation()[j];
                    REQUIRE(Z(i, j) == static_cast<T>(z));
                    REQUIRE(back(i, j) ==
                            static_cast<double>(Z(i, j)) * fitted.deviation()[j] + fitted.mean()[j]);
                }
            }
        }
}

TEST_CASE("a Standardizer<float> keeps what tells doubles apart") {
    nn::Matrix<double> X(2000, 2);
    for (std::size_t i = 0; i < 2000; ++i) {
        X(i, 0) = 1700000000 + static_cast<double>(i);
        X(i, 1) = 52.52 + 1e-8 * static_cast<double>(i);
    }
    const nn::Standardizer<float> scale(X);
    CHECK(std::abs(scale.mean()[0] - 1700000999.5) < 1e-6);
    CHECK(scale.deviation()[0] == doctest::Approx(std::sqrt((2000.0 * 2000 - 1) / 12)).epsilon(1e-12));
    CHECK(scale.deviation()[1] == doctest::Approx(1e-8 * std::sqrt((2000.0 * 2000 - 1) / 12)).epsilon(1e-6));
    const nn::Matrix<float> Z = scale.transform(X);
    const nn::Matrix<double> back = scale.inverse_transform<double>(Z);
    for (std::size_t i = 0; i < 2000; ++i)
        for (const std::size_t j : {0u, 1u}) {
            if (i > 0) CHECK(Z(i, j) > Z(i - 1, j));
            CHECK(std::abs(back(i, j) - X(i, j)) <= scale.deviation()[j] * 2e-7);
        }
    const nn::Matrix<float> floats(2, 1, {1, 3});  // the other way round
    CHECK(values_of(nn::Standardizer<double>(floats).transform(floats)) == std::vector<double>{-1, 1});
}

TEST_CASE("columns whose squares are no doubles") {
    for (const double size : {1e-200, 1e-310, 1e200, 5e307}) {
        INFO("size: ", size);
        nn::Matrix<double> X(300, 3);
        for (std::size_t i = 0; i < 300; ++i) {
            X(i, 0) = static_cast<double>(i);
            X(i, 1) = i % 2 == 0 ? size : -size;
            X(i, 2) = size;
        }
        const nn::Standardizer<double> scale(X);
        CHECK(std::abs(scale.mean()[1]) <= 1e-13 * size);
        CHECK(scale.deviation()[1] == doctest::Approx(size).epsilon(1e-12));
        CHECK(scale.mean()[2] == size);
        CHECK(scale.deviation()[2] == 0);
        CHECK(scale.mean()[0] == doctest::Approx(149.5).epsilon(1e-14));
        CHECK(scale.transform(X)(0, 1) == doctest::Approx(1).epsilon(1e-12));
    }
    nn::Matrix<double> wide(100, 1);
    wide(50, 0) = 1.7e308;
    wide(51, 0) = -1.7e308;
    wide(0, 0) = 1.7e308;
    check_error([&] { nn::Standardizer<double>{wide}; }, {"the spread of column 0 is too large"});
}

TEST_CASE("numbers that are not finite are found wherever they are") {
    for (const std::size_t row : {0u, 1u, 63u, 64u, 299u})
        for (const float bad :
             {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
            nn::Matrix<float> X(300, 5);
            X(row, 3) = bad;
            check_error([&] { nn::Standardizer<float>{X}; },
                        {("row " + std::to_string(row) + ", column 3").c_str()});
            nn::Matrix<double> wide(300, 700);
            wide(row, 650) = static_cast<double>(bad);
            check_error([&] { nn::Standardizer<float>{wide}; },
                        {("row " + std::to_string(row) + ", column 650").c_str()});
        }
}

TEST_CASE("the type of a Standardizer is that of the matrix, if it is not said") {
    const nn::Matrix<float> X(2, 1, {1, 3});
    const nn::Standardizer scale(X);
    static_assert(std::is_same_v<decltype(scale.transform(X)), nn::Matrix<float>>);
    const nn::Standardizer of_view(X.view());
    static_assert(std::is_same_v<decltype(of_view.transform(X)), nn::Matrix<float>>);
}

TEST_CASE("to_float rounds each number") {
    const std::vector<double> values{0.1, 1, 16777217, 4, 5, 6};
    CHECK(values_of(nn::to_float({values.data(), 2, 2, 3})) == std::vector<float>{0.1f, 1, 4, 5});
}

TEST_CASE_TEMPLATE("standardisation that cannot be", T, float, double) {
    using Standardizer = nn::Standardizer<T>;
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    check_error([] { Standardizer(nn::Matrix<T>(0, 3)); }, {"0 x 3"});
    check_error([] { Standardizer(nn::Matrix<T>(3, 0)); }, {"3 x 0"});
    nn::Matrix<T> X(3, 2);
    X(2, 1) = std::numeric_limits<T>::infinity();
    check_error([&] { Standardizer{X}; }, {"row 2", "column 1", "inf"});
    check_error([] { Standardizer({1, 2}, {1}); }, {"2", "1"});
    check_error([] { Standardizer({1, 2}, {1, -1}); }, {"column 1", "-1"});
    check_error([&] { Standardizer({1, nan}, {1, 1}); }, {"column 1", "nan"});
    check_error([&] { Standardizer({1, 2}, {nan, 1}); }, {"column 0", "nan"});
    const Standardizer two({1, 2}, {1, 1});
    check_error([&] { two.transform(nn::Matrix<T>(4, 3)); }, {"3", "2"});
    check_error([&] { two.inverse_transform(nn::Matrix<T>(4, 1)); }, {"1", "2"});
}

TEST_CASE_TEMPLATE("one_hot", T, float, double) {
    const nn::Matrix<T> labels(3, 1, {2, 0, 1});
    CHECK(values_of(nn::one_hot(labels, 3)) == std::vector<T>{0, 0, 1, 1, 0, 0, 0, 1, 0});
    CHECK(nn::one_hot(labels, 5).cols() == 5);
    CHECK(values_of(nn::one_hot<float>(labels, 3)) == std::vector<float>{0, 0, 1, 1, 0, 0, 0, 1, 0});
    CHECK(values_of(nn::one_hot<double>(labels, 2 + 1)) == std::vector<double>{0, 0, 1, 1, 0, 0, 0, 1, 0});
    const T nan = std::numeric_limits<T>::quiet_NaN(), inf = std::numeric_limits<T>::infinity();
    for (const T bad : {T{3}, T{-1}, T{0.5}, nan, inf, -inf}) {
        const nn::Matrix<T> wrong(3, 1, {0, bad, 1});
        check_error([&] { nn::one_hot(wrong, 3); }, {"row 1", "3"});
    }
    check_error([&] { nn::one_hot(labels, 0); }, {"row 0"});
    check_error([] { nn::one_hot(nn::Matrix<T>(3, 2), 3); }, {"2", "1"});
}

TEST_CASE("permutation holds each number once") {
    for (const std::size_t count : {0u, 1u, 2u, 6u, 7u, 10u, 517u, 1000u, 2051u, 16390u, 524300u}) {
        std::vector<std::size_t> order = nn::permutation(count, 3, 4), sorted(count);
        std::iota(sorted.begin(), sorted.end(), std::size_t{0});
        if (count > 2) CHECK(order != sorted);
        std::sort(order.begin(), order.end());
        CHECK(order == sorted);
    }
}

TEST_CASE("permutation is a function of seed and stream") {
    CHECK(nn::permutation(100, 1, 2) == nn::permutation(100, 1, 2));
    CHECK(nn::permutation(100, 1, 2) != nn::permutation(100, 1, 3));
    CHECK(nn::permutation(100, 1, 2) != nn::permutation(100, 2, 2));
    CHECK(nn::permutation(100, 1, 2) != nn::permutation(100, 2, 1));
}

TEST_CASE("permutation favours no number in any place") {
    for (const std::size_t count : {6u, 7u, 20u}) {
        std::vector<std::vector<int>> times(count, std::vector<int>(count, 0));
        for (std::size_t seed = 0; seed < 1000 * count; ++seed) {
            const std::vector<std::size_t> order = nn::permutation(count, seed, 1);
            for (std::size_t place = 0; place < count; ++place) ++times[place][order[place]];
        }
        for (const std::vector<int>& place : times)
            for (const int n : place) CHECK(std::abs(n - 1000) <= 5 * 32);  // five standard deviations
    }
}

TEST_CASE("permutation favours no order") {
    std::map<std::vector<std::size_t>, int> times;
    for (std::size_t seed = 0; seed < 720 * 200; ++seed) ++times[nn::permutation(6, seed, 1)];
    CHECK(times.size() == 720);
    for (const auto& [order, n] : times) CHECK(std::abs(n - 200) <= 5 * 15);
}

TEST_CASE_TEMPLATE("matrices and views", T, float, double) {
    check_error([] { nn::Matrix<T>(2, 3, {1, 2, 3, 4, 5}); }, {"5", "2 x 3"});
    const std::vector<T> values{1, 2, 3, 4, 5, 6};
    check_error([&] { nn::rows_of(4, values); }, {"6", "4"});
    check_error([&] { nn::rows_of(0, values); }, {"6", "0"});
    check_error([&] { nn::MatrixView<const T>(values.data(), 2, 3, 2); }, {"2", "3"});
    const nn::MatrixView<const T> rows = nn::rows_of(3, values), one = nn::column(values);
    CHECK(rows.rows() == 2);
    CHECK(rows(1, 0) == 4);
    CHECK(one.rows() == 6);
    CHECK(one.cols() == 1);
    const nn::MatrixView<const T> first_columns(values.data(), 2, 2, 3);
    CHECK(first_columns(1, 1) == 5);
    CHECK(first_columns.middle_rows(1, 1)(0, 0) == 4);
    nn::Matrix<T> owned(2, 3);
    CHECK(values_of(owned) == std::vector<T>(6, 0));
    owned.view()(1, 2) = 9;
    CHECK(owned(1, 2) == 9);
    CHECK(owned.row(1)[2] == 9);
}
