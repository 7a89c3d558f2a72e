// conv2d forward and backward_input on tensor cores from Ampere on (mma.sync); Hopper has
// instructions of its own (conv2d_hopper_cuda.cu). A block makes BM x BN of the result, each warp
// 64 x 64 (or 64 x 32), from stages of 128 bytes of k. A warp loads the fragments of one step while
// the tensor cores work on the step before.
#include "ops/conv2d_tiles_cuda.cuh"

namespace weft::tensor_conv {
namespace {

/// What a block is made of.
template <int tile_m, int tile_n>
struct BlockShape {
  static constexpr int m = tile_m, n = tile_n;
  static constexpr int warp_n = tile_n >= 128 ? 64 : 32;
  static constexpr int across = tile_n / warp_n, warps = tile_m / 64 * across;
  static constexpr int threads = 32 * warps;
  static constexpr int stages = warps > 4 ? 4 : 3;
  static constexpr int stage_bytes = (tile_m + tile_n) * row_bytes, bytes = stages * stage_bytes;
  static constexpr int resident = warps > 4 ? 1 : 2;  ///< blocks a multiprocessor holds at once
};

template <class T, class B>
__global__ void __launch_bounds__(B::threads, B::resident)
    gather_kernel(const __grid_constant__ GatherArgs<T> a) {
  constexpr int m_tiles = 4, n_tiles = B::warp_n / 8;
  constexpr int steps_a_stage = row_bytes / mma::step_bytes;
  extern __shared__ __align__(128) unsigned char memory[];
  const uint32_t shared = mma::shared_address(memory);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int first_n = blockIdx.x * B::n;
  const BlockStart<T> tile(a, B::m);
  const Run& rows = a.rows.run[a.list[tile.index].row_run];
  const Run& cols = a.cols.run[a.list[tile.index].column_run];
  Copier<T, B::m, B::n, B::threads> copier(a, rows, cols, tile.first_m, first_n);

  float sum[m_tiles][n_tiles][4] = {};
  uint32_t left[2][m_tiles][4], right[2][n_tiles / 2][4];
  const int warp_row = warp / B::across * 64, warp_column = warp % B::across * B::warp_n;
  const auto load_step = [&](int stage, int step, int to) {
    const uint32_t pixels_at = shared + stage * B::stage_bytes;
    const uint32_t weights_at = pixels_at + B::m * row_bytes;
#pragma unroll
    for (int i = 0; i < m_tiles; ++i)
      mma::load_matrices(left[to][i],
                         pixels_at + swizzled(warp_row + 16 * i + lane % 16, 2 * step + lane / 16));
#pragma unroll
    for (int j = 0; j < n_tiles / 2; ++j)
      mma::load_matrices(right[to][j],
                         weights_at + swizzled(warp_column + 16 * j + lane % 8 + lane / 16 * 8,
                                               2 * step + lane / 8 % 2));
  };
  const auto multiply_step = [&](int from) {
#pragma unroll
    for (int i = 0; i < m_tiles; ++i) mma::round_fragment<T>(left[from][i]);
#pragma unroll
    for (int j = 0; j < n_tiles / 2; ++j) mma::round_fragment<T>(right[from][j]);
#pragma unroll
    for (int i = 0; i < m_tiles; ++i)
#pragma unroll
      for (int j = 0; j < n_tiles; ++j)
        mma::multiply<T>(sum[i][j], left[from][i], right[from][j / 2][j % 2 * 2],
                         right[from][j / 2][j % 2 * 2 + 1]);
  };

  const auto copy_stage = [&](int stage) { copier.copy(shared + stage * B::stage_bytes); };
  mma::pipeline<B::stages, steps_a_stage>(copier.begin_piece(), copy_stage, load_step,
                                          multiply_step);

#pragma unroll
  for (int i = 0; i < m_tiles; ++i)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const Output<T> out(a, rows, cols, tile.first_m + warp_row + 16 * i + 8 * half + lane / 4);
#pragma unroll
      for (int j = 0; j < n_tiles; ++j)
        out.write(first_n + warp_column + 8 * j + lane % 4 * 2, sum[i][j][2 * half],
                  sum[i][j][2 * half + 1]);
    }
}

template <class T, class B>
void start(CudaContext& ctx, const char* name, GatherArgs<T>& args) {
  start_tiles<B>(ctx, name, gather_kernel<T, B>, args);
}

/// The tile is chosen by sizes alone: large ones where there are enough of them for any card.
template <class T>
void run(CudaContext& ctx, const char* name, GatherArgs<T>& args) {
  args.pairs = args.columns % 2 == 0 && is_aligned(args.to);
  if (gather_on_hopper(ctx, name, args)) return;
  if (args.columns <= 64)
    start<T, BlockShape<128, 64>>(ctx, name, args);
  else if (blocks_for(args.pixels(), 256) * blocks_for(args.columns, 128) >= 200)
    start<T, BlockShape<256, 128>>(ctx, name, args);
  else
    start<T, BlockShape<128, 128>>(ctx, name, args);
}

/// In f32, rounded to TF32; bf16 as it is.
template <class T>
__device__ T rounded(T value) {
  if constexpr (sizeof(T) == 4)
    return __uint_as_float(mma::to_tf32(__float_as_uint(value)));
  else
    return value;
}

/// The weight as the tensor cores take it: itself in bf16, a rounded copy in f32.
template <class T>
Tensor prepared(CudaContext& ctx, View<const T> weight) {
  const Tensor copy = Tensor::empty(weight.shape, dtype_of<T>(), ctx.memory());
  const T* from = weight.data;
  T* to = copy.data<T>();
  for_each(ctx, "conv2d round", weight.numel(),
           [=] __device__(int64_t i) { to[i] = rounded(from[i]); });
  return copy;
}

constexpr int transpose_tile = 32;

/// out[c, t, k] = weight[k, t, c], rounded
template <class T>
__global__ void transpose_kernel(const T* weight, int k_extent, int taps, int c_extent, T* out) {
  __shared__ T tile[transpose_tile][transpose_tile + 1];
  const int t = blockIdx.z, c0 = blockIdx.x * transpose_tile, k0 = blockIdx.y * transpose_tile;
  for (int row = threadIdx.y; row < transpose_tile; row += blockDim.y) {
    const int k = k0 + row, c = c0 + static_cast<int>(threadIdx.x);
    if (k < k_extent && c < c_extent)
      tile[row][threadIdx.x] = weight[(int64_t{k} * taps + t) * c_extent + c];
  }
  __syncthreads();
  for (int row = threadIdx.y; row < transpose_tile; row += blockDim.y) {
    const int c = c0 + row, k = k0 + static_cast<int>(threadIdx.x);
    if (k < k_extent && c < c_extent)
      out[(int64_t{c} * taps + t) * k_extent + k] = rounded(tile[threadIdx.x][row]);
  }
}

/// What both directions ask of a shape; offsets inside a kernel are 32 bits.
template <class T>
bool fits(const Conv2dShape& s, int64_t depth) {
  constexpr int64_t most = int64_t{1} << 31;
  return s.r <= max_taps && s.s <= max_taps && depth % (16 / sizeof(T)) == 0 &&
         s.input_pixels() * s.c < most && s.output_pixels() * s.k < most;
}

}  // namespace

template <class T>
bool forward(CudaContext& ctx, const Conv2dShape& s, View<const T> x, View<const T> weight,
             View<const T> bias, View<T> y) {
  if (!allowed<T>(ctx) || !fits<T>(s, s.c) || !is_aligned(x.data) || !is_aligned(weight.data))
    return false;
  const Conv2dOptions& o = s.options;
  if (o.stride.h != o.stride.w) return false;
  GatherArgs<T> args{};
  args.from = x.data;
  const Tensor copy = prepared(ctx, weight);
  args.weight = copy.data<const T>();
  args.bias = bias.data;
  args.to = y.data;
  args.depth = static_cast<int>(s.c);
  args.columns = static_cast<int>(s.k);
  args.kernel_width = static_cast<int>(s.s);
  args.taps = static_cast<int>(s.taps());
  args.images = static_cast<int>(s.n);
  args.step = 1;
  args.source_step = static_cast<int>(o.stride.h);
  const auto source = [](int64_t stride, int64_t dilation, int64_t padding) {
    return
        [=](int at, int tap) { return static_cast<int>(at * stride + tap * dilation - padding); };
  };
  if (!build_axis(args.rows, static_cast<int>(s.p), static_cast<int>(s.h), static_cast<int>(s.r), 1,
                  source(o.stride.h, o.dilation.h, o.padding.h)) ||
      !build_axis(args.cols, static_cast<int>(s.q), static_cast<int>(s.w), static_cast<int>(s.s), 1,
                  source(o.stride.w, o.dilation.w, o.padding.w)))
    return false;
  if (s.output_pixels() > 0) run(ctx, "conv2d_forward", args);
  return true;
}

template <class T>
bool backward_input(CudaContext& ctx, const Conv2dShape& s, View<const T> weight, View<const T> dy,
                    View<T> dx) {
  if (!allowed<T>(ctx) || !fits<T>(s, s.k) || !is_aligned(dy.data)) return false;
  const Conv2dOptions& o = s.options;
  if (o.stride.h != o.stride.w) return false;
  const int stride = static_cast<int>(o.stride.h);
  GatherArgs<T> args{};
  args.from = dy.data;
  args.to = dx.data;
  args.depth = static_cast<int>(s.k);
  args.columns = static_cast<int>(s.c);
  args.kernel_width = static_cast<int>(s.s);
  args.taps = static_cast<int>(s.taps());
  args.images = static_cast<int>(s.n);
  args.step = stride;
  args.source_step = 1;
  const auto source = [stride](int64_t dilation, int64_t padding) {
    return [=](int at, int tap) {  // -1 where no output reads this pixel by this tap
      const int times = static_cast<int>(at + padding - tap * dilation);
      return times >= 0 && times % stride == 0 ? times / stride : -1;
    };
  };
  if (!build_axis(args.rows, static_cast<int>(s.h), static_cast<int>(s.p), static_cast<int>(s.r),
                  stride, source(o.dilation.h, o.padding.h)) ||
      !build_axis(args.cols, static_cast<int>(s.w), static_cast<int>(s.q), static_cast<int>(s.s),
                  stride, source(o.dilation.w, o.padding.w)))
    return false;
  const Tensor turned = Tensor::empty(weight.shape, dtype_of<T>(), ctx.memory());
  launch(ctx, "conv2d transpose", transpose_kernel<T>,
         dim3(static_cast<unsigned>((s.c + transpose_tile - 1) / transpose_tile),
              static_cast<unsigned>((s.k + transpose_tile - 1) / transpose_tile),
              static_cast<unsigned>(s.taps())),
         dim3(transpose_tile, 8), 0, weight.data, static_cast<int>(s.k), static_cast<int>(s.taps()),
         static_cast<int>(s.c), turned.data<T>());
  args.weight = turned.data<T>();
  if (s.input_pixels() > 0) run(ctx, "conv2d_backward_input", args);
  return true;
}

#define WEFT_INSTANTIATE(T)                                                                    \
  template bool forward(CudaContext&, const Conv2dShape&, View<const T>, View<const T>,        \
                        View<const T>, View<T>);                                               \
  template bool backward_input(CudaContext&, const Conv2dShape&, View<const T>, View<const T>, \
                               View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::tensor_conv
