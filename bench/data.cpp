// Numbers to compute with.
#include "data.hpp"

#include <random>

namespace densimd::bench {

template <class T>
nn::AlignedVector<T> numbers(std::size_t count, double low, double high, unsigned seed) {
    std::minstd_rand generator(seed);
    const double range = static_cast<double>(std::minstd_rand::max());
    nn::AlignedVector<T> values(count);
    for (T& value : values)
        value = static_cast<T>(low + (high - low) * (static_cast<double>(generator()) / range));
    return values;
}

template nn::AlignedVector<float> numbers<float>(std::size_t, double, double, unsigned);
template nn::AlignedVector<double> numbers<double>(std::size_t, double, double, unsigned);

}  // namespace densimd::bench
