// densimd_train on files of a user's own: what it learns of them, and what it leaves in the output folder.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "common/output.hpp"
#include "support/nn.hpp"
#include "support/temporary_folder.hpp"
#include "train/output.hpp"

using namespace densimd::test;

namespace {

train::Outcome trained(const train::Task& task) {
    return train::train_network(task, task.batchings.front(), 1, 1, 1, [](const nn::EpochRecord&) {});
}

std::string text_of(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

std::vector<std::string> parts_of(const std::string& text, char delimiter) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, delimiter);) parts.push_back(part);
    return parts;
}

// The cells of predictions.csv.
std::vector<std::vector<std::string>> predictions_of(const std::filesystem::path& folder,
                                                     const train::Task& task, const train::Outcome& outcome) {
    train::write_tables(folder, {{&task, outcome}}, false);
    CHECK(std::filesystem::exists(folder / "history.csv"));
    CHECK(!std::filesystem::exists(folder / "sigmoid.csv"));
    std::vector<std::vector<std::string>> rows;
    for (const std::string& line : parts_of(text_of(folder / "predictions.csv"), '\n'))
        rows.push_back(parts_of(line, ','));
    return rows;
}

}  // namespace

TEST_CASE("a column of times is learnt as well as one that starts at 0") {
    const TemporaryFolder folder("densimd-train");
    const auto r2_from = [&](long start) {
        std::ofstream file(folder.path() / "times.csv");
        file << "unix_time,y\n";
        for (int i = 0; i < 300; ++i) file << start + i << ',' << std::tanh((i - 150) / 60.0) << '\n';
        file.close();
        return trained(
                   train::csv_task(
                       {.data = folder.path() / "times.csv", .target = "y", .batches = {1}, .epochs = 300},
                       1))
            .test.metric;
    };
    CHECK(r2_from(0) > 0.999);
    CHECK(r2_from(1700000000) == doctest::Approx(r2_from(0)).epsilon(1e-5));
}

TEST_CASE("predictions of numbers stand beside the targets of the file, whatever their size") {
    const TemporaryFolder folder("densimd-train");
    const auto path = folder.path() / "times.csv";
    std::ofstream file(path);
    file << "x,unix_time\n";
    for (int i = 0; i < 300; ++i) file << i << ',' << 1700000000 + i << '\n';
    file.close();
    const train::Task task =
        train::csv_task({.data = path, .target = "unix_time", .batches = {1}, .epochs = 200}, 1);
    const auto rows = predictions_of(folder.path(), task, trained(task));
    CHECK(rows[0] == std::vector<std::string>{"data_set", "batch_size", "target", "prediction"});
    CHECK(rows.size() == 1 + 60);
    std::set<std::string> targets;
    for (std::size_t i = 1; i < rows.size(); ++i) {
        CHECK(std::abs(std::stod(rows[i][3]) - std::stod(rows[i][2])) < 30);
        CHECK(std::stod(rows[i][2]) >= 1700000000);
        targets.insert(rows[i][2]);
    }
    CHECK(targets.size() == 60);
}

TEST_CASE("predictions of classes: the class and what each output says") {
    const TemporaryFolder folder("densimd-train");
    const auto path = folder.path() / "kinds.csv";
    std::ofstream file(path);
    file << "# measured\n;a;kind\n";  // an index
    for (int i = 0; i < 200; ++i) file << i << ';' << i % 37 << ';' << i % 37 / 13 << '\n';
    file.close();
    train::Options options{.data = path,
                           .target = "kind",
                           .delimiter = ';',
                           .classes = 3,
                           .loss = nn::categorical_cross_entropy,
                           .batches = {1}};
    const train::Task task = train::csv_task(options, 1);
    CHECK(contains(task.remark, "left out"));
    CHECK(task.data.X_train.cols() == 1);
    const train::Outcome outcome = trained(task);
    const auto rows = predictions_of(folder.path(), task, outcome);
    CHECK(rows[0] == std::vector<std::string>{"data_set", "batch_size", "target", "prediction", "output_0",
                                              "output_1", "output_2"});
    REQUIRE(rows.size() == 1 + 40);
    double right = 0;
    for (std::size_t i = 1; i < rows.size(); ++i) {
        const std::vector<double> outputs = {std::stod(rows[i][4]), std::stod(rows[i][5]),
                                             std::stod(rows[i][6])};
        CHECK(outputs[0] + outputs[1] + outputs[2] == doctest::Approx(1).epsilon(1e-6));
        CHECK(std::stoul(rows[i][3]) ==
              static_cast<std::size_t>(std::max_element(outputs.begin(), outputs.end()) - outputs.begin()));
        right += rows[i][2] == rows[i][3];
    }
    CHECK(right / 40 == doctest::Approx(outcome.test.metric));

    options.classes = 0;
    options.loss.reset();
    std::ofstream(path) << [] {
        std::string text = "a;kind\n";
        for (int i = 0; i < 200; ++i) text += std::to_string(i % 37) + (i % 37 < 13 ? ";0\n" : ";1\n");
        return text;
    }();
    const train::Task two = train::csv_task(options, 1);
    CHECK(two.remark.empty());
    for (const auto& row : predictions_of(folder.path(), two, trained(two))) {
        REQUIRE(row.size() == 5);
        if (row[0] != "data_set") CHECK((std::stod(row[4]) >= 0.5) == (row[3] == "1"));
    }
}

TEST_CASE("a logarithmic axis has two labels or more, however little a curve falls") {
    if (std::system("gnuplot --version > /dev/null 2>&1") != 0) {
        MESSAGE("not tested: gnuplot is not installed");
        return;
    }
    const TemporaryFolder folder("densimd-train");
    const auto path = folder.path() / "slow.csv";
    std::ofstream file(path);
    file << "x,y\n";
    for (int i = 0; i < 300; ++i) file << i << ',' << std::sin(i / 50.0) << '\n';
    file.close();
    common::check_folder("--out", folder.path());
    for (const std::size_t epochs : {2u, 4u, 30u})
        for (const double rate : {1e-6, 1e-4, 1e-2}) {
            const train::Task task = train::csv_task(
                {.data = path, .target = "y", .batches = {1}, .epochs = epochs, .learning_rate = rate}, 1);
            const std::vector<train::Result> results = {{&task, trained(task)}};
            train::write_tables(folder.path(), results, false);
            REQUIRE(train::draw_plots(folder.path(), results, false));
            CHECK(!std::filesystem::exists(folder.path() / "sigmoid.png"));
            for (const char* plot : {"loss-slow.svg", "time-slow.svg"}) {
                const std::string svg = text_of(folder.path() / plot);
                // Labels of the y axis end at it, those of the x axis have their middle below their tick.
                for (const char* anchor : {"end", "middle"}) {
                    std::size_t labels = 0;
                    for (std::size_t at = 0;
                         (at = svg.find(std::string("text-anchor=\"") + anchor, at)) != svg.npos; ++at) {
                        const std::size_t text = svg.find("<text", at), begin = svg.find('>', text);
                        std::string label = svg.substr(begin + 1, svg.find("</text>", begin) - begin - 1);
                        if (const std::size_t inner = label.rfind("\">"); inner != label.npos)
                            label = label.substr(inner + 2);
                        label = label.substr(0, label.find('<'));
                        label.erase(0, std::min(label.find_first_not_of(" \t"), label.size()));
                        char* stop = nullptr;
                        std::strtod(label.c_str(), &stop);
                        labels += !label.empty() && *stop == 0;
                    }
                    INFO(plot, ", epochs: ", epochs, ", learning rate: ", rate, ", labels anchored at their ",
                         anchor);
                    CHECK(labels >= 2);
                }
            }
        }
}
