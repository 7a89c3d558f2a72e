// Step 5: tensor cores.
// One mma.sync multiplies 16 x 16 by 16 x 8 of bf16 for a whole warp: 2048 multiply-adds, for which
// step 4 wants 64 instructions and converts every factor first. ldmatrix brings four 8 x 8 matrices
// from shared memory in the layout that mma.sync takes. Block, tiles and copies are step 4's, each
// warp makes 64 pixels by 32 filters of it. Stages are used up faster than memory answers, so there
// are four of them now, three of which are on their way.
#include "engine/cuda/check.h"
#include "engine/cuda/mma.cuh"
#include "examples/conv_ladder/ladder.h"

namespace weft::ladder {
namespace {

constexpr int threads = 256, tile = 128, depth = 32, stages = 4;
constexpr int row_bytes =
    2 * depth + 16;  // padded as in step 4: ldmatrix's 8 rows, 8 times 4 banks
constexpr int tile_bytes = tile * row_bytes, stage_bytes = 2 * tile_bytes;
constexpr int shared_bytes = stages * stage_bytes;

__global__ void __launch_bounds__(threads, 2) tensor_cores_kernel(Layer l, Operands o) {
  extern __shared__ __align__(16) unsigned char memory[];
  const uint32_t tiles = mma::shared_address(memory);
  const int t = static_cast<int>(threadIdx.x), lane = t % 32, warp = t / 32;
  const int m = static_cast<int>(blockIdx.y) * tile, k = static_cast<int>(blockIdx.x) * tile;
  const int copied = t / 4, channel = t % 4 * 8;
  const Pixel pixels[2] = {pixel_of(l, m + copied), pixel_of(l, m + copied + 64)};

  const int stages_a_tap = l.channels / depth, count = taps * stages_a_tap;
  const auto copy = [&](int stage) {
    if (stage < count) {
      const int tap = stage / stages_a_tap, c = stage % stages_a_tap * depth + channel;
      const uint32_t to = tiles + stage % stages * stage_bytes;
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const int at = source(l, pixels[i], tap), r = copied + 64 * i;
        const uint32_t here = to + r * row_bytes + 2 * channel;
        mma::copy_async(here, o.x + (at < 0 ? 0 : at + c), at >= 0);
        mma::copy_async(here + tile_bytes, o.weight + ((k + r) * taps + tap) * l.channels + c,
                        true);
      }
    }
    mma::commit();  // empty past the end, so that wait() may count on
  };

  const int warp_m = warp / 4 * 64, warp_k = warp % 4 * 32;
  // Lane l names row l % 8 of matrix l / 8. Left: rows 0..7 and 8..15 of channels 0..7, then of
  // channels 8..15. Right: channels 0..7 and 8..15 of filters 0..7, then of filters 8..15.
  const uint32_t left_at = (warp_m + lane % 16) * row_bytes + lane / 16 * 16;
  const uint32_t right_at =
      tile_bytes + (warp_k + lane % 8 + lane / 16 * 8) * row_bytes + lane / 8 % 2 * 16;

  float sum[4][4][4] = {};
  for (int stage = 0; stage < stages - 1; ++stage) copy(stage);
  for (int stage = 0; stage < count; ++stage) {
    mma::wait<stages - 2>();  // all but the latest two of this thread's groups are there
    __syncthreads();
    copy(stage + stages - 1);  // where stage - 1 was, which all have left
    const uint32_t from = tiles + stage % stages * stage_bytes;
#pragma unroll
    for (int step = 0; step < 2 * depth; step += mma::step_bytes) {
      uint32_t left[4][4], right[2][4];
#pragma unroll
      for (int i = 0; i < 4; ++i)
        mma::load_matrices(left[i], from + left_at + 16 * i * row_bytes + step);
#pragma unroll
      for (int j = 0; j < 2; ++j)
        mma::load_matrices(right[j], from + right_at + 16 * j * row_bytes + step);
#pragma unroll
      for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j)
          mma::multiply<Bf16>(sum[i][j], left[i], right[j / 2][j % 2 * 2],
                              right[j / 2][j % 2 * 2 + 1]);
    }
  }

#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int half = 0; half < 2; ++half) {  // a lane has rows lane / 4 and 8 more, two neighbours
      const int at = m + warp_m + 16 * i + 8 * half + lane / 4;
      if (at >= l.pixels()) continue;
#pragma unroll
      for (int j = 0; j < 4; ++j)
        *reinterpret_cast<__nv_bfloat162*>(o.y + at * l.filters + k + warp_k + 8 * j +
                                           lane % 4 * 2) =
            __floats2bfloat162_rn(sum[i][j][2 * half], sum[i][j][2 * half + 1]);
    }
}

}  // namespace

Launch tensor_cores(const Layer& l, const Operands& o) {
  WEFT_CUDA(cudaFuncSetAttribute(tensor_cores_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 shared_bytes));
  return [=] {
    const dim3 grid(l.filters / tile, ceil_div(l.pixels(), tile));
    tensor_cores_kernel<<<grid, threads, shared_bytes>>>(l, o);
    WEFT_CUDA(cudaGetLastError());
  };
}

}  // namespace weft::ladder
