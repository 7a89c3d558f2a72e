// The convolution ladder: one 3x3 convolution in nine kernels, from three loops to what weft runs.
//   y[n, h, w, k] = sum over taps (r, s) and channels c of
//                   x[n, h + dilation (r - 1), w + dilation (s - 1), c] weight[k, r, s, c]
// x [N, H, W, C], weight [K, 3, 3, C] and y [N, H, W, K] are bf16, sums f32, outside x are zeros.
// All steps see a product of matrices: y [pixels, K] = left [pixels, 9 C] right [K, 9 C]^T, where
// right is the weight as it lies and left, each pixel's nine neighbours side by side, is never made.
#pragma once

#include <cuda_bf16.h>

#include <cstdint>
#include <functional>

namespace weft::ladder {

using Bf16 = __nv_bfloat16;

constexpr int taps = 9;

/// C a multiple of 64 and K of 256: the steps round nothing up but the pixels.
struct Layer {
  int images, height, width, channels, filters, dilation;

  __host__ __device__ int pixels() const { return images * height * width; }
};

/// In device memory.
struct Operands {
  const Bf16 *x, *weight;
  Bf16* y;
};

/// Starts a step's kernel; what a layer needs beforehand (tensor maps, say) is made only once.
using Launch = std::function<void()>;

Launch naive(const Layer&, const Operands&);
Launch registers(const Layer&, const Operands&);
Launch shared_tiles(const Layer&, const Operands&);
Launch async_copies(const Layer&, const Operands&);
Launch tensor_cores(const Layer&, const Operands&);
Launch warpgroups(const Layer&, const Operands&);
Launch tma_ring(const Layer&, const Operands&);
Launch warp_roles(const Layer&, const Operands&);
Launch visible_taps(const Layer&, const Operands&);

__host__ __device__ constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }

/// Row m of the left matrix; past the last one `image` is past the last image.
struct Pixel {
  int image, row, column;
};

__host__ __device__ inline Pixel pixel_of(const Layer& l, int m) {
  const int line = m / l.width;
  return {line / l.height, line % l.height, m % l.width};
}

/// Where in x `tap` finds the first channel for this pixel; -1: it sees zeros.
__device__ inline int source(const Layer& l, const Pixel& p, int tap) {
  const int row = p.row + (tap / 3 - 1) * l.dilation;
  const int column = p.column + (tap % 3 - 1) * l.dilation;
  const bool inside =
      p.image < l.images && row >= 0 && row < l.height && column >= 0 && column < l.width;
  return inside ? ((p.image * l.height + row) * l.width + column) * l.channels : -1;
}

}  // namespace weft::ladder
