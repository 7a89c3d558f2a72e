// Arguments, stopwatch, peak.
#include "bench/bench.h"

#include <algorithm>
#include <chrono>
#include <sstream>
#include <thread>

#include "engine/cpu/gemm_tile.h"
#include "engine/error.h"
#include "ops/linear.h"
#include "train/device.h"

namespace weft::bench {

Arguments::Arguments(int argc, char** argv) {
  for (int i = 0; i < argc; i += 2) {
    const std::string name = argv[i];
    if (name.rfind("--", 0) != 0 || i + 1 >= argc)
      throw ConfigError(fmt::format("expected --name value, got '{}'", name));
    values_[name.substr(2)] = argv[i + 1];
  }
}

int64_t Arguments::number(const std::string& name, int64_t otherwise) const {
  const auto it = values_.find(name);
  if (it == values_.end()) return otherwise;
  try {
    return std::stoll(it->second);
  } catch (const std::exception&) {
    throw ConfigError(fmt::format("--{} is a number, not '{}'", name, it->second));
  }
}

std::string Arguments::text(const std::string& name, const std::string& otherwise) const {
  const auto it = values_.find(name);
  return it == values_.end() ? otherwise : it->second;
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::stringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

double milliseconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

namespace {

using Packet = gemm_detail::Tile<float>::Packet;
constexpr int lanes = gemm_detail::Tile<float>::lanes;

/// 12 chains hide the latency of every FMA unit built so far and stay in 16 registers.
double fma_chains(int64_t rounds) {
  using namespace Eigen::internal;
  constexpr int chains = 12;
  Packet acc[chains];
#pragma GCC unroll 12
  for (int c = 0; c < chains; ++c) acc[c] = pset1<Packet>(static_cast<float>(c));
  const Packet by = pset1<Packet>(0.999F), plus = pset1<Packet>(1e-6F);
  const auto begin = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < rounds; ++i)
#pragma GCC unroll 12
    for (int c = 0; c < chains; ++c) acc[c] = pmadd(acc[c], by, plus);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  float sum = 0;
#pragma GCC unroll 12
  for (int c = 0; c < chains; ++c) sum += predux(acc[c]);
  volatile float sink = sum;  // every lane counts, or the compiler drops it
  (void)sink;
  return 2.0 * lanes * chains * static_cast<double>(rounds) / seconds * 1e-9;
}

}  // namespace

double fma_peak_gflops(int threads) {
  double best = 0;
  for (int repeat = 0; repeat < 3; ++repeat) {
    std::vector<double> each(static_cast<size_t>(threads));
    std::vector<std::thread> workers;
    for (double& result : each) workers.emplace_back([&result] { result = fma_chains(2'000'000); });
    for (auto& worker : workers) worker.join();
    double sum = 0;
    for (double g : each) sum += g;
    best = std::max(best, sum);
  }
  return best;
}

double matrix_peak_gflops(const AnyContext& context) {
  constexpr int64_t n = 8192, reps = 5;
  Tape tape(context, Tape::Mode::no_grad);
  const Var a = tape.constant(tape.empty({n, n}, DType::f32));
  std::visit([&](auto* ctx) { ctx->fill(a.value(), 0.001); }, context);
  const auto product = [&] { return linear(tape, a, a); };
  product();
  synchronize(context);
  const double ms = milliseconds([&] {
    for (int64_t i = 0; i < reps; ++i) product();
    synchronize(context);
  });
  return 2e-6 * static_cast<double>(n * n * n * reps) / ms;
}

}  // namespace weft::bench
