// densimd and other libraries at the same work, in one process and on one thread. Everyone works on the same
// operands, which stay in cache between the calls where they fit, and is called through a pointer. Where the
// layers of densimd's networks would have their rows further apart, densimd competes a second time with rows
// like that, as some peers have an order of their own for W. Results are checked against the reference
// kernels once before they are timed.
//
// The roofs are measured in the same process: the peak of arithmetic before all else, and that of memory by a
// probe that competes, as its speed comes and goes with the machine's load as all the others' does.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#include <densimd/kernels.hpp>
#include <densimd/stride.hpp>

#include "data.hpp"
#include "operands.hpp"
#include "peers/peers.hpp"
#include "probe.hpp"
#include "suite.hpp"

namespace densimd::bench {
namespace {

using benchmark::Counter;
using kernels::Isa;
using kernels::Kernels;

// The ISAs worth comparing: not x86-64's baseline where there is something better.
std::vector<Isa> compared_isas() {
    const auto available = kernels::available_isas();
    std::vector<Isa> isas(available.begin(), available.end());
    if (isas.size() > 1) std::erase(isas, Isa::baseline);
    return isas;
}

// The highest of the ISAs': the same roof for all.
double peak() {
    static const double value = [] {
        double best = 0;
        for (const Isa isa : compared_isas()) best = std::max(best, peak_flops(isa));
        return best;
    }();
    return value;
}

// What bounds a kernel.
enum class Bound { arithmetic, reading_W, updating_W };

struct Task {
    const char* kernel;
    bool (*in_table)(const Kernels<float>&);
    Bound bound;
    std::vector<Shape> shapes;
};

// A task at one shape, shared by those who compete in it. The operands are made when they are first needed:
// the largest take a while.
class Contest {
  public:
    Contest(const Task& task, Shape shape, Rows rows)
        : task_(task),
          call_(*std::ranges::find(kernel_calls(), std::string_view(task.kernel), &KernelCall::name)),
          shape_(shape),
          rows_(rows) {}

    const KernelCall& call() const { return call_; }

    std::string title(const std::string& who) const {
        std::string title = std::string(call_.name) + "/f32/by:" + who;
        if (rows_ == Rows::padded) title += "/rows:padded";
        title += "/batch:" + std::to_string(shape_.batch);
        if (call_.matrix) title += "/in:" + std::to_string(shape_.in);
        return title + "/out:" + std::to_string(shape_.out);
    }

    Operands fresh_operands() const { return Operands(shape_, rows_); }

    Operands& operands() {
        if (!operands_) operands_ = std::make_unique<Operands>(fresh_operands());
        return *operands_;
    }

    void count(benchmark::State& state) const {
        const double calls = static_cast<double>(state.iterations());
        const double elements = static_cast<double>(shape_.batch * shape_.out);
        if (!call_.matrix) {
            state.counters["elements_per_second"] = Counter(elements * calls, Counter::kIsRate);
            return;
        }
        const double operations = 2 * call_.products * elements * static_cast<double>(shape_.in);
        state.counters["flops"] = Counter(operations * calls, Counter::kIsRate);
        if (task_.bound == Bound::arithmetic)
            state.counters["percent_of_peak"] = Counter(100 * operations / peak() * calls, Counter::kIsRate);
        else
            state.counters["bytes_of_W_per_second"] = Counter(
                static_cast<double>(shape_.in * shape_.out * sizeof(float)) * calls, Counter::kIsRate);
    }

  private:
    Task task_;
    KernelCall call_;
    Shape shape_;
    Rows rows_;
    std::unique_ptr<Operands> operands_;
};

template <class Work>
void measure(benchmark::State& state, const Contest& contest, const Work& work) {
    for (auto _ : state) {
        work();
        benchmark::ClobberMemory();
    }
    contest.count(state);
}

// The distance from the correctly rounded result, in units of its last place.
double ulps(float expected, float found) {
    const float next = std::nextafter(expected, std::numeric_limits<float>::infinity());
    return std::abs(static_cast<double>(found) - static_cast<double>(expected)) /
           (static_cast<double>(next) - static_cast<double>(expected));
}

// One who competes. Checks its result before the first of its runs.
class Competitor {
  public:
    Competitor(std::shared_ptr<Contest> contest, const Peer& peer)
        : contest_(std::move(contest)), peer_(peer) {}

    void operator()(benchmark::State& state) {
        const auto call = contest_->call().call;
        Operands& operands = contest_->operands();
        if (!checked_) {
            Operands expected = contest_->fresh_operands(), found = contest_->fresh_operands();
            call(kernels::reference<float>(), expected);
            if (peer_.prepare) {
                peer_.prepare(contest_->call().name, found)();
                prepared_ = peer_.prepare(contest_->call().name, operands);
            } else {
                call(peer_.table, found);
            }
            check(contest_->title(peer_.name), expected, found);
            for (std::size_t i = 0; i < found.A.size(); ++i)
                largest_error_ = std::max(largest_error_, ulps(expected.A[i], found.A[i]));
            checked_ = true;
        }
        if (prepared_)
            measure(state, *contest_, prepared_);
        else
            measure(state, *contest_, [&] { call(peer_.table, operands); });
        // Of sums it would say nothing.
        if (!contest_->call().matrix) state.counters["ulp"] = largest_error_;
    }

  private:
    std::shared_ptr<Contest> contest_;
    Peer peer_;
    std::function<void()> prepared_;
    bool checked_ = false;
    double largest_error_ = 0;
};

// Nothing but the traffic of W.
void probe_memory(benchmark::State& state, Contest& contest, Bound bound, Isa isa) {
    nn::AlignedVector<float> W = contest.operands().W;  // a copy: its numbers grow
    if (bound == Bound::reading_W)
        measure(state, contest, [&, pass = read_pass(isa)] { pass(W.data(), W.size()); });
    else
        measure(state, contest, [&, pass = update_pass(isa)] { pass(W.data(), W.size()); });
}

std::vector<Task> tasks() {
    std::vector<Shape> layers;
    constexpr std::size_t widths[][2] = {{8, 1},     {8, 16},   {23, 17},    {64, 64},
                                         {784, 128}, {128, 10}, {1024, 1024}};
    for (const auto& [in, out] : widths)
        for (const std::size_t batch : {std::size_t{1}, std::size_t{8}, std::size_t{32}, std::size_t{256}})
            layers.push_back({batch, in, out});

    // W in the first-level cache, with rows of less than a vector too, twice in the second, in the third, and
    // in memory.
    const std::vector<Shape> in_cache = {{1, 64, 10},   {1, 64, 64},   {1, 96, 96},
                                         {1, 256, 256}, {1, 784, 128}, {1, 1024, 1024}};
    std::vector<Shape> matrices = in_cache;
    matrices.push_back({1, 8192, 4096});
    const std::vector<Shape> updates = {{32, 128, 10},  {32, 64, 64},  {32, 784, 128},  {32, 1024, 1024},
                                        {256, 128, 10}, {256, 64, 64}, {256, 784, 128}, {256, 1024, 1024}};

    using K = const Kernels<float>&;
    return {
        {"dense_forward", [](K k) { return k.dense_forward != nullptr; }, Bound::arithmetic, layers},
        {"gemv", [](K k) { return k.gemv != nullptr; }, Bound::reading_W, matrices},
        {"gemv_t", [](K k) { return k.gemv_t != nullptr; }, Bound::reading_W, matrices},
        {"ger", [](K k) { return k.ger != nullptr; }, Bound::updating_W, in_cache},
        {"dense_backward_update", [](K k) { return k.dense_backward_update != nullptr; }, Bound::updating_W,
         in_cache},
        {"dense_update_forward", [](K k) { return k.dense_update_forward != nullptr; }, Bound::updating_W,
         in_cache},
        {"dense_update", [](K k) { return k.dense_update != nullptr; }, Bound::arithmetic, updates},
        // No peer's: what an update costs beyond its gradient.
        {"gemm_tn", [](K k) { return k.gemm_tn != nullptr; }, Bound::arithmetic, updates},
        {"sigmoid",
         [](K k) { return k.sigmoid != nullptr; },
         Bound::arithmetic,
         {{1, 1, 1024}, {1, 1, 65536}}},
    };
}

bool padding_matters(Shape shape) {
    return kernels::padded_stride<float>(shape.out) != shape.out ||
           (shape.batch > 1 && kernels::padded_stride<float>(shape.in) != shape.in);
}

// The smallest work, through the table and written out: the difference is the price of a call. The calls
// overlap, as those of a real program do.
void register_call_overhead(const std::vector<Peer>& peers) {
    constexpr std::size_t most = 16;
    const auto inputs = std::make_shared<const nn::AlignedVector<float>>(numbers<float>(most, 0, 1));
    const auto result = std::make_shared<nn::AlignedVector<float>>(most);
    const auto title = [](const std::string& who) { return "sigmoid_grad/f32/by:" + who + "/batch:1/out:1"; };
    for (const Peer& peer : peers)
        if (peer.table.sigmoid_grad != nullptr)
            benchmark::RegisterBenchmark(title(peer.name).c_str(), [=](benchmark::State& state) {
                std::size_t n = 1;
                for (auto _ : state) {
                    benchmark::DoNotOptimize(n);
                    peer.table.sigmoid_grad(n, inputs->data(), inputs->data(), result->data());
                    benchmark::ClobberMemory();
                }
            })->UseRealTime();
    benchmark::RegisterBenchmark(title("inlined").c_str(), [=](benchmark::State& state) {
        std::size_t n = 1;
        const float* s = inputs->data();
        float* dx = result->data();
        for (auto _ : state) {
            benchmark::DoNotOptimize(n);
            for (std::size_t i = 0; i < n; ++i) dx[i] = s[i] * s[i] * (1 - s[i]);
            benchmark::ClobberMemory();
        }
    })->UseRealTime();
}

}  // namespace

void register_all() {
    peak();
    const Peers peers = find_peers();
    for (const auto& [name, text] : peers.remarks) benchmark::AddCustomContext("peer " + name, text);
    std::vector<Peer> competitors;
    for (const Isa isa : compared_isas())
        competitors.push_back(
            {.name = "densimd/isa:" + std::string(name(isa)), .table = kernels::table<float>(isa)});
    const std::vector<Peer> ours = competitors;
    competitors.insert(competitors.end(), peers.present.begin(), peers.present.end());

    for (const Task& task : tasks())
        for (const Shape& shape : task.shapes) {
            const auto contest = std::make_shared<Contest>(task, shape, Rows::packed);
            for (const Peer& peer : competitors)
                if (task.in_table(peer.table) || peer.prepares(task.kernel))
                    benchmark::RegisterBenchmark(contest->title(peer.name).c_str(), Competitor(contest, peer))
                        ->UseRealTime();
            if (task.bound != Bound::arithmetic)
                for (const Isa isa : compared_isas())
                    benchmark::RegisterBenchmark(
                        contest->title("probe/isa:" + std::string(name(isa))).c_str(),
                        [=](benchmark::State& state) { probe_memory(state, *contest, task.bound, isa); })
                        ->UseRealTime();
            if (task.kernel == std::string_view("sigmoid") || !padding_matters(shape)) continue;
            const auto padded = std::make_shared<Contest>(task, shape, Rows::padded);
            benchmark::RegisterBenchmark(padded->title(ours.back().name).c_str(),
                                         Competitor(padded, ours.back()))
                ->UseRealTime();
        }
    register_call_overhead(ours);
}

}  // namespace densimd::bench
