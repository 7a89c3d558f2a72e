// Step 3: tiles in shared memory, an implicit GEMM.
// A block makes 128 pixels by 128 filters. Before it multiplies 32 channels of a tap, its threads
// bring these channels of its pixels' neighbours and of its filters into shared memory, once for
// all: what comes from the L2 cache now serves 128 multiplications, where a warp of step 2 had 8.
// Left's rows are gathered by index arithmetic, as if the matrix of all neighbours existed (im2col):
// a table says for each of the 128 pixels where this tap finds it.
#include "engine/cuda/check.h"
#include "examples/conv_ladder/fma_tile.cuh"

namespace weft::ladder {
namespace {

__global__ void __launch_bounds__(fma::threads, 2) shared_tiles_kernel(Layer l, Operands o) {
  using namespace fma;
  __shared__ alignas(16) Bf16 left[tile][row], right[tile][row];
  __shared__ int found_at[tile];
  const int t = static_cast<int>(threadIdx.x), lane = t % 32, warp = t / 32;
  const int m = static_cast<int>(blockIdx.y) * tile, k = static_cast<int>(blockIdx.x) * tile;
  const Pixel pixel = pixel_of(l, m + t % tile);

  float sum[side][side] = {};
  for (int tap = 0; tap < taps; ++tap) {
    if (t < tile) found_at[t] = source(l, pixel, tap);
    for (int first = 0; first < l.channels; first += depth) {
      __syncthreads();  // the table is there, and nobody reads the tiles any more
      for (int i = warp; i < tile; i += threads / 32) {  // a warp brings a row, a lane a channel
        const int at = found_at[i];
        left[i][lane] = at < 0 ? Bf16{} : o.x[at + first + lane];
        right[i][lane] = o.weight[((k + i) * taps + tap) * l.channels + first + lane];
      }
      __syncthreads();
      multiply_tile(sum, left, right);
    }
  }
  store_tile(l, o.y, m, k, sum);
}

}  // namespace

Launch shared_tiles(const Layer& l, const Operands& o) {
  return [=] {
    const dim3 grid(l.filters / fma::tile, ceil_div(l.pixels(), fma::tile));
    shared_tiles_kernel<<<grid, fma::threads>>>(l, o);
    WEFT_CUDA(cudaGetLastError());
  };
}

}  // namespace weft::ladder
