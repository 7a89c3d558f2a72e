// What softmax, log_softmax and cross_entropy share on the GPU: up to 32 lanes of a warp own a row
// (fewer for short rows, so that a warp takes several), which read neighbours side by side; a lane
// takes elements lane, lane + lanes, .. in order, and lanes are combined pairwise by shuffles, whose
// tree depends on the width alone.
#pragma once

#include "engine/cuda/launch.cuh"

namespace weft::kernels {

/// One row as its lanes see it; every lane of a warp goes through the same shuffles, with a row or
/// without.
struct Row {
  int64_t index, first = 0, width = 0;  ///< width 0: there is no such row
  int lane, lanes;

  __device__ Row(int64_t rows, int64_t width_, int lanes_) : lanes(lanes_) {
    const int64_t thread = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    index = thread / lanes;
    lane = static_cast<int>(thread % lanes);
    if (index < rows) first = index * width_, width = width_;
  }
  /// Sum over the row of f(i), i from the row's start, in every lane.
  template <class F>
  __device__ float sum(F f) const {
    float total = 0;
    for (int64_t i = lane; i < width; i += lanes) total += f(i);
    for (int step = 1; step < lanes; step *= 2) total += __shfl_xor_sync(whole_warp, total, step);
    return total;
  }
  /// The largest; NaN is passed over, and shows in the sum.
  __device__ float max(const float* x) const {
    float top = -INFINITY;
    for (int64_t i = lane; i < width; i += lanes) top = x[i] > top ? x[i] : top;
    for (int step = 1; step < lanes; step *= 2) {
      const float other = __shfl_xor_sync(whole_warp, top, step);
      top = other > top ? other : top;
    }
    return top;
  }
};

/// kernel(rows, width, lanes, arguments...) over the rows of `shape`.
template <class Kernel, class... Arguments>
void over_rows(CudaContext& ctx, const char* name, const Shape& shape, Kernel kernel,
               const Arguments&... arguments) {
  if (shape.numel() == 0) return;
  const int64_t width = shape.back(), rows = shape.numel() / width;
  int lanes = 1;
  while (lanes < 32 && 2 * lanes < width) lanes *= 2;
  launch(ctx, name, kernel, dim3(static_cast<unsigned>(blocks_for(rows * lanes, block_threads))),
         dim3(block_threads), 0, rows, width, lanes, arguments...);
}

}  // namespace weft::kernels
