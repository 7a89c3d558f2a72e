// Runs the ladder: every step on small odd layers and on two large ones, each output checked, then
// the times as tables in Markdown. Ends with 0, with 1 where a step is wrong or fails, with 77 (the
// house's sign for skipped) without a CUDA device.
#include <cstdio>
#include <vector>

#include "engine/cuda/check.h"
#include "engine/cuda/wgmma.cuh"
#include "examples/conv_ladder/measure.h"

namespace weft::ladder {
namespace {

struct Step {
  const char* name;
  Launch (*make)(const Layer&, const Operands&);
  bool hopper;  ///< wants sm_90a: wgmma and the TMA
};

constexpr Step steps[] = {
    {"1 naive loop", naive, false},
    {"2 coalesced, 8x8 in registers", registers, false},
    {"3 shared-memory tiles", shared_tiles, false},
    {"4 cp.async, two stages", async_copies, false},
    {"5 tensor cores: mma.sync", tensor_cores, false},
    {"6 wgmma from swizzled memory", warpgroups, true},
    {"7 TMA im2col, ring of barriers", tma_ring, true},
    {"8 roles, persistent blocks", warp_roles, true},
    {"9 visible taps only", visible_taps, true},
};

/// N, H, W, C, K, dilation: a branch of ASPP in weft's networks, and the same without dilation.
constexpr Layer timed[] = {{16, 41, 41, 512, 1024, 6}, {16, 41, 41, 512, 1024, 1}};
/// Tiles that end early, images smaller than a tile, pixels that see one tap alone.
constexpr Layer checked[] = {
    {3, 13, 17, 64, 256, 6}, {1, 7, 5, 128, 512, 2}, {9, 9, 11, 192, 256, 7}};

__global__ void probe_kernel(bool* holds_wgmma) {
#ifdef WEFT_WGMMA
  *holds_wgmma = true;
#else
  *holds_wgmma = false;
#endif
}

/// Whether this program holds code for sm_90a and the card runs it.
bool runs_hopper() {
  bool *on_device = nullptr, found = false;
  WEFT_CUDA(cudaMalloc(&on_device, sizeof(bool)));
  probe_kernel<<<1, 1>>>(on_device);
  WEFT_CUDA(cudaGetLastError());
  WEFT_CUDA(cudaMemcpy(&found, on_device, sizeof(bool), cudaMemcpyDeviceToHost));
  WEFT_CUDA(cudaFree(on_device));
  return found;
}

/// bf16 FLOP/s of the tensor cores at the card's highest clock; 0: not known for this card.
double print_card() {
  cudaDeviceProp card{};
  int kilohertz = 0;
  WEFT_CUDA(cudaGetDeviceProperties(&card, 0));
  WEFT_CUDA(cudaDeviceGetAttribute(&kilohertz, cudaDevAttrClockRate, 0));
  const int a_clock = card.major == 9 ? 4096 : card.major == 8 && card.minor == 0 ? 2048 : 0;
  const double peak = 1e3 * kilohertz * card.multiProcessorCount * a_clock;
  std::printf("%s, %d multiprocessors, %d MHz at most", card.name, card.multiProcessorCount,
              kilohertz / 1000);
  if (peak > 0)
    std::printf("; %d FLOP of bf16 each and clock: a peak of %.0f TFLOP/s", a_clock, peak / 1e12);
  std::printf(".\n");
  return peak;
}

/// Wrong outputs are told at once; true where there are none.
bool right(const Step& step, Bench& bench) {
  const Layer& l = bench.layer();
  const unsigned long long wrong = bench.wrong(step.make(l, bench.operands()));
  if (wrong > 0)
    std::printf("WRONG: step %s, %d x %d x %d, %d -> %d, dilation %d: %llu of %d outputs\n",
                step.name, l.images, l.height, l.width, l.channels, l.filters, l.dilation, wrong,
                l.pixels() * l.filters);
  return wrong == 0;
}

/// True where every output of every step is right.
bool check(const Layer& layer, bool hopper) {
  Bench bench(layer);
  bench.prepare_check();
  bool good = true;
  for (const Step& step : steps)
    if (hopper || !step.hopper) good = right(step, bench) && good;
  return good;
}

void print_table(const Layer& l, bool hopper, double peak) {
  Bench bench(l);
  bench.prepare_timing();
  const double useful = useful_flops(l);
  std::printf("\nDilation %d: %.1f GFLOP useful, %.1f with those of zeros outside.\n\n", l.dilation,
              useful / 1e9, all_flops(l) / 1e9);
  std::printf("| step | ms | useful TFLOP/s | of the peak | times the step before |\n");
  std::printf("|---|---:|---:|---:|---:|\n");
  double before = 0;
  for (const Step& step : steps) {
    if (step.hopper && !hopper) {
      std::printf("| %s | skipped: wants sm_90a | | | |\n", step.name);
      continue;
    }
    const double ms = bench.milliseconds(step.make(l, bench.operands()));
    std::printf("| %s | %.3f | %.2f |", step.name, ms, useful / ms / 1e9);
    peak > 0 ? std::printf(" %.1f %% |", 100 * useful / ms * 1e3 / peak) : std::printf(" |");
    before > 0 ? std::printf(" %.2f |\n", before / ms) : std::printf(" |\n");
    std::fflush(stdout);
    before = ms;
  }
}

int run() {
  const double peak = print_card();
  const bool hopper = runs_hopper();
  if (!hopper)
    std::printf("Steps 6 to 9 are skipped: they want compute capability 9.0 and code for it.\n");
  bool good = true;
  for (const Layer& layer : checked) good = check(layer, hopper) && good;
  for (const Layer& layer : timed) good = check(layer, hopper) && good;
  if (!good) return 1;
  std::printf("Every output of every step is the reference's, bit for bit, on %zu layers.\n",
              std::size(checked) + std::size(timed));
  for (const Layer& layer : timed) print_table(layer, hopper, peak);
  return 0;
}

}  // namespace
}  // namespace weft::ladder

int main() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::puts("skipped: no CUDA device");
    return 77;
  }
  try {
    return weft::ladder::run();
  } catch (const std::exception& error) {
    std::printf("conv_ladder: %s\n", error.what());
    return 1;
  }
}
