// The plot script, as part of the program. CMake writes its definition.
#pragma once

#include <string_view>

namespace mnist {

extern const std::string_view training_gp;

}  // namespace mnist
