// What the program prints: a line of progress, a table of results, a table of several seeds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "training.hpp"

namespace train {

// One line on the terminal that is written over and at last erased; nothing where there is no terminal.
class Progress {
  public:
    Progress();
    ~Progress() { erase(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void show(const Task& task, const Task::Batching& batching, const nn::EpochRecord& record);
    void erase();

  private:
    bool terminal_, shown_ = false;
    double last_ = 0;  // time at which the line was last written
};

void print_header();
void print_row(const Task& task, const Outcome& outcome);

// The test metric of one task and batch size for each seed.
struct SeedResults {
    std::string name, network;
    std::size_t batch_size;
    nn::Metric metric;
    std::optional<Task::Goal> goal;
    std::vector<double> values;
};

// Returns whether every goal is met.
bool print_seeds(const std::vector<SeedResults>& results);

}  // namespace train
