// A user of the library that parent/ installs, who does not see densimd.
#include <cstdio>

float parent_predicts(float x);

int main() { std::printf("%.3f\n", static_cast<double>(parent_predicts(3))); }
