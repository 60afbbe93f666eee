// The kernels' calls, and how two results are compared.
#include "operands.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <densimd/stride.hpp>

#include "data.hpp"

namespace densimd::bench {

using kernels::Activation;
using kernels::Kernels;

Operands::Operands(Shape s, Rows rows)
    : shape(s),
      ld_in(rows == Rows::padded ? kernels::padded_stride<float>(s.in) : s.in),
      ld_out(rows == Rows::padded ? kernels::padded_stride<float>(s.out) : s.out),
      ldw(rows == Rows::padded ? kernels::weights_stride<float>(s.out) : s.out),
      X(numbers<float>(s.batch * ld_in, 0, 1, 1)),
      W(numbers<float>(s.in * ldw + 2 * s.out + 1, -0.1, 0.1, 2)),
      b(numbers<float>(s.out, -0.1, 0.1, 3)),
      Z(numbers<float>(s.batch * ld_out, -8, 8, 7)),
      dZ(numbers<float>(s.batch * ld_out, -0.1, 0.1, 4)),
      A(numbers<float>(s.batch * ld_out, 0, 1, 5)),
      Y(numbers<float>(s.batch * ld_out, 0, 1, 6)),
      V(numbers<float>(s.batch * ld_out, 0, 1, 8)),
      dX(s.batch * ld_in),
      loss(s.batch),
      layers{{s.in, s.out, ldw, Activation::sigmoid, 0, s.in * ldw},
             {s.out, 1, 1, Activation::sigmoid, s.in * ldw + s.out, s.in * ldw + 2 * s.out}},
      scratch(kernels::forward_scratch<float>(2, layers, s.batch)) {
    for (const kernels::Method method :
         {kernels::Method::per_sample, kernels::Method::delayed_updates, kernels::Method::minibatch})
        for (const kernels::Kernels<float>* k : {&kernels::active<float>(), &kernels::reference<float>()})
            scratch.resize(std::max(
                scratch.size(),
                k->training_program(2, layers, kernels::Loss::mean_squared_error, method, s.batch).memory));
}

namespace {

using K = Kernels<float>;

// The calls of kernels that are called alike.
template <auto kernel>
void values(const K& k, Operands& o) {
    (k.*kernel)(o.A.size(), o.Z.data(), o.A.data());
}
template <auto kernel>
void values_of_positive(const K& k, Operands& o) {
    (k.*kernel)(o.A.size(), o.Y.data(), o.A.data());
}
template <auto kernel>
void values_with_parameter(const K& k, Operands& o) {
    (k.*kernel)(o.A.size(), 0.5f, o.Z.data(), o.A.data());
}
template <auto kernel>
void gradients(const K& k, Operands& o) {
    (k.*kernel)(o.A.size(), o.Y.data(), o.dZ.data(), o.A.data());
}
template <auto kernel>
void gradients_with_parameter(const K& k, Operands& o) {
    (k.*kernel)(o.A.size(), 0.5f, o.Y.data(), o.dZ.data(), o.A.data());
}
template <auto kernel>
void rows(const K& k, Operands& o) {
    (k.*kernel)(o.shape.batch, o.shape.out, o.Z.data(), o.ld_out, o.A.data(), o.ld_out);
}
template <auto kernel>
void loss(const K& k, Operands& o) {
    (k.*kernel)(o.shape.batch, o.shape.out, o.A.data(), o.ld_out, o.Y.data(), o.ld_out, o.dZ.data(), o.ld_out,
                o.loss.data());
}
template <auto kernel>
void loss_of_logits(const K& k, Operands& o) {
    (k.*kernel)(o.shape.batch, o.shape.out, o.Z.data(), o.ld_out, o.Y.data(), o.ld_out, o.dZ.data(), o.ld_out,
                o.loss.data());
}

constexpr kernels::StepOptions<float> step{.learning_rate = 1e-3f, .weight_decay = 1e-4f};

template <auto kernel>
void momentum(const K& k, Operands& o) {
    (k.*kernel)(o.A.size(), step, 0.9f, o.dZ.data(), o.V.data(), o.A.data());
}
template <auto kernel>
void adam(const K& k, Operands& o) {
    constexpr kernels::AdamOptions<float> options{0.9f, 0.999f, 1e-8f, 0.5f, 0.9f};
    (k.*kernel)(o.A.size(), step, options, o.dZ.data(), o.Y.data(), o.V.data(), o.A.data());
}

// A learning rate at which W stays as it is, so that the sigmoids' arguments do not wander off over many
// calls.
constexpr float unnoticeable = 1e-12f;

// The network in -> out -> 1 for the kernels that train whole ones.
kernels::Training<float> training(Operands& o, kernels::Method method, std::size_t batch) {
    return {.layers = o.layers,
            .depth = 2,
            .parameters = o.W.data(),
            .loss = kernels::Loss::mean_squared_error,
            .method = method,
            .batch = batch,
            .learning_rate = unnoticeable,
            .X = o.X.data(),
            .ldx = o.ld_in,
            .Y = o.Y.data(),
            .ldy = 1,
            .order = nullptr,
            .memory = o.scratch.data()};
}
kernels::TrainingProgram program(const Kernels<float>& k, const Operands& o, kernels::Method method) {
    return k.training_program(2, o.layers, kernels::Loss::mean_squared_error, method, o.shape.batch);
}
bool takes_tiny(Shape s) {
    return program(kernels::active<float>(), Operands(s), kernels::Method::minibatch).exists;
}
// All phases, on all samples.
void train_delayed(const Kernels<float>& k, Operands& o) {
    const auto all = training(o, kernels::Method::delayed_updates, 1);
    const std::size_t samples = o.shape.batch, block = program(k, o, all.method).block,
                      length = block > 1 ? block : samples;
    k.training_begin(all);
    for (std::size_t first = 0;; first += length) {
        const std::size_t count = first < samples ? std::min(length, samples - first) : 0;
        k.training_gather(all, first, count);
        k.training_advance(all, first, count, 0, o.shape.out);
        if (count == 0) break;
        k.train_per_sample(all, first, count, o.loss.data() + first, o.A.data() + first, 1);
    }
    k.training_end(all);
}

constexpr KernelCall calls[] = {
    {"sigmoid", false, true, values<&K::sigmoid>},
    {"sigmoid_grad", false, true, gradients<&K::sigmoid_grad>},
    {"tanh", false, true, values<&K::tanh>},
    {"tanh_grad", false, true, gradients<&K::tanh_grad>},
    {"exp", false, true, values<&K::exp>},
    {"log", false, true, values_of_positive<&K::log>},
    {"log1p", false, true, values_of_positive<&K::log1p>},
    {"softplus", false, true, values<&K::softplus>},
    {"softplus_grad", false, true, gradients<&K::softplus_grad>},
    {"relu", false, true, values<&K::relu>},
    {"relu_grad", false, true, gradients<&K::relu_grad>},
    {"leaky_relu", false, true, values_with_parameter<&K::leaky_relu>},
    {"leaky_relu_grad", false, true, gradients_with_parameter<&K::leaky_relu_grad>},
    {"elu", false, true, values_with_parameter<&K::elu>},
    {"elu_grad", false, true, gradients_with_parameter<&K::elu_grad>},
    {"gelu", false, true, values<&K::gelu>},
    {"gelu_grad", false, true, gradients<&K::gelu_grad>},
    {"gelu_tanh", false, true, values<&K::gelu_tanh>},
    {"gelu_tanh_grad", false, true, gradients<&K::gelu_tanh_grad>},
    {"silu", false, true, values<&K::silu>},
    {"silu_grad", false, true, gradients<&K::silu_grad>},
    {"all_finite", false, true,
     [](const Kernels<float>& k, Operands& o) {
         o.loss[0] = k.all_finite(o.dZ.size(), o.dZ.data()) ? 1.f : 0.f;
     }},
    {"softmax", false, true, rows<&K::softmax>},
    {"log_softmax", false, true, rows<&K::log_softmax>},
    {"gemv", true, false,
     [](const Kernels<float>& k, Operands& o) {
         k.gemv(o.shape.in, o.shape.out, o.X.data(), o.W.data(), o.ldw, o.b.data(), o.A.data());
     }},
    {"gemv_t", true, false,
     [](const Kernels<float>& k, Operands& o) {
         k.gemv_t(o.shape.in, o.shape.out, o.dZ.data(), o.W.data(), o.ldw, o.dX.data());
     }},
    {"ger", true, false,
     [](const Kernels<float>& k, Operands& o) {
         k.ger(o.shape.in, o.shape.out, -0.5f, o.X.data(), o.dZ.data(), o.W.data(), o.ldw);
     }},
    {"gemm", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.gemm(o.shape.batch, o.shape.in, o.shape.out, o.X.data(), o.ld_in, o.W.data(), o.ldw, o.A.data(),
                o.ld_out);
     }},
    {"gemm_nt", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.gemm_nt(o.shape.batch, o.shape.in, o.shape.out, o.dZ.data(), o.ld_out, o.W.data(), o.ldw,
                   o.dX.data(), o.ld_in);
     }},
    {"gemm_tn", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.gemm_tn(o.shape.batch, o.shape.in, o.shape.out, o.X.data(), o.ld_in, o.dZ.data(), o.ld_out,
                   o.W.data(), o.ldw);
     }},
    {"dense_forward", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.dense_forward(o.shape.batch, o.shape.in, o.shape.out, o.X.data(), o.ld_in, o.W.data(), o.ldw,
                         o.b.data(), Activation::sigmoid, o.A.data(), o.ld_out);
     }},
    {"dense_forward_columns", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.dense_forward_columns(o.shape.batch, o.shape.in, o.shape.out, 0, (o.shape.out + 1) / 2, o.X.data(),
                                 o.ld_in, o.W.data(), o.ldw, o.b.data(), Activation::sigmoid, o.A.data(),
                                 o.ld_out);
     }},
    {"dense_backward_input", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.dense_backward_input(o.shape.batch, o.shape.in, o.shape.out, o.dZ.data(), o.ld_out, o.W.data(),
                                o.ldw, o.X.data(), o.ld_in, Activation::sigmoid, o.dX.data(), o.ld_in);
     }},
    {"dense_backward_input_rows", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.dense_backward_input_rows(o.shape.batch, (o.shape.batch + 1) / 2, o.shape.in, o.shape.out, o.dZ.data(),
                                     o.ld_out, o.W.data(), o.ldw, o.X.data(), o.ld_in, Activation::sigmoid,
                                     o.dX.data(), o.ld_in);
     }},
    {"dense_update", true, true,
     [](const Kernels<float>& k, Operands& o) {
         k.dense_update(o.shape.batch, o.shape.in, o.shape.out, o.X.data(), o.ld_in, o.dZ.data(), o.ld_out,
                        -0.5f / static_cast<float>(o.shape.batch), o.W.data(), o.ldw, o.b.data());
     }},
    {"dense_backward_update", true, false,
     [](const Kernels<float>& k, Operands& o) {
         k.dense_backward_update(o.shape.in, o.shape.out, o.X.data(), o.dZ.data(), unnoticeable, o.W.data(),
                                 o.ldw, o.b.data(), o.X.data(), Activation::sigmoid, o.dX.data());
     },
     2},
    {"dense_update_forward", true, false,
     [](const Kernels<float>& k, Operands& o) {
         k.dense_update_forward(o.shape.in, o.shape.out, o.X.data(), o.dZ.data(), unnoticeable, o.W.data(),
                                o.ldw, o.b.data(), o.X.data(), Activation::sigmoid, o.A.data());
     },
     2},
    {"network_forward", false, true,
     [](const Kernels<float>& k, Operands& o) {
         k.network_forward(o.shape.batch, 2, o.layers, o.W.data(), o.X.data(), o.ld_in, o.A.data(), 1,
                           o.shape.batch, o.scratch.data());
     }},
    {"train_per_sample", false, true,
     [](const Kernels<float>& k, Operands& o) {
         k.train_per_sample(training(o, kernels::Method::per_sample, 1), 0, o.shape.batch, o.loss.data(),
                            o.A.data(), 1);
     }},
    {"train_delayed", false, true, train_delayed},
    {"tiny_steps", false, true,
     [](const Kernels<float>& k, Operands& o) {
         k.tiny_steps(training(o, kernels::Method::minibatch, o.shape.batch), 0, 1, o.loss.data(), o.V.data());
     },
     1, takes_tiny},
    {"mean_squared_error", false, true, loss<&K::mean_squared_error>},
    {"mean_absolute_error", false, true, loss<&K::mean_absolute_error>},
    {"binary_cross_entropy_from_probabilities", false, true,
     loss<&K::binary_cross_entropy_from_probabilities>},
    {"cosine_distance", false, true, loss<&K::cosine_distance>},
    {"binary_cross_entropy", false, true, loss_of_logits<&K::binary_cross_entropy>},
    {"categorical_cross_entropy", false, true, loss_of_logits<&K::categorical_cross_entropy>},
    {"huber", false, true,
     [](const Kernels<float>& k, Operands& o) {
         k.huber(o.shape.batch, o.shape.out, 0.5f, o.A.data(), o.ld_out, o.Y.data(), o.ld_out, o.dZ.data(),
                 o.ld_out, o.loss.data());
     }},
    {"sgd_step", false, true,
     [](const Kernels<float>& k, Operands& o) { k.sgd_step(o.A.size(), step, o.dZ.data(), o.A.data()); }},
    {"momentum_step", false, true, momentum<&K::momentum_step>},
    {"nesterov_step", false, true, momentum<&K::nesterov_step>},
    {"adam_step", false, true, adam<&K::adam_step>},
    {"adamw_step", false, true, adam<&K::adamw_step>},
    {"sum_of_squares", false, true,
     [](const Kernels<float>& k, Operands& o) { o.loss[0] = k.sum_of_squares(o.dZ.size(), o.dZ.data()); }},
};

}  // namespace

std::span<const KernelCall> kernel_calls() { return calls; }

void check(const std::string& what, const Operands& expected, const Operands& found) {
    const auto [batch, in, out] = expected.shape;
    struct Part {
        nn::AlignedVector<float> Operands::*member;
        std::size_t rows, width, ld;  // what lies between the rows does not count, what comes behind them does
    };
    for (const Part& part : {Part{&Operands::W, in, out, expected.ldw}, Part{&Operands::b, 1, out, out},
                             Part{&Operands::dZ, batch, out, expected.ld_out}, Part{&Operands::A, batch, out, expected.ld_out},
                             Part{&Operands::Y, batch, out, expected.ld_out}, Part{&Operands::V, batch, out, expected.ld_out},
                             Part{&Operands::dX, batch, in, expected.ld_in}, Part{&Operands::loss, 1, batch, batch}})
        for (std::size_t i = 0; i < (expected.*part.member).size(); ++i) {
            if (i < part.rows * part.ld && i % part.ld >= part.width) continue;
            const float e = (expected.*part.member)[i], f = (found.*part.member)[i];
            if (std::abs(e - f) <= 1e-4f * (1 + std::abs(e))) continue;
            std::fprintf(stderr, "%s: element %zu is %g, expected %g\n", what.c_str(), i,
                         static_cast<double>(f), static_cast<double>(e));
            std::exit(1);
        }
}

}  // namespace densimd::bench
