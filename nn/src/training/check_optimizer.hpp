// Checks of an optimiser's numbers.
#pragma once

#include <cmath>
#include <limits>
#include <string>

#include <densimd/nn/optimizer.hpp>

#include "check.hpp"

namespace densimd::nn {

/// Also what T rounds to: 1e-300 is no float's epsilon.
template <class T, class Report>
bool check_number(const char* name, double value, double least, double below, const Report& report) {
    const double rounded = static_cast<double>(static_cast<T>(value));
    return (rounded >= least && rounded < below) || report([&] {
               return std::string(name) + " is " + text(value) + "; expected at least " + text(least) +
                      (!std::isinf(below)           ? " and less than " + text(below)
                       : sizeof(T) < sizeof(double) ? std::string(" and finite as a float")
                                                    : " and finite");
           });
}

/// Whether all of the optimiser's numbers are usable as T.
template <class T, class Report = Throw>
bool check_optimizer(const Optimizer& o, const Report& report = {}) {
    using Method = Optimizer::Method;
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double smallest = static_cast<double>(std::numeric_limits<T>::min());
    // A gradient whose share of the second moment is flushed to 0 must still be small beside epsilon, or the
    // step, m / epsilon, would be any length.
    const double smallest_epsilon = std::sqrt(smallest / (1 - static_cast<double>(static_cast<T>(o.beta2))));
    // Elements whose squares are flushed to 0 are not seen in a norm, however many they are.
    const double smallest_norm = std::sqrt(smallest) * 0x1p20;
    const bool has_momentum = o.method == Method::momentum || o.method == Method::nesterov;
    const bool has_moments = o.method == Method::adam || o.method == Method::adamw;
    return ((o.method >= Method::sgd && o.method <= Method::adamw) ||
            report([] { return std::string("unknown optimizer"); })) &&
           check_number<T>("learning_rate", o.learning_rate, 0, infinity, report) &&
           check_number<T>("weight_decay", o.weight_decay, 0, infinity, report) &&
           (o.max_gradient_norm >= smallest_norm || report([&] {
                return "max_gradient_norm is " + text(o.max_gradient_norm) + "; expected at least " +
                       text(smallest_norm);
            })) &&
           (!has_momentum || check_number<T>("momentum", o.momentum, 0, 1, report)) &&
           (!has_moments || (check_number<T>("beta1", o.beta1, 0, 1, report) &&
                             check_number<T>("beta2", o.beta2, 0, 1, report) &&
                             check_number<T>("epsilon", o.epsilon, smallest_epsilon, infinity, report)));
}

}  // namespace densimd::nn
