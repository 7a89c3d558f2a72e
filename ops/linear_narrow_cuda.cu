// narrow_linear: a thread moves 16 bytes of neighbouring channels where C and the addresses allow
// it, else one. forward: lanes of a warp share a few rows, lane, lane + lanes, .. of their units in
// order, and are combined pairwise by shuffles. backward_input: a thread keeps the weights of its
// channels and goes down the rows. backward_weight: it keeps their sums; those of threads that own
// the same channels are combined pairwise, and those of chunks of rows by the tree of ops/reduce.
#include "ops/column_sums_cuda.cuh"
#include "ops/linear_narrow_cuda.cuh"
#include "ops/pointwise_cuda.cuh"
#include "ops/reduce.h"

namespace weft::narrow_linear {
namespace {

using kernels::ColumnPart;
using kernels::Columns;

constexpr int held_rows = 4;  // that one load of weights is multiplied with

/// `lanes`, a power of two up to a warp, take held_rows rows.
template <int outputs, int width, class T>
__global__ void forward_kernel(int64_t rows, int in, int lanes, const T* x, const T* weight,
                               const T* bias, T* y) {
  const int lane = static_cast<int>(threadIdx.x) % lanes;
  const int64_t first =
      (int64_t{blockIdx.x} * (block_threads / lanes) + threadIdx.x / lanes) * held_rows;
  const T* from[held_rows];
#pragma unroll
  for (int r = 0; r < held_rows; ++r)  // past the end the last row again, which is not stored
    from[r] = x + (first + r < rows ? first + r : rows - 1) * in;
  float sum[held_rows][outputs] = {};
  for (int c = lane * width; c < in; c += lanes * width) {
    float v[held_rows][width];
#pragma unroll
    for (int r = 0; r < held_rows; ++r) read(from[r] + c, v[r]);
#pragma unroll
    for (int k = 0; k < outputs; ++k) {
      float w[width];
      read(weight + int64_t{k} * in + c, w);
#pragma unroll
      for (int r = 0; r < held_rows; ++r)
#pragma unroll
        for (int i = 0; i < width; ++i) sum[r][k] += v[r][i] * w[i];
    }
  }
  for (int step = 1; step < lanes; step *= 2)
#pragma unroll
    for (int r = 0; r < held_rows; ++r)
#pragma unroll
      for (int k = 0; k < outputs; ++k) sum[r][k] += __shfl_xor_sync(whole_warp, sum[r][k], step);
  if (lane != 0) return;
#pragma unroll
  for (int r = 0; r < held_rows; ++r) {
    if (first + r >= rows) return;
#pragma unroll
    for (int k = 0; k < outputs; ++k)
      store(y + (first + r) * outputs + k, sum[r][k] + (bias != nullptr ? load(bias + k) : 0.0F));
  }
}

template <int outputs, int width, class T>
__global__ void input_kernel(Columns g, const T* weight, const T* dy, T* dx) {
  const ColumnPart at(g);
  if (!at.inside) return;
  float w[outputs][width];
#pragma unroll
  for (int k = 0; k < outputs; ++k) read(weight + at.element(g, k), w[k]);
#pragma unroll 4
  for (int64_t row = at.first + at.down; row < at.end; row += g.down) {
    float sum[width] = {};
#pragma unroll
    for (int k = 0; k < outputs; ++k) {
      const float d = load(dy + row * outputs + k);
#pragma unroll
      for (int i = 0; i < width; ++i) sum[i] += d * w[k][i];
    }
    write(dx + at.element(g, row), sum);
  }
}

/// sums [chunks, outputs, C] of the chunks' rows.
template <int outputs, int width, class T>
__global__ void weight_kernel(Columns g, const T* x, const T* dy, float* sums) {
  const ColumnPart at(g);
  float sum[outputs][width] = {};
  if (at.inside)
#pragma unroll 4
    for (int64_t row = at.first + at.down; row < at.end; row += g.down) {
      float v[width];
      read(x + at.element(g, row), v);
#pragma unroll
      for (int k = 0; k < outputs; ++k) {
        const float d = load(dy + row * outputs + k);
#pragma unroll
        for (int i = 0; i < width; ++i) sum[k][i] += d * v[i];
      }
    }
#pragma unroll
  for (int k = 0; k < outputs; ++k) {
    kernels::combine_down<width>(g, sum[k]);
    if (!at.inside || at.down != 0) continue;
    float* const to = sums + at.element(g, int64_t{blockIdx.y} * outputs + k);
#pragma unroll
    for (int i = 0; i < width; ++i) to[i] = sum[k][i];
  }
}

/// f(outputs, width) with both as constants: 16 bytes a thread where `vectors`.
template <class T, int outputs = 1, class F>
void with_sizes(int64_t out, bool vectors, F&& f) {
  if constexpr (outputs <= most_outputs) {
    using Outputs = std::integral_constant<int, outputs>;
    if (out != outputs) return with_sizes<T, outputs + 1>(out, vectors, f);
    if (vectors) return f(Outputs{}, std::integral_constant<int, Vec<T>::size>{});
    f(Outputs{}, std::integral_constant<int, 1>{});
  }
}

/// [rows, C] cut up for threads that own `width` channels.
Columns columns_of(int64_t rows, int64_t in, int width) { return {Shape{rows, in}, width}; }

}  // namespace

template <class T>
void forward(CudaContext& ctx, View<const T> x, View<const T> weight, View<const T> bias,
             View<T> y) {
  const int64_t out = weight.shape[0], in = weight.shape[1], rows = y.numel() / out;
  if (rows == 0) return;
  const bool vectors = fits_vec(x.data, in) && is_aligned(weight.data);
  with_sizes<T>(out, vectors, [&](auto outputs, auto width) {
    int lanes = 1;
    while (lanes < warp_threads && lanes * width < in) lanes *= 2;
    const int64_t threads = blocks_for(rows, held_rows) * lanes;
    launch(ctx, "narrow linear", forward_kernel<outputs, width, T>,
           dim3(static_cast<unsigned>(blocks_for(threads, block_threads))), dim3(block_threads), 0,
           rows, static_cast<int>(in), lanes, x.data, weight.data, bias.data, y.data);
  });
}

template <class T>
void backward_input(CudaContext& ctx, View<const T> weight, View<const T> dy, View<T> dx) {
  const int64_t out = weight.shape[0], in = weight.shape[1], rows = dx.numel() / in;
  if (rows == 0) return;
  const bool vectors = fits_vec(dx.data, in) && is_aligned(weight.data);
  with_sizes<T>(out, vectors, [&](auto outputs, auto width) {
    const Columns g = columns_of(rows, in, width);
    launch(ctx, "narrow linear dx", input_kernel<outputs, width, T>, g.blocks(),
           dim3(block_threads), 0, g, weight.data, dy.data, dx.data);
  });
}

template <class T>
void backward_weight(CudaContext& ctx, View<const T> x, View<const T> dy, View<float> dweight) {
  const int64_t out = dweight.shape[0], in = dweight.shape[1], rows = x.numel() / in;
  with_sizes<T>(out, fits_vec(x.data, in), [&](auto outputs, auto width) {
    const Columns g = columns_of(rows, in, width);
    const Shape parts{g.chunks == 1 ? 0 : g.chunks, out, in};
    const Tensor sums = Tensor::empty(parts, DType::f32, ctx.memory());
    launch(ctx, "narrow linear dweight", weight_kernel<outputs, width, T>, g.blocks(),
           dim3(block_threads), 0, g, x.data, dy.data,
           g.chunks == 1 ? dweight.data : sums.data<float>());
    if (g.chunks > 1)
      kernels::sum_middle<float>(ctx, sums.view<const float>(), 1, g.chunks, out * in, 1, dweight);
  });
}

#define WEFT_INSTANTIATE(T)                                                                     \
  template void forward<T>(CudaContext&, View<const T>, View<const T>, View<const T>, View<T>); \
  template void backward_input<T>(CudaContext&, View<const T>, View<const T>, View<T>);         \
  template void backward_weight<T>(CudaContext&, View<const T>, View<const T>, View<float>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::narrow_linear
