// The report's sections, one for each suite that has rows, as Markdown on the standard output.
#pragma once

#include "suite.hpp"

namespace densimd::bench {

void print_training(const Suite& suite);
void print_kernels(const Suite& suite);
void print_peers(const Suite& suite);

}  // namespace densimd::bench
