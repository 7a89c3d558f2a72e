// conv2d forward and backward_input on tensor cores from Ampere on (mma.sync). A block makes BM x BN
// of the result, each warp 64 x 64 (or 64 x 32), from stages of 128 bytes of k. A warp loads the
// fragments of one step, and rounds f32 to TF32, while the tensor cores work on the step before.
#include "ops/conv2d_tensor_cuda.cuh"
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
  if (args.columns <= 64)
    start<T, BlockShape<128, 64>>(ctx, name, args);
  else if (blocks_for(args.pixels(), 256) * blocks_for(args.columns, 128) >= 200)
    start<T, BlockShape<256, 128>>(ctx, name, args);
  else
    start<T, BlockShape<128, 128>>(ctx, name, args);
}

constexpr int transpose_tile = 32;

/// out[c, t, k] = weight[k, t, c]
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
      out[(int64_t{c} * taps + t) * k_extent + k] = tile[threadIdx.x][row];
  }
}

/// What both directions ask of the channels that are summed.
template <class T>
bool fits(const CudaContext& ctx, int64_t depth, const T* from, const T* weight) {
  return allowed<T>(ctx) && depth % Vec<T>::size == 0 && is_aligned(from) && is_aligned(weight);
}

}  // namespace

template <class T>
Tensor transposed(CudaContext& ctx, View<const T> weight) {
  const Shape& shape = weight.shape;
  const auto k = static_cast<int>(shape[0]), c = static_cast<int>(shape[3]);
  const auto taps = static_cast<int>(shape[1] * shape[2]);
  const Tensor turned = Tensor::empty(shape, dtype_of<T>(), ctx.memory());
  launch(ctx, "conv2d transpose", transpose_kernel<T>,
         dim3(static_cast<unsigned>(blocks_for(c, transpose_tile)),
              static_cast<unsigned>(blocks_for(k, transpose_tile)), static_cast<unsigned>(taps)),
         dim3(transpose_tile, 8), 0, weight.data, k, taps, c, turned.data<T>());
  return turned;
}

template <class T>
bool forward(CudaContext& ctx, const Conv2dShape& s, View<const T> x, View<const T> weight,
             View<const T> bias, View<T> y) {
  if (!fits(ctx, s.c, x.data, weight.data)) return false;
  const auto gather = forward_gather(s);
  if (!gather) return false;
  GatherArgs<T> args{*gather, x.data, weight.data, bias.data, y.data};
  run(ctx, "conv2d_forward", args);
  return true;
}

template <class T>
bool backward_input(CudaContext& ctx, const Conv2dShape& s, View<const T> weight, View<const T> dy,
                    View<T> dx) {
  if (!fits<T>(ctx, s.k, dy.data, nullptr)) return false;
  const auto gather = backward_gather(s);
  if (!gather) return false;
  const Tensor turned = transposed(ctx, weight);
  GatherArgs<T> args{*gather, dy.data, turned.data<const T>(), nullptr, dx.data};
  run(ctx, "conv2d_backward_input", args);
  return true;
}

#define WEFT_INSTANTIATE(T)                                                                    \
  template Tensor transposed(CudaContext&, View<const T>);                                     \
  template bool forward(CudaContext&, const Conv2dShape&, View<const T>, View<const T>,        \
                        View<const T>, View<T>);                                               \
  template bool backward_input(CudaContext&, const Conv2dShape&, View<const T>, View<const T>, \
                               View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::tensor_conv
