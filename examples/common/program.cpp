// How the programs end.
#include "common/program.hpp"

#include <cstdio>
#include <exception>
#include <new>

#include <densimd/nn.hpp>

namespace common {

ExitCode run_program(const char* name, const std::function<ExitCode()>& run) {
    const auto report = [name](ExitCode code, const char* what) {
        std::fflush(stdout);
        std::fprintf(stderr, "%s: %s\n", name, what);
        return code;
    };
    try {
        return run();
    } catch (const densimd::nn::TrainingDiverged& error) {
        return report(diverged, error.what());
    } catch (const std::bad_alloc&) {
        return report(bad_input, "not enough memory for a network and data of this size");
    } catch (const std::exception& error) {
        return report(bad_input, error.what());
    }
}

}  // namespace common
