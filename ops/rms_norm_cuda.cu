// rms_norm on the GPU: up to 32 lanes of a warp own a row (fewer for short rows); a lane takes
// elements lane, lane + lanes, .. in order, and lanes are combined pairwise by shuffles. dweight is
// column sums in batch norm's grid, whose chunks a warp combines in double.
#include "engine/cuda/element.cuh"
#include "ops/batch_norm_cuda.cuh"
#include "ops/rms_norm.h"

namespace weft::kernels {
namespace {

constexpr unsigned whole_warp = 0xFFFFFFFFU;

/// One row as its lanes see it; every lane of a warp goes through the same shuffles, with a row or
/// without.
struct Row {
  int64_t index, first = 0, width = 0;
  int lane, lanes;
  bool inside;

  __device__ Row(int64_t rows, int64_t width_, int lanes_) : lanes(lanes_) {
    const int64_t thread = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    index = thread / lanes;
    lane = static_cast<int>(thread % lanes);
    inside = index < rows;
    if (inside) first = index * width_, width = width_;
  }
  /// The sum of f(i) over the row, i from its start, in every lane.
  template <class F>
  __device__ float sum(F f) const {
    float total = 0;
    for (int64_t i = lane; i < width; i += lanes) total += f(i);
    for (int step = 1; step < lanes; step *= 2) total += __shfl_xor_sync(whole_warp, total, step);
    return total;
  }
};

template <class T>
__global__ void forward_kernel(int64_t rows, int64_t width, int lanes, const T* x,
                               const float* weight, double eps, float* r, T* y) {
  const Row row(rows, width, lanes);
  const T* v = x + row.first;
  const float square = row.sum([=](int64_t i) { return load(v + i) * load(v + i); });
  if (!row.inside) return;
  const auto scale =
      static_cast<float>(1 / sqrt(static_cast<double>(square) / static_cast<double>(width) + eps));
  if (row.lane == 0) r[row.index] = scale;
  for (int64_t i = row.lane; i < width; i += lanes)
    store(y + row.first + i, load(v + i) * scale * weight[i]);
}

template <class T>
__global__ void backward_input_kernel(int64_t rows, int64_t width, int lanes, const T* x,
                                      const float* weight, const float* r, const T* dy, T* dx) {
  const Row row(rows, width, lanes);
  const T *v = x + row.first, *d = dy + row.first;
  const float dot = row.sum([=](int64_t i) { return load(d + i) * weight[i] * load(v + i); });
  if (!row.inside) return;
  const float scale = r[row.index], slope = dot / static_cast<float>(width) * scale * scale;
  for (int64_t i = row.lane; i < width; i += lanes)
    store(dx + row.first + i, scale * (load(d + i) * weight[i] - load(v + i) * slope));
}

/// By chunk of rows and channel, the sum of dy x r.
template <class T>
__global__ void column_sums_kernel(Grid g, const T* x, const float* r, const T* dy, float* sums) {
  const GridPlace at(g);
  float sum[1] = {};
  if (at.inside)
    for (int64_t row = at.first + at.down; row < at.end; row += g.down) {
      const int64_t i = at.element(g, row);
      sum[0] += load(dy + i) * (load(x + i) * r[row]);
    }
  combine_down(g, sum);
  if (at.inside && at.down == 0) sums[int64_t{blockIdx.y} * g.channels + at.channel] = sum[0];
}

struct Total {
  double value = 0;

  __device__ void add(const Total& other) { value += other.value; }
  __device__ Total from_lane(int offset) const {
    return {__shfl_down_sync(whole_warp, value, offset)};
  }
};

__global__ void combine_columns_kernel(Grid g, const float* sums, float* dweight) {
  const int c = blockIdx.x * channels_a_block + threadIdx.x / warp_threads;
  if (c >= g.channels) return;
  const Total all = combine_chunks<Total>(
      g.chunks, [&](int chunk) { return Total{sums[int64_t{chunk} * g.channels + c]}; });
  if (threadIdx.x % warp_threads == 0) dweight[c] = static_cast<float>(all.value);
}

/// kernel(rows, width, lanes, arguments...) over the rows of `shape`.
template <class Kernel, class... Arguments>
void over_rows(CudaContext& ctx, const char* name, const Shape& shape, Kernel kernel,
               Arguments... arguments) {
  if (shape.numel() == 0) return;
  const int64_t width = shape.back(), rows = shape.numel() / width;
  int lanes = 1;
  while (lanes < warp_threads && 2 * lanes < width) lanes *= 2;
  launch(ctx, name, kernel, dim3(static_cast<unsigned>(blocks_for(rows * lanes, block_threads))),
         dim3(block_threads), 0, rows, width, lanes, arguments...);
}

}  // namespace

template <class T>
void rms_norm_forward(CudaContext& ctx, View<const T> x, View<const stat_t<T>> weight, double eps,
                      View<stat_t<T>> r, View<T> y) {
  over_rows(ctx, "rms_norm", x.shape, forward_kernel<T>, x.data, weight.data, eps, r.data, y.data);
}

template <class T>
void rms_norm_backward_input(CudaContext& ctx, View<const T> x, View<const stat_t<T>> weight,
                             View<const stat_t<T>> r, View<const T> dy, View<T> dx) {
  over_rows(ctx, "rms_norm_backward", x.shape, backward_input_kernel<T>, x.data, weight.data,
            r.data, dy.data, dx.data);
}

template <class T>
void rms_norm_backward_weight(CudaContext& ctx, View<const T> x, View<const stat_t<T>> r,
                              View<const T> dy, View<stat_t<T>> dweight) {
  if (dweight.numel() == 0) return;
  const Grid g(x.shape, 1, 1);
  const Tensor parts = Tensor::empty({static_cast<int64_t>(g.parts())}, DType::f32, ctx.memory());
  launch(ctx, "rms_norm columns", column_sums_kernel<T>, g.blocks(), dim3(block_threads), 0, g,
         x.data, r.data, dy.data, parts.data<float>());
  launch(ctx, "rms_norm dweight", combine_columns_kernel,
         dim3(static_cast<unsigned>(blocks_for(g.channels, channels_a_block))), dim3(block_threads),
         0, g, parts.data<float>(), dweight.data);
}

#define WEFT_INSTANTIATE(T)                                                                 \
  template void rms_norm_forward<T>(CudaContext&, View<const T>, View<const float>, double, \
                                    View<float>, View<T>);                                  \
  template void rms_norm_backward_input<T>(CudaContext&, View<const T>, View<const float>,  \
                                           View<const float>, View<const T>, View<T>);      \
  template void rms_norm_backward_weight<T>(CudaContext&, View<const T>, View<const float>, \
                                            View<const T>, View<float>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
