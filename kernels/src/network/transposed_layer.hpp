// The last layer of a network that is trained sample after sample, with W transposed (program.hpp says how it is laid
// out): forward, backward and update, as any layer.
#pragma once

#include "network/output.hpp"

namespace densimd::kernels {
namespace {

// A last layer has few outputs and many inputs. With lanes along the inputs no vector of W is partial and no store
// masked; dX, for which the next sample waits, takes no horizontal sums, and the logits take one for all outputs. Bound
// for 64 -> 10: 40 vectors of W, each with three multiply-adds and a store, which take 100 cycles of Zen 5, where a store
// occupies both multiply-adders. Among the parameters W would be 64 vectors, with 64 horizontal sums more.
//
// Biases and dz are stored in whole vectors: masked stores do not forward to loads.
template <class T>
struct TransposedLayer {
    std::size_t inputs, outputs, line;  // line: elements from one line of inputs to the next
    T *W, *scaled;                      // scaled: of the inputs, for the update
    T *b, *dz;

    TransposedLayer(const Layer& layer, T* memory)
        : inputs(layer.inputs),
          outputs(layer.outputs),
          line(transposed_line<T>(layer)),
          W(memory),
          scaled(W + whole_lines<T>(inputs) / virtual_lanes<T> * line),
          b(scaled + whole_lines<T>(inputs)),
          dz(b + virtual_lanes<T>) {}

    // From the parameters, and back to them.
    void load_from(const Layer& layer, const T* parameters) const {
        for (T* p = W; p < dz + virtual_lanes<T>; ++p) *p = T(0);
        for (std::size_t k = 0; k < inputs; ++k)
            for (std::size_t j = 0; j < outputs; ++j)
                W[transposed_at<T>(layer, k, j)] = parameters[layer.weights + k * layer.stride + j];
        for (std::size_t j = 0; j < outputs; ++j) b[j] = parameters[layer.biases + j];
    }
    void store_to(const Layer& layer, T* parameters) const {
        for (std::size_t k = 0; k < inputs; ++k)
            for (std::size_t j = 0; j < outputs; ++j)
                parameters[layer.weights + k * layer.stride + j] = W[transposed_at<T>(layer, k, j)];
        for (std::size_t j = 0; j < outputs; ++j) parameters[layer.biases + j] = b[j];
    }

    // Calls body(i, count, Vectors, Full or Partial) for the vectors of inputs, several at a time and then
    // one by one: for the `count` elements from i on. Only the last vector can be partial.
    template <std::size_t Several, class Body>
    DENSIMD_INLINE void for_each_input(const Body& body) const {
        constexpr std::size_t w = vector_size<T>;
        std::size_t i = 0;
        for (; i + Several * w <= inputs; i += Several * w)
            body(i, w, std::integral_constant<std::size_t, Several>{}, Full{});
        for (; i + w <= inputs; i += w) body(i, w, std::integral_constant<std::size_t, 1>{}, Full{});
        if (i < inputs) body(i, inputs - i, std::integral_constant<std::size_t, 1>{}, Partial{});
    }

    // The vectors of W for output 0 that belong to the inputs from i on.
    template <std::size_t Vectors>
    DENSIMD_INLINE T* weights_of(std::size_t i) const {
        static_assert(Vectors == 1 || Vectors % vectors_per_line<T> == 0);
        return W + i / virtual_lanes<T> * line + i % virtual_lanes<T>;
    }
    DENSIMD_INLINE std::size_t at(std::size_t v) const {
        return v / vectors_per_line<T> * line + v % vectors_per_line<T> * vector_size<T>;
    }

    // The products of up to `Outputs` outputs, the first with the weights w. Behind the last of them are
    // zeros.
    template <std::size_t Outputs>
    DENSIMD_INLINE void products(std::size_t count, const T* x, const T* w, T* sums) const {
        if constexpr (Outputs > 4)
            if (count <= Outputs - 4) return products<Outputs - 4>(count, x, w, sums);
        constexpr std::size_t vectors = vectors_per_line<T>;
        Batch<T> sum[Outputs][vectors], total[Simd::sums_at_once<T>];
        DENSIMD_UNROLLED (o, Outputs)
            DENSIMD_UNROLLED (v, vectors) sum[o][v] = Batch<T>(T(0));
        const auto add = [&](std::size_t v, Batch<T> element) DENSIMD_INLINE_LAMBDA {
            DENSIMD_UNROLLED (o, Outputs)
                sum[o][v] = Simd::fma(element, load(w + o * virtual_lanes<T> + v * vector_size<T>), sum[o][v]);
        };
        std::size_t i = 0;
        for (; i + virtual_lanes<T> <= inputs; i += virtual_lanes<T>, w += line)
            DENSIMD_UNROLLED (v, vectors) add(v, load(x + i + v * vector_size<T>));
        if (i < inputs)
            DENSIMD_UNROLLED (v, vectors)
                add(v, load<true>(x + i + v * vector_size<T>, count_in_vector<T>(inputs - i, v)));
        DENSIMD_UNROLLED (o, Simd::sums_at_once<T>) total[o] = Batch<T>(T(0));
        DENSIMD_UNROLLED (o, Outputs) total[o] = sum_of(sum[o]);
        sums_of_lanes<T>(total, sums);
    }

    template <std::size_t Vectors>
    DENSIMD_INLINE RegisterRow<T, Vectors> logits(const T* x) const {
        constexpr std::size_t outputs_per_sum = Simd::sums_at_once<T>;
        alignas(64) T sums[virtual_lanes<T>] = {};
        if constexpr (outputs_per_sum == virtual_lanes<T>)  // without a loop, which would keep the sums in memory
            products<outputs_per_sum>(outputs, x, W, sums);
        else
            for (std::size_t j = 0; j < outputs; j += outputs_per_sum)
                products<outputs_per_sum>(outputs - j, x, W + j * virtual_lanes<T>, sums + j);
        RegisterRow<T, Vectors> z;
        DENSIMD_UNROLLED (v, Vectors) z.part[v] = load(sums + v * vector_size<T>) + load(b + v * vector_size<T>);
        return z;
    }

    // dx, times the derivative of the activation with the outputs x. In two sums, over even and odd outputs.
    template <class Function>
    DENSIMD_INLINE void input_gradient(const T* x, T scale, const Function& function, T* dx) const {
        const auto part = [&](std::size_t i, std::size_t n, auto several, auto kind) DENSIMD_INLINE_LAMBDA {
            constexpr std::size_t vectors = decltype(several)::value;
            constexpr bool partial = decltype(kind)::partial;
            Batch<T> sum[2][vectors];
            DENSIMD_UNROLLED (s, 2)
                DENSIMD_UNROLLED (v, vectors) sum[s][v] = Batch<T>(T(0));
            const T* w = weights_of<vectors>(i);
            const auto add = [&](std::size_t s, T gradient) DENSIMD_INLINE_LAMBDA {
                const Batch<T> factor(gradient);
                DENSIMD_UNROLLED (v, vectors) sum[s][v] = Simd::fma(factor, load(w + at(v)), sum[s][v]);
                w += virtual_lanes<T>;
            };
            std::size_t j = 0;
            for (; j + 2 <= outputs; j += 2)
                DENSIMD_UNROLLED (s, 2) add(s, dz[j + s]);
            if (j < outputs) add(0, dz[j]);
            DENSIMD_UNROLLED (v, vectors) {
                const std::size_t from = i + v * vector_size<T>;
                const Batch<T> input = load<partial>(x + from, n);
                Batch<T> gradient = sum[0][v] + sum[1][v];
                if constexpr (!requires { function == nullptr; })
                    gradient = function.gradient(input, gradient);
                store<partial>(dx + from, n, gradient);
                (Batch<T>(scale) * input).store_unaligned(scaled + from);
            }
        };
        for_each_input<4>(part);
    }

    // dx of the layer before, whose activation gave x. The step is taken by `update`.
    template <std::size_t Vectors>
    DENSIMD_INLINE void backward(const T* x, const RegisterRow<T, Vectors>& gradient, T scale, Activation activation,
                                 T* dx) const {
        DENSIMD_UNROLLED (v, Vectors) {
            gradient.part[v].store_unaligned(dz + v * vector_size<T>);
            T* const to = b + v * vector_size<T>;
            updated<T>(Batch<T>(scale), gradient.part[v], load(to)).store_unaligned(to);
        }
        with_activation<T>(activation, [&](const auto& function) DENSIMD_INLINE_LAMBDA {
            input_gradient(x, scale, function, dx);
            return Batch<T>(T(0));
        });
    }

    // W += scale x dz^T of the sample that went backward last.
    [[gnu::noinline]] void update() const {
        const TransposedLayer layer = *this;  // a local: fields could change under the stores
        const auto part = [layer](std::size_t i, std::size_t, auto several, auto) DENSIMD_INLINE_LAMBDA {
            constexpr std::size_t vectors = decltype(several)::value;
            Batch<T> x[vectors];
            DENSIMD_UNROLLED (v, vectors) x[v] = load(layer.scaled + i + v * vector_size<T>);
            T* w = layer.template weights_of<vectors>(i);
            for (std::size_t j = 0; j < layer.outputs; ++j, w += virtual_lanes<T>) {
                const Batch<T> gradient(layer.dz[j]);
                DENSIMD_UNROLLED (v, vectors)
                    updated<T>(x[v], gradient, load(w + layer.at(v))).store_unaligned(w + layer.at(v));
            }
        };
        layer.for_each_input<4>(part);
    }
};

}  // namespace
}  // namespace densimd::kernels
