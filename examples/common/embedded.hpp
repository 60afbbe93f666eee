// The script that every program's plots share, as part of the program. CMake writes its definition.
#pragma once

#include <string_view>

namespace common {

extern const std::string_view style_gp;

}  // namespace common
