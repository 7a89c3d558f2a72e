// top_k on the GPU. x is [outer, n, inner]: neighbouring threads own neighbouring columns, and
// `lanes` threads share a column's rows. Each of k passes looks for the first of those that come
// after the last one found, so that no memory bounds k; the order is total, so that the bits do not
// depend on how lanes share. Backward: zeros, then dy's elements, each to a place of its own.
#include "engine/cuda/element.cuh"
#include "engine/cuda/launch.cuh"
#include "ops/top_k.h"

namespace weft::kernels {
namespace {

/// How a block's threads divide: columns * lanes * items = block_threads, all powers of two.
struct Tiling {
  int columns = 1, lanes = 1, items = 1;
  int64_t strips;  ///< tiles along inner

  Tiling(int64_t n, int64_t inner) {
    while (columns < 32 && columns < inner) columns *= 2;
    while (columns * lanes < block_threads && 4 * lanes < n) lanes *= 2;
    items = block_threads / (columns * lanes);
    strips = blocks_for(inner, columns);
  }
};

__device__ void keep_first(Ranked<float>& best, const Ranked<float>& other) {
  if (other.index >= 0 && (best.index < 0 || other.before(best))) best = other;
}

template <class T>
__global__ void top_k_kernel(const T* x, int64_t outer, int64_t n, int64_t inner, int64_t k,
                             Tiling t, T* y, int32_t* indices) {
  __shared__ Ranked<float> found[block_threads];
  const int me = static_cast<int>(threadIdx.x), lane = me / t.columns % t.lanes;
  const int64_t item = blockIdx.x / t.strips * t.items + me / (t.columns * t.lanes);
  const int64_t column = blockIdx.x % t.strips * t.columns + me % t.columns;
  const bool mine = item < outer && column < inner;
  Ranked<float> last{0, -1};
  for (int64_t rank = 0; rank < k; ++rank) {
    Ranked<float> best{0, -1};
    if (mine)
      for (int64_t row = lane; row < n; row += t.lanes) {
        const Ranked<float> here{load(x + (item * n + row) * inner + column),
                                 static_cast<int32_t>(row)};
        if (rank == 0 || last.before(here)) keep_first(best, here);
      }
    found[me] = best;
    __syncthreads();
    for (int stride = t.lanes / 2; stride > 0; stride /= 2) {
      if (lane < stride) {
        keep_first(best, found[me + stride * t.columns]);
        found[me] = best;
      }
      __syncthreads();
    }
    last = found[me - lane * t.columns];
    if (mine && lane == 0) {
      const int64_t to = (item * k + rank) * inner + column;
      store(y + to, last.value);
      indices[to] = last.index;
    }
    __syncthreads();  // everyone has read `found`
  }
}

}  // namespace

template <class T>
void top_k_forward(CudaContext& ctx, View<const T> x, int axis, View<T> y, View<int32_t> indices) {
  if (y.numel() == 0) return;
  const int64_t outer = x.shape.outer(axis), n = x.shape[axis], inner = x.shape.inner(axis + 1);
  const Tiling t(n, inner);
  launch(ctx, "top_k", top_k_kernel<T>,
         dim3(static_cast<unsigned>(blocks_for(outer, t.items) * t.strips)), dim3(block_threads), 0,
         x.data, outer, n, inner, y.shape[axis], t, y.data, indices.data);
}

template <class T>
void top_k_backward(CudaContext& ctx, View<const T> dy, View<const int32_t> indices, int axis,
                    View<T> dx) {
  const int64_t n = dx.shape[axis], k = dy.shape[axis], inner = dx.shape.inner(axis + 1);
  const T* from = dy.data;
  const int32_t* chosen = indices.data;
  T* to = dx.data;
  for_each(ctx, "top_k_backward", dx.numel(), [=] __device__(int64_t i) { store(to + i, 0.0F); });
  for_each(ctx, "top_k_backward", dy.numel(), [=] __device__(int64_t i) {
    const int64_t line = i / inner, c = i - line * inner;  // line: outer k + rank
    to[(line / k * n + chosen[i]) * inner + c] = from[i];
  });
}

#define WEFT_INSTANTIATE(T)                                                              \
  template void top_k_forward(CudaContext&, View<const T>, int, View<T>, View<int32_t>); \
  template void top_k_backward(CudaContext&, View<const T>, View<const int32_t>, int, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
