// What follows the last layer's logits: activation, loss and dZ, in the order and with the bits of the layers' kernels.
#pragma once

#include "network/program.hpp"
#include "network/register_row.hpp"
#include "pointwise/loss.hpp"

namespace densimd::kernels {
namespace {

// Calls take(function) with an activation's function, or nullptr for the identity: chosen by branches, which are
// predicted. Calls would spill the registers around them.
template <class T, class Take>
DENSIMD_INLINE Batch<T> with_activation(Activation activation, const Take& take) {
    if (activation == Activation::sigmoid) [[likely]]
        return take(SigmoidActivation<T>{});
    switch (activation) {
        case Activation::tanh:
            return take(TanhActivation<T>{});
        case Activation::relu:
            return take(ReluActivation<T>{});
        case Activation::leaky_relu:
            return take(LeakyReluActivation<T>{});
        case Activation::elu:
            return take(EluActivation<T>{});
        case Activation::softplus:
            return take(SoftplusActivation<T>{});
        case Activation::sigmoid:
        case Activation::identity:
        case Activation::gelu:  // these three: no network that is trained has them
        case Activation::gelu_tanh:
        case Activation::silu:
            break;
    }
    return take(nullptr);
}
template <class T>
DENSIMD_INLINE Batch<T> value_by(Activation activation, Batch<T> z) {
    return with_activation<T>(activation, [z](const auto& function) DENSIMD_INLINE_LAMBDA {
        if constexpr (requires { function == nullptr; })
            return z;
        else
            return value_of_one(function, z);
    });
}
template <class T>
DENSIMD_INLINE Batch<T> gradient_by(Activation activation, Batch<T> a, Batch<T> da) {
    return with_activation<T>(activation, [a, da](const auto& function) DENSIMD_INLINE_LAMBDA {
        if constexpr (requires { function == nullptr; })
            return da;
        else
            return function.gradient(a, da);
    });
}
template <class T>
DENSIMD_INLINE Term<T> term_by(Loss loss, Batch<T> a, Batch<T> y) {
    switch (loss) {
        case Loss::mean_absolute_error:
            return AbsoluteError{}(a, y);
        case Loss::huber:
            return HuberTerm<T>{huber_delta<T>}(a, y);
        case Loss::binary_cross_entropy:
            return BinaryCrossEntropy{}(a, y);
        case Loss::mean_squared_error:
        case Loss::categorical_cross_entropy:  // these two: see has_separate_terms
        case Loss::cosine_distance:
            break;
    }
    return SquaredError{}(a, y);
}

// Whether numbers are finite: adds up zeros, or NaNs for those that are not.
template <class T>
struct FiniteCheck {
    Batch<T> zeros = Batch<T>(T(0));

    template <bool Partial>
    DENSIMD_INLINE void add(Batch<T> x, std::size_t n) {
        zeros = Simd::fma(first_elements<Partial>(x, n), Batch<T>(T(0)), zeros);
    }
    DENSIMD_INLINE bool passed() const { return xsimd::all(zeros == Batch<T>(T(0))); }
};
template <class T>
DENSIMD_INLINE bool is_finite(T x) {
    return x - x == 0;
}
template <class T>
DENSIMD_INLINE bool is_finite(const RegisterElement<T>& row) {
    return is_finite(Simd::first(row.lanes));
}
template <class T, std::size_t Vectors>
DENSIMD_INLINE bool is_finite(const RegisterRow<T, Vectors>& row) {
    FiniteCheck<T> check;
    DENSIMD_UNROLLED (v, Vectors) check.template add<false>(row.part[v], vector_size<T>);
    return check.passed();
}

// The last layer's outputs, losses and dZ from its logits. What lies behind the end of a row comes out as zeros in dZ.
template <class T>
struct OutputTerms {
    std::size_t outputs;
    Activation activation;
    Loss loss;

    explicit OutputTerms(const Training<T>& training)
        : outputs(training.layers[training.depth - 1].outputs),
          activation(output_activation(training.depth, training.layers, training.loss)),
          loss(training.loss) {}

    struct Terms {
        Batch<T> output, loss, dz;
    };
    // For a loss of separate terms, one of them in each lane, as that of a row of a single output.
    DENSIMD_INLINE Terms terms(Batch<T> z, Batch<T> y) const {
        const Batch<T> a = value_by<T>(activation, z);
        const Term<T> term = term_by<T>(loss, a, y);
        return {a, term.loss + Batch<T>(T(0)),  // as LaneSum::total
                gradient_by<T>(activation, a, term.gradient)};
    }

    // Sample i's row of logits, of a loss of separate terms, becomes its dZ. False if the loss is not finite.
    template <class Row>
    DENSIMD_INLINE bool finish(Row& row, const Samples<T>& samples, std::size_t i, const T* y) const {
        const T value = to_gradient(row, y, samples.outputs ? samples.outputs + i * samples.ldo : nullptr);
        samples.losses[i] = value;
        return is_finite(value);
    }

    // The same for any loss and width, from outputs in memory: losses of a whole row and rows of many vectors need it.
    bool finish_in_memory(const T* a, const Samples<T>& samples, std::size_t i, const T* y, T* dz) const {
        call_loss(a, y, dz, samples.losses + i);
        if (const auto derivative = vector_functions<T>(activation).gradient)
            map(
                outputs, dz, [derivative](Batch<T> output, Batch<T> ds) { return derivative(output, ds); }, a, dz);
        for (std::size_t j = 0; samples.outputs && j < outputs; ++j) samples.outputs[i * samples.ldo + j] = a[j];
        return is_finite(samples.losses[i]);
    }

  private:
    DENSIMD_INLINE T to_gradient(RegisterElement<T>& row, const T* y, T* output) const {
        const Terms result = terms(row.lanes, Batch<T>(*y));
        if (output) *output = Simd::first(result.output);
        row.lanes = result.dz;
        return Simd::first(result.loss);
    }
    template <std::size_t Vectors>
    DENSIMD_INLINE T to_gradient(RegisterRow<T, Vectors>& row, const T* y, T* output) const {
        DENSIMD_UNROLLED (v, Vectors) row.part[v] = value_by<T>(activation, row.part[v]);
        const Batch<T> share(T(1) / static_cast<T>(outputs));
        LaneSum<T> sum;
        RegisterRow<T, Vectors> dz;
        for_each_part<T, Vectors>(outputs, [&](std::size_t v, std::size_t j,
                                               std::size_t n) DENSIMD_INLINE_LAMBDA {
            const Term<T> term = term_by<T>(loss, row.part[v], load<true>(y + j, n));
            dz.part[v] = first_elements<true>(term.gradient * share, n);
            sum.part[v] = first_elements<true>(term.loss * share, n);
        });
        DENSIMD_UNROLLED (v, Vectors) dz.part[v] = gradient_by<T>(activation, row.part[v], dz.part[v]);
        if (output) store_row(outputs, row, output);
        row = dz;
        return sum.total();
    }

    void call_loss(const T* a, const T* y, T* da, T* value) const {
        const std::size_t n = outputs;
        switch (loss) {
            case Loss::mean_squared_error:
                return own<T>().mean_squared_error(1, n, a, n, y, n, da, n, value);
            case Loss::mean_absolute_error:
                return own<T>().mean_absolute_error(1, n, a, n, y, n, da, n, value);
            case Loss::huber:
                return own<T>().huber(1, n, huber_delta<T>, a, n, y, n, da, n, value);
            case Loss::binary_cross_entropy:
                return own<T>().binary_cross_entropy(1, n, a, n, y, n, da, n, value);
            case Loss::categorical_cross_entropy:
                return own<T>().categorical_cross_entropy(1, n, a, n, y, n, da, n, value);
            case Loss::cosine_distance:
                return own<T>().cosine_distance(1, n, a, n, y, n, da, n, value);
        }
    }
};

}  // namespace
}  // namespace densimd::kernels
