// The scripts that the programs' plots share, as part of the program. CMake writes its definition.
#pragma once

#include <string_view>

namespace common {

extern const std::string_view style_gp, tics_gp;

}  // namespace common
