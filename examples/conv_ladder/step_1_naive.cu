// Step 1: the loops as one writes them down, one thread an output.
// Neighbouring threads make neighbouring filters of one pixel. They read the same x, which is good,
// but each its own row of the weight, 18 C bytes from the next: a warp's 32 loads of 2 bytes touch
// 32 cache lines. And each multiplication waits for two loads.
#include "engine/cuda/check.h"
#include "examples/conv_ladder/ladder.h"

namespace weft::ladder {
namespace {

constexpr int threads = 256;

__global__ void naive_kernel(Layer l, Operands o) {
  const int m = static_cast<int>(blockIdx.x),
            k = static_cast<int>(blockIdx.y) * threads + static_cast<int>(threadIdx.x);
  const Pixel pixel = pixel_of(l, m);
  float sum = 0;
  for (int tap = 0; tap < taps; ++tap) {
    const int at = source(l, pixel, tap);
    if (at < 0) continue;
    const Bf16* const x = o.x + at;
    const Bf16* const weight = o.weight + (k * taps + tap) * l.channels;
    for (int c = 0; c < l.channels; ++c)
      sum += __bfloat162float(x[c]) * __bfloat162float(weight[c]);
  }
  o.y[m * l.filters + k] = __float2bfloat16(sum);
}

}  // namespace

Launch naive(const Layer& l, const Operands& o) {
  return [=] {
    naive_kernel<<<dim3(l.pixels(), l.filters / threads), threads>>>(l, o);
    WEFT_CUDA(cudaGetLastError());
  };
}

}  // namespace weft::ladder
