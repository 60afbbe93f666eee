// oneDNN can compute a layer as an inner product or as a matrix product. Which is faster depends on the
// shape, so both are tried. The timed call is that of the C interface: the C++ one would copy the arguments
// first.
#include "onednn.hpp"

#include <omp.h>
#include <oneapi/dnnl/dnnl_version.h>
#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

namespace densimd::bench {
namespace {

using dnnl::memory;

struct Layer {
    dnnl::stream stream;
    dnnl::primitive primitive;
    memory source, weights, bias, destination;
    std::vector<dnnl_exec_arg_t> arguments;

    void operator()() const {
        dnnl_primitive_execute(primitive.get(), stream.get(), static_cast<int>(arguments.size()),
                               arguments.data());
    }
};

memory::desc plain(memory::dims dims, memory::format_tag tag) { return {dims, memory::data_type::f32, tag}; }

// `given` describes W as the caller has it, in the dimensions of this kind of primitive.
template <class Primitive>
std::shared_ptr<Layer> layer(const dnnl::engine& engine, Operands& o,
                             const typename Primitive::primitive_desc& description,
                             const memory::desc& given) {
    auto result = std::make_shared<Layer>();
    result->stream = dnnl::stream(engine);
    result->primitive = Primitive(description);
    result->source = memory(description.src_desc(), engine, o.X.data());
    result->weights = memory(description.weights_desc(), engine);
    result->bias = memory(description.bias_desc(), engine, o.b.data());
    result->destination = memory(description.dst_desc(), engine, o.A.data());
    memory original(given, engine, o.W.data());
    dnnl::reorder(original, result->weights).execute(result->stream, original, result->weights);
    result->stream.wait();
    result->arguments = {{DNNL_ARG_SRC, result->source.get()},
                         {DNNL_ARG_WEIGHTS, result->weights.get()},
                         {DNNL_ARG_BIAS, result->bias.get()},
                         {DNNL_ARG_DST, result->destination.get()}};
    return result;
}

// The best of several short runs, or the first of a long one: for rows with padding some primitives have no kernel but
// the reference, which takes a thousand times as long.
double seconds(const Layer& layer) {
    using Clock = std::chrono::steady_clock;
    double best = 1e9;
    for (int run = 0; run < 10; ++run) {
        const auto start = Clock::now();
        for (int call = 0; call < 3; ++call) layer();
        best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
        if (best > 0.01) break;
    }
    return best;
}

}  // namespace

std::function<void()> onednn(std::string_view, Operands& o) {
    omp_set_num_threads(1);
    using Tag = memory::format_tag;
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    const auto batch = static_cast<memory::dim>(o.shape.batch), in = static_cast<memory::dim>(o.shape.in),
               out = static_cast<memory::dim>(o.shape.out);
    const auto rows = [](memory::dim count, memory::dim length, std::size_t ld) {
        return memory::desc({count, length}, memory::data_type::f32, memory::dims{static_cast<memory::dim>(ld), 1});
    };
    const auto source = rows(batch, in, o.ld_in), destination = rows(batch, out, o.ld_out);
    const auto weights = plain({out, in}, Tag::any), bias = plain({out}, Tag::a);
    const auto matrix = plain({in, out}, Tag::any), bias_row = plain({1, out}, Tag::ab);
    constexpr auto inference = dnnl::prop_kind::forward_inference;
    constexpr auto logistic = dnnl::algorithm::eltwise_logistic;
    dnnl::post_ops sigmoid;
    dnnl::primitive_attr attributes;
#if DNNL_VERSION_MAJOR >= 3
    sigmoid.append_eltwise(logistic, 0, 0);
    attributes.set_post_ops(sigmoid);
    const dnnl::inner_product_forward::primitive_desc inner_product(engine, inference, source, weights, bias,
                                                                    destination, attributes);
    const dnnl::matmul::primitive_desc matmul(engine, source, matrix, bias_row, destination, attributes);
#else
    sigmoid.append_eltwise(1, logistic, 0, 0);
    attributes.set_post_ops(sigmoid);
    const dnnl::inner_product_forward::primitive_desc inner_product(
        {inference, source, weights, bias, destination}, attributes, engine);
    const dnnl::matmul::primitive_desc matmul({source, matrix, bias_row, destination}, attributes, engine);
#endif
    const auto first =
        layer<dnnl::inner_product_forward>(
            engine, o, inner_product,
            memory::desc({out, in}, memory::data_type::f32, memory::dims{1, static_cast<memory::dim>(o.ldw)}));
    const auto second = layer<dnnl::matmul>(engine, o, matmul, rows(in, out, o.ldw));
    return [chosen = seconds(*first) <= seconds(*second) ? first : second] { (*chosen)(); };
}

std::string onednn_version() {
    const dnnl_version_t* v = dnnl_version();
    return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
}

}  // namespace densimd::bench
