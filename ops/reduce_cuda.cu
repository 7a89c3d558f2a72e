// Reductions on the GPU. x is [outer, n, inner]; a block sums a tile of at most 4096 elements:
// neighbouring threads own neighbouring columns, `lanes` threads share a column's rows (lane l adds
// rows l, l + lanes, ..), and their sums are combined pairwise. Where n takes more than one tile,
// the tiles' sums are a shorter x of the same form, kept in float. The tree depends on sizes alone.
#include "ops/broadcast.h"
#include "ops/pointwise_cuda.cuh"
#include "ops/reduce.h"

namespace weft::kernels {
namespace {

constexpr int64_t rows_per_lane = 16;

/// How a block's threads divide: columns * lanes * items = block_threads, all powers of two.
struct Tiling {
  int columns, lanes, items;
  int64_t chunk, chunks;  ///< rows of one tile, and tiles along n
  int64_t strips;         ///< tiles along inner
};

Tiling tile(int64_t n, int64_t inner) {
  Tiling t{1, 1, 1, 0, 0, 0};
  while (t.columns < 32 && t.columns < inner) t.columns *= 2;
  while (t.columns * t.lanes < block_threads && 4 * t.lanes < n) t.lanes *= 2;
  t.items = block_threads / (t.columns * t.lanes);
  t.chunk = rows_per_lane * t.lanes;
  t.chunks = std::max<int64_t>(1, blocks_for(n, t.chunk));
  t.strips = blocks_for(inner, t.columns);
  return t;
}

/// y [outer, chunks, inner] = factor * sums of x's chunks.
template <class In, class Out>
__global__ void sum_kernel(const In* x, int64_t outer, int64_t n, int64_t inner, Tiling t,
                           float factor, Out* y) {
  __shared__ float sums[block_threads];
  const int lane = static_cast<int>(threadIdx.x) / t.columns % t.lanes;
  const int64_t item = blockIdx.x / t.strips * t.items + threadIdx.x / (t.columns * t.lanes);
  const int64_t column = blockIdx.x % t.strips * t.columns + threadIdx.x % t.columns;
  const bool mine = item < outer * t.chunks && column < inner;
  float sum = 0;
  if (mine) {
    const int64_t first = item % t.chunks * t.chunk;
    const int64_t end = first + t.chunk < n ? first + t.chunk : n;
    const In* from = x + item / t.chunks * n * inner + column;
#pragma unroll 4
    for (int64_t row = first + lane; row < end; row += t.lanes) sum += load(from + row * inner);
  }
  sums[threadIdx.x] = sum;
  __syncthreads();
  for (int stride = 1; stride < t.lanes; stride *= 2) {
    if (lane % (2 * stride) == 0) {
      sum += sums[threadIdx.x + stride * t.columns];
      sums[threadIdx.x] = sum;
    }
    __syncthreads();
  }
  if (mine && lane == 0) store(y + item * inner + column, factor * sum);
}

template <class In, class Out>
void sum_rows(CudaContext& ctx, const In* x, int64_t outer, int64_t n, int64_t inner, float factor,
              Out* y) {
  const Tiling t = tile(n, inner);
  const dim3 grid(static_cast<unsigned>(blocks_for(outer * t.chunks, t.items) * t.strips));
  if (t.chunks == 1)
    return launch(ctx, "sum", sum_kernel<In, Out>, grid, dim3(block_threads), 0, x, outer, n, inner,
                  t, factor, y);
  const Tensor parts = Tensor::empty({outer, t.chunks, inner}, DType::f32, ctx.memory());
  auto* sums = parts.data<float>();
  launch(ctx, "sum", sum_kernel<In, float>, grid, dim3(block_threads), 0, x, outer, n, inner, t,
         1.0F, sums);
  sum_rows(ctx, static_cast<const float*>(sums), outer, t.chunks, inner, factor, y);
}

template <int n, class T>
__global__ void expand_kernel(Broadcast g, int64_t items, const T* x, float factor, T* y) {
  const int64_t item = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (item >= items) return;
  const int64_t inner = g.extent[g.rank - 1], stride = g.a_stride[g.rank - 1];
  const int64_t row = item * n / inner, at = item * n - row * inner;
  const T* from = x + Broadcast::start(g, row, g.a_stride) + at * stride;
  float values[n];
  if (stride != 0) read(from, values);
#pragma unroll
  for (int i = 0; i < n; ++i) values[i] = factor * (stride != 0 ? values[i] : load(from));
  write(y + item * n, values);
}

/// y [rows, inner] = factor x [inner] in every row: a bias written out. Blocks go down the rows.
template <int n, class T>
__global__ void repeat_kernel(int64_t rows, int64_t inner, const T* x, float factor, T* y) {
  const int64_t at = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * n;
  if (at >= inner) return;
  float values[n];
  read(x + at, values);
#pragma unroll
  for (int i = 0; i < n; ++i) values[i] *= factor;
  for (int64_t row = int64_t{blockIdx.y} * blockDim.y + threadIdx.y; row < rows;
       row += int64_t{gridDim.y} * blockDim.y)
    write(y + row * inner + at, values);
}

template <int n, class T>
void repeat(CudaContext& ctx, int64_t rows, int64_t inner, const T* x, float factor, T* y) {
  const int64_t items = inner / n;
  int across = 1;
  while (across < block_threads && across < items) across *= 2;
  const dim3 block(across, block_threads / across);
  const int64_t down = std::min<int64_t>(blocks_for(rows, int64_t{block.y} * 8), 4096);
  launch(ctx, "expand", repeat_kernel<n, T>,
         dim3(static_cast<unsigned>(blocks_for(items, across)), static_cast<unsigned>(down)), block,
         0, rows, inner, x, factor, y);
}

}  // namespace

template <class T>
void sum_middle(CudaContext& ctx, View<const T> x, int64_t outer, int64_t n, int64_t inner,
                double factor, View<T> y) {
  if (outer == 0 || inner == 0) return;
  sum_rows(ctx, x.data, outer, n, inner, static_cast<float>(factor), y.data);
}

template <class T>
void expand(CudaContext& ctx, View<const T> x, double factor, View<T> y) {
  if (y.numel() == 0) return;
  const Broadcast g(x.shape, y.shape);
  const float by = static_cast<float>(factor);
  if (g.rank == 2 && g.a_stride[0] == 0 && g.a_stride[1] == 1) {
    if (fits_vec(y.data, g.inner()) && is_aligned(x.data))
      return repeat<Vec<T>::size>(ctx, g.rows(), g.inner(), x.data, by, y.data);
    return repeat<1>(ctx, g.rows(), g.inner(), x.data, by, y.data);
  }
  const auto start = [&](auto kernel, int64_t items) {
    launch(ctx, "expand", kernel, dim3(static_cast<unsigned>(blocks_for(items, block_threads))),
           dim3(block_threads), 0, g, items, x.data, by, y.data);
  };
  constexpr int size = Vec<T>::size;
  const bool moves = g.a_stride[g.rank - 1] != 0;
  if (fits_vec(y.data, g.inner()) && (!moves || is_aligned(x.data)))
    start(expand_kernel<size, T>, y.numel() / size);
  else
    start(expand_kernel<1, T>, y.numel());
}

#define WEFT_INSTANTIATE(T)                                                                \
  template void sum_middle(CudaContext&, View<const T>, int64_t, int64_t, int64_t, double, \
                           View<T>);                                                       \
  template void expand(CudaContext&, View<const T>, double, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
