// How the programs end: their exit codes, and what they say of errors.
#pragma once

#include <functional>

namespace common {

enum ExitCode { done = 0, fell_short = 1, bad_input = 2, diverged = 3 };

// What `run` returns; or says "<name>: <what went wrong>" and returns the code of what it threw.
ExitCode run_program(const char* name, const std::function<ExitCode()>& run);

}  // namespace common
