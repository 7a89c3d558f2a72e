// Reductions on the GPU. x is [outer, n, inner]; a block sums a tile of rows and columns: a thread
// owns `width` neighbouring columns (a Vec where they fit, else one), `lanes` threads share these
// columns' rows (lane l adds rows l, l + lanes, ..); their sums are combined pairwise within a warp,
// then warp by warp. Where n takes more than one tile, the tiles' sums are a shorter x of the same
// form, kept in float: a bias gradient is one launch up to 512 rows, two up to 260,000. The tree
// depends on sizes alone.
#include "ops/broadcast.h"
#include "ops/pointwise_cuda.cuh"
#include "ops/reduce.h"

namespace weft::kernels {
namespace {

constexpr int rows_per_lane = 16, rows_in_flight = 8;
constexpr int most_columns = 64;

/// How a block's threads divide: across * lanes * items = block_threads, all powers of two.
struct Tiling {
  int across = 1, lanes = 1, items;
  int64_t chunk, chunks;  ///< rows of one tile, and tiles along n
  int64_t strips;         ///< tiles along inner

  /// `units`: vectors of `width` columns in a row. 128 bytes side by side are what memory moves.
  Tiling(int64_t n, int64_t units, int width) {
    const int most = width == 1 ? 32 : 8;
    while (across < most && across < units) across *= 2;
    while (across * lanes < block_threads && 4 * lanes < n) lanes *= 2;
    items = block_threads / (across * lanes);
    chunk = rows_per_lane * lanes;
    chunks = std::max<int64_t>(1, blocks_for(n, chunk));
    strips = blocks_for(units, across);
  }
};

/// y [outer, chunks, inner] = factor * sums of x's chunks.
template <int width, class In, class Out>
__global__ void sum_kernel(const In* x, int64_t outer, int64_t n, int64_t inner, Tiling t,
                           float factor, Out* y) {
  __shared__ float sums[block_threads / warp_threads][most_columns];
  const int thread = static_cast<int>(threadIdx.x), lane = thread / t.across % t.lanes;
  const int64_t item = blockIdx.x / t.strips * t.items + thread / (t.across * t.lanes);
  const int64_t column = (blockIdx.x % t.strips * t.across + thread % t.across) * width;
  const bool mine = item < outer * t.chunks && column < inner;
  float sum[width] = {};
  if (mine) {
    const int64_t first = item % t.chunks * t.chunk;
    const int64_t end = first + t.chunk < n ? first + t.chunk : n;
    const In* from = x + item / t.chunks * n * inner + column;
    int64_t row = first + lane;
    for (; row + (rows_in_flight - 1) * t.lanes < end; row += rows_in_flight * t.lanes) {
      float v[rows_in_flight][width];
#pragma unroll
      for (int k = 0; k < rows_in_flight; ++k) read(from + (row + k * t.lanes) * inner, v[k]);
#pragma unroll
      for (int k = 0; k < rows_in_flight; ++k)
#pragma unroll
        for (int i = 0; i < width; ++i) sum[i] += v[k][i];
    }
    for (; row < end; row += t.lanes) {
      float v[width];
      read(from + row * inner, v);
#pragma unroll
      for (int i = 0; i < width; ++i) sum[i] += v[i];
    }
  }
  const int together = t.across * t.lanes;  // threads of one item
  for (int offset = t.across; offset < together && offset < warp_threads; offset *= 2)
#pragma unroll
    for (int i = 0; i < width; ++i) sum[i] += __shfl_xor_sync(whole_warp, sum[i], offset);
  if (together > warp_threads) {
    const int warp = thread / warp_threads, at = thread % t.across * width;
    if (thread % warp_threads < t.across)
#pragma unroll
      for (int i = 0; i < width; ++i) sums[warp][at + i] = sum[i];
    __syncthreads();
    if (lane == 0)
      for (int w = 1; w < together / warp_threads; ++w)
#pragma unroll
        for (int i = 0; i < width; ++i) sum[i] += sums[warp + w][at + i];
  }
  if (!mine || lane != 0) return;
#pragma unroll
  for (int i = 0; i < width; ++i) store(y + item * inner + column + i, factor * sum[i]);
}

template <class In, class Out>
void sum_rows(CudaContext& ctx, const In* x, int64_t outer, int64_t n, int64_t inner, float factor,
              Out* y);

template <int width, class In, class Out>
void sum_tiles(CudaContext& ctx, const In* x, int64_t outer, int64_t n, int64_t inner, float factor,
               Out* y) {
  const Tiling t(n, inner / width, width);
  const dim3 grid(static_cast<unsigned>(blocks_for(outer * t.chunks, t.items) * t.strips));
  if (t.chunks == 1)
    return launch(ctx, "sum", sum_kernel<width, In, Out>, grid, dim3(block_threads), 0, x, outer, n,
                  inner, t, factor, y);
  const Tensor parts = Tensor::empty({outer, t.chunks, inner}, DType::f32, ctx.memory());
  auto* sums = parts.data<float>();
  launch(ctx, "sum", sum_kernel<width, In, float>, grid, dim3(block_threads), 0, x, outer, n, inner,
         t, 1.0F, sums);
  sum_rows(ctx, static_cast<const float*>(sums), outer, t.chunks, inner, factor, y);
}

template <class In, class Out>
void sum_rows(CudaContext& ctx, const In* x, int64_t outer, int64_t n, int64_t inner, float factor,
              Out* y) {
  if (fits_vec(x, inner))
    sum_tiles<Vec<In>::size>(ctx, x, outer, n, inner, factor, y);
  else
    sum_tiles<1>(ctx, x, outer, n, inner, factor, y);
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

template <class T, class Y>
void sum_middle(CudaContext& ctx, View<const T> x, int64_t outer, int64_t n, int64_t inner,
                double factor, View<Y> y) {
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
template void sum_middle(CudaContext&, View<const bf16_t>, int64_t, int64_t, int64_t, double,
                         View<float>);

}  // namespace weft::kernels
