// conv2d backward_weight on tensor cores: dweight[k, t, c] = sum over the pixels m that tap t sees
// inside the image of dy[m, k] x[source(m, t), c]. Each tap sums over its own rectangle of pixels,
// in pieces of fixed length that depend on the sizes alone; a block makes BM x BN of one piece, and
// a second kernel adds the pieces in order. f32 is rounded to TF32 on the way into the cores.
// Shared rows are pixels; their pitch of 8 words more than a multiple of 32 keeps the reads along
// pixels (lanes l % 4) and channels (l / 4) in different banks.
#include <algorithm>

#include "engine/cuda/element.cuh"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/mma.cuh"
#include "ops/conv2d_tensor_cuda.cuh"

namespace weft::tensor_conv {
namespace {

constexpr int step_pixels = 32, max_taps = 9, pad = 8;
// Some blocks for each multiprocessor of a large card, on any card, if pieces stay long; but for
// two each pieces may be short.
constexpr int wanted_blocks = 1056, long_piece = 512, needed_blocks = 264, short_piece = 128;

struct TapArea {
  int p, q, h, w;  ///< first output pixel that sees the image, and what it reads
  int rows, columns;
  int first_piece, pieces;
};

struct OuterArgs {
  const float *x, *dy;
  float* parts;  ///< [pieces of all taps][k][c]
  int k, c, images, in_height, in_width, out_height, out_width, stride, piece;
  int taps;
  TapArea tap[max_taps];
};

/// The place of a pixel in a tap's area, moved on by a fixed number of pixels.
struct Walker {
  int image, i, j;
  int by_rows, by_columns;
  __device__ Walker(int m, int step, const TapArea& area)
      : by_rows(step / area.columns), by_columns(step % area.columns) {
    j = m % area.columns;
    const int rest = m / area.columns;
    i = rest % area.rows;
    image = rest / area.rows;
  }
  __device__ void advance(const TapArea& area) {
    j += by_columns;
    i += by_rows;
    if (j >= area.columns) {
      j -= area.columns;
      ++i;
    }
    while (i >= area.rows) {
      i -= area.rows;
      ++image;
    }
  }
};

/// What a block is made of: warps of 64 x 64 (or 32 x 32).
template <int tile_m, int tile_n>
struct BlockShape {
  static constexpr int m = tile_m, n = tile_n;
  static constexpr int warp = tile_n >= 128 ? 64 : 32;
  static constexpr int across = tile_n / warp, warps = tile_m / warp * across;
  static constexpr int threads = 32 * warps;
  static constexpr int stages = warps > 4 ? 4 : 3;
  static constexpr int left_pitch = tile_m + pad, right_pitch = tile_n + pad;
  static constexpr int stage_words = step_pixels * (left_pitch + right_pitch);
  static constexpr int resident = warps > 4 ? 1 : 2;  ///< blocks a multiprocessor holds at once
};

template <class B>
__global__ void __launch_bounds__(B::threads, B::resident)
    outer_kernel(const __grid_constant__ OuterArgs a) {
  constexpr int m_tiles = B::warp / 16, n_tiles = B::warp / 8;
  constexpr int left_pitch = B::left_pitch, right_pitch = B::right_pitch;
  constexpr int row_threads = B::threads / step_pixels, steps_a_stage = step_pixels / 8;
  extern __shared__ __align__(128) float tiles[];
  const uint32_t shared = mma::shared_address(tiles);
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  const int first_k = blockIdx.y * B::m, first_c = blockIdx.x * B::n;

  int t = 0;
  while (t + 1 < a.taps && a.tap[t + 1].first_piece <= static_cast<int>(blockIdx.z)) ++t;
  const TapArea& area = a.tap[t];
  const int begin = (static_cast<int>(blockIdx.z) - area.first_piece) * a.piece;
  const int end = min(begin + a.piece, a.images * area.rows * area.columns);
  const int steps = (end - begin + step_pixels - 1) / step_pixels;

  // This thread copies every row_threads-th chunk of one pixel's channels.
  const int row = thread / row_threads, chunk = thread % row_threads;
  int m = begin + row;
  Walker at(m, step_pixels, area);
  const auto copy_stage = [&](int stage) {
    const uint32_t left = shared + stage * B::stage_words * 4;
    const uint32_t right = left + step_pixels * left_pitch * 4;
    const bool inside = m < end;
    const int64_t to =
        (int64_t{at.image} * a.out_height + area.p + at.i) * a.out_width + area.q + at.j;
    const int64_t from = (int64_t{at.image} * a.in_height + area.h + at.i * a.stride) * a.in_width +
                         area.w + at.j * a.stride;
    const float* const dy = a.dy + to * a.k;
    const float* const x = a.x + from * a.c;
#pragma unroll
    for (int i = 0; i < B::m / (4 * row_threads); ++i) {
      const int channel = 4 * (chunk + row_threads * i);
      const bool valid = inside && first_k + channel < a.k;
      mma::copy_async(left + (row * left_pitch + channel) * 4,
                      valid ? dy + first_k + channel : a.dy, valid);
    }
#pragma unroll
    for (int i = 0; i < B::n / (4 * row_threads); ++i) {
      const int channel = 4 * (chunk + row_threads * i);
      const bool valid = inside && first_c + channel < a.c;
      mma::copy_async(right + (row * right_pitch + channel) * 4,
                      valid ? x + first_c + channel : a.x, valid);
    }
    m += step_pixels;
    at.advance(area);
  };

  float sum[m_tiles][n_tiles][4] = {};
  float left[2][m_tiles][4], right[2][n_tiles][2];
  const int warp_row = warp / B::across * B::warp, warp_column = warp % B::across * B::warp;
  const int group = lane / 4, pixel = lane % 4;
  const auto load_step = [&](int stage, int step, int to) {
    const float* const left_at = tiles + stage * B::stage_words;
    const float* const right_at = left_at + step_pixels * left_pitch;
    const float* const l0 = left_at + (8 * step + pixel) * left_pitch + warp_row + group;
    const float* const r0 = right_at + (8 * step + pixel) * right_pitch + warp_column + group;
#pragma unroll
    for (int i = 0; i < m_tiles; ++i)
#pragma unroll
      for (int e = 0; e < 4; ++e) left[to][i][e] = l0[16 * i + e % 2 * 8 + e / 2 * 4 * left_pitch];
#pragma unroll
    for (int j = 0; j < n_tiles; ++j)
#pragma unroll
      for (int e = 0; e < 2; ++e) right[to][j][e] = r0[8 * j + e * 4 * right_pitch];
  };
  const auto multiply_step = [&](int from) {
    uint32_t a_fragment[m_tiles][4], b_fragment[n_tiles][2];
#pragma unroll
    for (int i = 0; i < m_tiles; ++i)
#pragma unroll
      for (int e = 0; e < 4; ++e)
        a_fragment[i][e] = mma::to_tf32(__float_as_uint(left[from][i][e]));
#pragma unroll
    for (int j = 0; j < n_tiles; ++j)
#pragma unroll
      for (int e = 0; e < 2; ++e)
        b_fragment[j][e] = mma::to_tf32(__float_as_uint(right[from][j][e]));
#pragma unroll
    for (int i = 0; i < m_tiles; ++i)
#pragma unroll
      for (int j = 0; j < n_tiles; ++j)
        mma::multiply<float>(sum[i][j], a_fragment[i], b_fragment[j][0], b_fragment[j][1]);
  };

  mma::pipeline<B::stages, steps_a_stage>(steps, copy_stage, load_step, multiply_step);

  float* const out = a.parts + int64_t{blockIdx.z} * a.k * a.c;
#pragma unroll
  for (int i = 0; i < m_tiles; ++i)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int k = first_k + warp_row + 16 * i + 8 * half + group;
      if (k >= a.k) continue;
#pragma unroll
      for (int j = 0; j < n_tiles; ++j) {
        const int c = first_c + warp_column + 8 * j + 2 * pixel;
        if (c < a.c)  // c is even, and so is a.c
          store_pair(out + int64_t{k} * a.c + c, sum[i][j][2 * half], sum[i][j][2 * half + 1]);
      }
    }
}

/// dweight[k, t, c] = the sum over tap t's pieces, in order, four channels a thread.
void add_pieces(CudaContext& ctx, const OuterArgs& args, float* dweight) {
  const int64_t slab = int64_t{args.k} * args.c;
  const int c4 = args.c / 4, taps = args.taps;
  const OuterArgs a = args;
  for_each(ctx, "conv2d_backward_weight sum", int64_t{args.k} * taps * c4,
           [=] __device__(int64_t i) {
             const int c = static_cast<int>(i % c4) * 4, t = static_cast<int>(i / c4 % taps);
             const int64_t k = i / c4 / taps;
             float4 sum = make_float4(0, 0, 0, 0);
             const float* from = a.parts + a.tap[t].first_piece * slab + k * a.c + c;
             for (int piece = 0; piece < a.tap[t].pieces; ++piece, from += slab) {
               const float4 v = *reinterpret_cast<const float4*>(from);
               sum.x += v.x, sum.y += v.y, sum.z += v.z, sum.w += v.w;
             }
             *reinterpret_cast<float4*>(dweight + (k * taps + t) * a.c + c) = sum;
           });
}

template <class B>
void start(CudaContext& ctx, const OuterArgs& args, int pieces) {
  constexpr int bytes = B::stages * B::stage_words * 4;
  static const cudaError_t granted =
      cudaFuncSetAttribute(outer_kernel<B>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  check(granted, "conv2d_backward_weight");
  launch(ctx, "conv2d_backward_weight", outer_kernel<B>,
         dim3(static_cast<unsigned>((args.c + B::n - 1) / B::n),
              static_cast<unsigned>((args.k + B::m - 1) / B::m), static_cast<unsigned>(pieces)),
         dim3(B::threads), bytes, args);
}

/// Pieces of each tap's pixels.
int divide(OuterArgs& args, const Conv2dShape& s, int64_t tile_m, int64_t tile_n) {
  int64_t most = 1;
  for (int t = 0; t < args.taps; ++t)
    most = std::max<int64_t>(most, int64_t{args.images} * args.tap[t].rows * args.tap[t].columns);
  const int64_t tiles = args.taps * blocks_for(s.k, tile_m) * blocks_for(s.c, tile_n);
  const int64_t each =
      std::max({int64_t{1}, std::min(wanted_blocks / tiles, blocks_for(most, long_piece)),
                std::min(needed_blocks / tiles, blocks_for(most, short_piece))});
  args.piece = static_cast<int>((most / each + step_pixels) / step_pixels * step_pixels);
  int pieces = 0;
  for (int t = 0; t < args.taps; ++t) {
    const int pixels = args.images * args.tap[t].rows * args.tap[t].columns;
    args.tap[t].first_piece = pieces;
    args.tap[t].pieces = (pixels + args.piece - 1) / args.piece;
    pieces += args.tap[t].pieces;
  }
  return pieces;
}

}  // namespace

template <>
bool backward_weight(CudaContext& ctx, const Conv2dShape& s, View<const float> x,
                     View<const float> dy, View<float> dweight) {
  const Conv2dOptions& o = s.options;
  constexpr int64_t most = int64_t{1} << 31;
  if (s.input_pixels() * s.c >= most || s.output_pixels() * s.k >= most) return false;
  if (!allowed<float>(ctx) || s.taps() > max_taps || s.c % 4 != 0 || s.k % 4 != 0 ||
      o.stride.h != o.stride.w || !is_aligned(x.data) || !is_aligned(dy.data) ||
      !is_aligned(dweight.data))
    return false;
  OuterArgs args{};
  args.x = x.data;
  args.dy = dy.data;
  args.k = static_cast<int>(s.k);
  args.c = static_cast<int>(s.c);
  args.images = static_cast<int>(s.n);
  args.in_height = static_cast<int>(s.h);
  args.in_width = static_cast<int>(s.w);
  args.out_height = static_cast<int>(s.p);
  args.out_width = static_cast<int>(s.q);
  args.stride = static_cast<int>(o.stride.h);
  args.taps = static_cast<int>(s.taps());
  for (int t = 0; t < args.taps; ++t) {
    const auto rows = s.valid_rows(t / s.s), columns = s.valid_columns(t % s.s);
    TapArea& area = args.tap[t];
    area.p = static_cast<int>(rows.begin);
    area.q = static_cast<int>(columns.begin);
    area.h = static_cast<int>(rows.begin * o.stride.h + t / s.s * o.dilation.h - o.padding.h);
    area.w = static_cast<int>(columns.begin * o.stride.w + t % s.s * o.dilation.w - o.padding.w);
    area.rows = static_cast<int>(rows.size());
    area.columns = static_cast<int>(columns.size());
  }
  // Large tiles read less; small layers would leave most of one unused.
  const int64_t tile_m = s.k >= 256 && s.c >= 128 ? 256 : s.k > 64 && s.c > 64 ? 128 : 64;
  const int64_t tile_n = std::min<int64_t>(tile_m, 128);
  const int pieces = divide(args, s, tile_m, tile_n);
  const Tensor parts = Tensor::empty({std::max(1, pieces), s.k, s.c}, DType::f32, ctx.memory());
  args.parts = parts.data<float>();
  if (pieces > 0) {
    if (tile_m == 256)
      start<BlockShape<256, 128>>(ctx, args, pieces);
    else if (tile_m == 128)
      start<BlockShape<128, 128>>(ctx, args, pieces);
    else
      start<BlockShape<64, 64>>(ctx, args, pieces);
  }
  add_pieces(ctx, args, dweight.data);
  return true;
}

template <>
bool backward_weight(CudaContext&, const Conv2dShape&, View<const bf16_t>, View<const bf16_t>,
                     View<float>) {
  return false;  // bf16 pairs lie along channels, not along the pixels that are summed
}

}  // namespace weft::tensor_conv
