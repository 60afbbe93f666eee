#!/usr/bin/env bash
# oneDNN's inner product has no optimised kernel for source rows with padding between them: rows of 500 floats that lie 512
# apart, as one would pad them to whole cache lines, fall back to the reference implementation ("ref:any"), which takes over
# a thousand times as long. Its matmul takes the same rows with a JIT kernel. Nothing is printed and no error is returned;
# only impl_info_str or ONEDNN_VERBOSE=1 tells.
#
# oneDNN 3.2.0 (onednn-cpu-gomp 2023.2.0), x86-64 with AVX2 or AVX-512, one thread. Seen on a Xeon with AVX-512:
#   rows of 500, 500 apart: inner product brgemm:avx512_core 67 us, matmul brg:avx512_core 67 us
#   rows of 500, 512 apart: inner product ref:any 485826 us, matmul gemm:jit:f32 58 us
#
# Exits with 1 if padded rows get an optimised inner product, or the reference is less than 50 times as slow.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install -q --no-deps onednn-cpu-gomp==2023.2.0 onednn-devel-cpu-gomp==2023.2.0
cat >probe.cpp <<'END'
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

using namespace dnnl;
constexpr memory::dim batch = 64, in = 500, out = 128;

template <class Primitive, class Description>
double microseconds(const engine& cpu, const Description& d, std::vector<float>& x) {
    stream s(cpu);
    memory source(d.src_desc(), cpu, x.data()), weights(d.weights_desc(), cpu), bias(d.bias_desc(), cpu),
        result(d.dst_desc(), cpu);
    std::fill_n(static_cast<float*>(weights.get_data_handle()), weights.get_desc().get_size() / sizeof(float), 0.5f);
    std::fill_n(static_cast<float*>(bias.get_data_handle()), out, 0.5f);
    const Primitive primitive(d);
    double best = 1e9;
    for (int run = 0; run < 5; ++run) {
        const auto start = std::chrono::steady_clock::now();
        primitive.execute(s, {{DNNL_ARG_SRC, source}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_BIAS, bias},
                              {DNNL_ARG_DST, result}});
        s.wait();
        best = std::min(best, std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
}

int main() {
    const engine cpu(engine::kind::cpu, 0);
    const auto any = [](memory::dims dims) {
        return memory::desc(dims, memory::data_type::f32, memory::format_tag::any);
    };
    double inner[2];
    bool is_reference[2];
    for (const int padded : {0, 1}) {
        const memory::dim ld = padded ? 512 : in;
        std::vector<float> x(batch * ld, 0.5f);
        const memory::desc source({batch, in}, memory::data_type::f32, memory::dims{ld, 1});
        const memory::desc result({batch, out}, memory::data_type::f32, memory::format_tag::ab);
        const inner_product_forward::primitive_desc product(cpu, prop_kind::forward_inference, source, any({out, in}),
                                                            any({out}), result);
        const matmul::primitive_desc multiplication(cpu, source, any({in, out}),
                                                    memory::desc({1, out}, memory::data_type::f32, memory::format_tag::ab),
                                                    result);
        inner[padded] = microseconds<inner_product_forward>(cpu, product, x);
        is_reference[padded] = std::strncmp(product.impl_info_str(), "ref", 3) == 0;
        std::printf("rows of 500, %d apart: inner product %s %.0f us, matmul %s %.0f us\n", static_cast<int>(ld),
                    product.impl_info_str(), inner[padded], multiplication.impl_info_str(),
                    microseconds<matmul>(cpu, multiplication, x));
    }
    return !is_reference[0] && is_reference[1] && inner[1] > 50 * inner[0] ? 0 : 1;
}
END
g++ -std=c++17 -O2 -isystem env/include probe.cpp -Lenv/lib -ldnnl -Wl,-rpath,"$work/env/lib" -o probe
OMP_NUM_THREADS=1 ./probe
