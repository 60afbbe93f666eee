// Two threads add to one number without a lock: a run under the thread sanitizer that says nothing proves nothing.
#include <cstdio>

int main() {
    int sum = 0;
#pragma omp parallel for num_threads(2)
    for (int i = 0; i < 1000; ++i) sum += i;
    std::printf("%d\n", sum);
}
