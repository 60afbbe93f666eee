// The report's sections, one for each suite, as Markdown on the standard output.
#pragma once

#include <nlohmann/json.hpp>

namespace densimd::bench {

void print_training(const nlohmann::json& suite);
void print_kernels(const nlohmann::json& suite);
void print_peers(const nlohmann::json& suite);

}  // namespace densimd::bench
