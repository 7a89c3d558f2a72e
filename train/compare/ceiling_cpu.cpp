// A CPU's peak: multiply-adds in registers, or products of tiles, all threads at once.
#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "engine/cpu/gemm_bf16.h"
#include "engine/cpu/gemm_tile.h"
#include "train/compare/ceiling.h"

namespace weft {
namespace {

using Packet = gemm_detail::Tile<float>::Packet;
constexpr int lanes = gemm_detail::Tile<float>::lanes;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double tile_products() {
  constexpr int64_t count = 1'000'000, operations = 2 * 16 * 16 * 32;
  const auto begin = Clock::now();
  gemm_bf16::multiply_tiles(count);
  return operations * static_cast<double>(count) / seconds_since(begin) * 1e-9;
}

/// 12 chains hide the latency of every FMA unit built so far and stay in 16 registers.
double fma_chains() {
  constexpr int64_t rounds = 2'000'000;
  using namespace Eigen::internal;
  constexpr int chains = 12;
  Packet acc[chains];
#pragma GCC unroll 12
  for (int c = 0; c < chains; ++c) acc[c] = pset1<Packet>(static_cast<float>(c));
  const Packet by = pset1<Packet>(0.999F), plus = pset1<Packet>(1e-6F);
  const auto begin = Clock::now();
  for (int64_t i = 0; i < rounds; ++i)
#pragma GCC unroll 12
    for (int c = 0; c < chains; ++c) acc[c] = pmadd(acc[c], by, plus);
  const double seconds = seconds_since(begin);
  float sum = 0;
#pragma GCC unroll 12
  for (int c = 0; c < chains; ++c) sum += predux(acc[c]);
  volatile float sink = sum;  // every lane counts, or the compiler drops it
  (void)sink;
  return 2.0 * lanes * chains * static_cast<double>(rounds) / seconds * 1e-9;
}

}  // namespace

double cpu_peak_gflops(int threads, Precision precision) {
  const auto measure = precision == Precision::bf16 ? tile_products : fma_chains;
  double best = 0;
  for (int repeat = 0; repeat < 3; ++repeat) {
    std::vector<double> each(static_cast<size_t>(threads));
    {
      std::vector<std::jthread> workers;  // joined here, also where one of them does not start
      for (double& result : each) workers.emplace_back([&] { result = measure(); });
    }
    double sum = 0;
    for (double g : each) sum += g;
    best = std::max(best, sum);
  }
  return best;
}

}  // namespace weft
