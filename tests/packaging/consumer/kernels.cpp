// An outside user of densimd's kernels: prints sigmoid(0) and the version.
#include <cstdio>

#include <densimd/kernels.hpp>

int main() {
    float value = 0;
    densimd::kernels::active<float>().sigmoid(1, &value, &value);
    std::printf("%.3f %d.%d.%d\n", static_cast<double>(value), DENSIMD_VERSION_MAJOR, DENSIMD_VERSION_MINOR,
                DENSIMD_VERSION_PATCH);
}
