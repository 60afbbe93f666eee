// Text files that are part of the program: the data sets and the plot scripts. CMake writes their
// definitions.
#pragma once

#include <string_view>

namespace train {

extern const std::string_view breast_cancer_csv, digits_csv;
extern const std::string_view batches_gp, logarithmic_gp, sigmoid_gp, loss_gp, time_gp, prediction_gp;

}  // namespace train
