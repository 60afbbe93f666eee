// Running a kernel on every ISA and every memory layout, and demanding the same bits of all with FMA.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <type_traits>
#include <vector>

#include "compare.hpp"
#include "guarded.hpp"
#include "tables.hpp"

namespace densimd::test {

/// Calls run(kernels, layout) or run(kernels, layout, isa) -> std::vector<T> for each ISA and layout. All
/// results must be equal bit for bit between layouts, and between ISAs with FMA. run does its own checks of
/// each result.
template <class T, class Run>
void on_every_isa(Run run) {
    std::vector<T> first[2];
    bool seen[2] = {false, false};
    for (const Isa isa : kernels::available_isas())
        for (const Layout layout : layouts) {
            INFO("isa ", std::string(kernels::name(isa)), ", padding ", layout.padding, ", guarded at its ",
                 name_of(layout.edge));
            const std::vector<T> result = [&] {
                if constexpr (std::is_invocable_v<Run, const Kernels<T>&, Layout, Isa>)
                    return run(kernels::table<T>(isa), layout, isa);
                else
                    return run(kernels::table<T>(isa), layout);
            }();
            const int rounding = has_fma(isa) ? 1 : 0;
            if (seen[rounding])
                CHECK(bit_difference(result, first[rounding]) == "");
            else
                first[rounding] = result;
            seen[rounding] = true;
        }
}

/// Calls check(kernels) for the reference, which defines the kernels and is held to this as well, and for
/// each ISA.
template <class T, class Check>
void on_every_table(Check check) {
    {
        INFO("reference");
        check(kernels::reference<T>());
    }
    for (const Isa isa : kernels::available_isas()) {
        INFO("isa ", std::string(kernels::name(isa)));
        check(kernels::table<T>(isa));
    }
}

}  // namespace densimd::test
