// Which rows train and which validate, and the order of an epoch.
#include "training/split.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include <densimd/nn/data.hpp>
#include <densimd/nn/error.hpp>

#include "check.hpp"
#include "data/random.hpp"

namespace densimd::nn {

SplitRows split_rows(std::size_t rows, const FitOptions& options, std::uint64_t seed) {
    const std::size_t held_back = share_of(rows, options.validation_split, "validation_split");
    if (held_back == 0 && options.validation_split > 0)
        throw Error("a validation_split of " + text(options.validation_split) + " of " +
                    std::to_string(rows) + " rows leaves no row to validate with");
    if (options.split != Split::shuffled && options.split != Split::tail) throw Error("unknown split");
    std::vector<std::size_t> order(rows);
    std::iota(order.begin(), order.end(), std::size_t{0});
    const bool in_order = options.split == Split::tail || held_back == 0;
    if (in_order)
        std::rotate(order.begin(), order.end() - static_cast<std::ptrdiff_t>(held_back), order.end());
    else
        order = permutation(rows, seed, 0);
    const auto middle = order.begin() + static_cast<std::ptrdiff_t>(held_back);
    return {{middle, order.end()}, {order.begin(), middle}, in_order};
}

void SplitRows::shuffle_into(std::span<std::size_t> order, std::uint64_t seed, std::size_t epoch) const {
    if (in_order)  // `training` is not read: the data of small sets has more of L1
        shuffle(order, seed, epoch, [](std::size_t i) { return i; });
    else
        shuffle(order, seed, epoch, [rows = training.data()](std::size_t i) { return rows[i]; });
}

}  // namespace densimd::nn
