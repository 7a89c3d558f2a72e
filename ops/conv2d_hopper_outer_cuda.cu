// conv2d backward_weight by Hopper's wgmma and TMA (conv2d_hopper_outer_cuda.cuh): the arguments made
// on the host, f32 taken apart, the parts added up.
#include <array>
#include <optional>

#include "ops/conv2d_hopper_outer_cuda.cuh"
#include "ops/conv2d_hopper_plans_cuda.cuh"
#include "ops/conv2d_hopper_split_cuda.cuh"
#include "ops/conv2d_tensor_cuda.cuh"

namespace weft::hopper_conv {
namespace {

struct Taps {
  TapArgs list[most_taps];
};

/// dweight[k, t, c] = the sum over tap t's parts, in order, four channels a thread.
template <class Args>
void add_parts(CudaContext& ctx, const Args& args) {
  Taps taps;
  std::copy(args.list, args.list + most_taps, taps.list);
  const int c4 = args.c / 4, seen = args.taps, all = args.all_taps, c_extent = args.c;
  const int64_t slab = int64_t{args.k} * args.c;
  const float* const parts = args.parts;
  float* const dweight = args.dweight;
  for_each(ctx, "conv2d_backward_weight sum", int64_t{args.k} * seen * c4,
           [=] __device__(int64_t i) {
             const int c = static_cast<int>(i % c4) * 4, t = static_cast<int>(i / c4 % seen);
             const int64_t k = i / c4 / seen;
             const TapArgs& tap = taps.list[t];
             float4 sum = make_float4(0, 0, 0, 0);
             for (int share = tap.first_share; share <= tap.last_share; ++share) {
               const float4 v = __ldcs(
                   reinterpret_cast<const float4*>(parts + (t + share) * slab + k * c_extent + c));
               sum.x += v.x, sum.y += v.y, sum.z += v.z, sum.w += v.w;
             }
             float* const to = dweight + (k * all + tap.index) * c_extent + c;
             *reinterpret_cast<float4*>(to) = sum;
           });
}

/// The factors as the kernel reads them: bf16 as they are, f32 as two, or as one of three parts.
struct Factors {
  std::array<const bf16_t*, 2> x, dy;
};

/// [2][numel]: the nearest bf16, and what it leaves, rounded likewise.
Tensor split(CudaContext& ctx, View<const float> t) {
  const int64_t n = t.numel();
  const Shape both{2, n};
  const Tensor halves = Tensor::empty(both, DType::bf16, ctx.memory());
  const float* const from = t.data;
  bf16_t *const high = halves.data<bf16_t>(), *const low = high + n;
  for_each(ctx, "conv2d split", n / 4, [=] __device__(int64_t i) {
    const float4 v = reinterpret_cast<const float4*>(from)[i];
    const float values[] = {v.x, v.y, v.z, v.w};
    float left[4];
#pragma unroll
    for (int e = 0; e < 4; ++e)
      left[e] = values[e] - __bfloat162float(__float2bfloat16_rn(values[e]));
    store_pair(high + 4 * i, v.x, v.y);
    store_pair(high + 4 * i + 2, v.z, v.w);
    store_pair(low + 4 * i, left[0], left[1]);
    store_pair(low + 4 * i + 2, left[2], left[3]);
  });
  return halves;
}

/// A tap's box of pixels in x, `step` apart, or in dy; where it begins is left to say.
PixelBox box_in(int64_t images, int64_t height, int64_t width, int64_t channels, Extent2 step,
                int64_t rows, int64_t columns) {
  return {.at = nullptr,
          .channels = static_cast<int>(channels),
          .columns = static_cast<int>(columns),
          .rows = static_cast<int>(rows),
          .images = static_cast<int>(images),
          .column_stride = channels * step.w,
          .row_stride = width * channels * step.h,
          .image_stride = height * width * channels};
}

/// The taps' boxes and maps. Nothing where there are too many taps, or none sees the image.
template <class B, class Args>
std::optional<Args> plan_outer(const Conv2dShape& s, const Factors& f, float* dweight) {
  const Conv2dOptions& o = s.options;
  if (s.taps() > most_taps || s.output_pixels() >= int64_t{1} << 31) return std::nullopt;
  Args a{};
  a.k = static_cast<int>(s.k);
  a.c = static_cast<int>(s.c);
  a.k_part = static_cast<int>(part_channels(s.k));
  a.c_part = static_cast<int>(part_channels(s.c));
  const int64_t k_pitch = B::parts == 1 ? s.k : B::parts * a.k_part;
  const int64_t c_pitch = B::parts == 1 ? s.c : B::parts * a.c_part;
  a.all_taps = static_cast<int>(s.taps());
  a.dweight = dweight;
  for (int t = 0; t < a.all_taps; ++t) {
    const auto rows = s.valid_rows(t / s.s), columns = s.valid_columns(t % s.s);
    if (s.n == 0 || rows.size() == 0 || columns.size() == 0) continue;
    TapArgs& tap = a.list[a.taps];
    tap = {t, static_cast<int>(rows.size()), static_cast<int>(columns.size()), a.stages, 0, 0, 0};
    tap.stages = static_cast<int>(blocks_for(s.n * rows.size() * columns.size(), stage_pixels)) *
                 Args::terms;
    a.stages += tap.stages;
    const int64_t h = rows.begin * o.stride.h + t / s.s * o.dilation.h - o.padding.h;
    const int64_t w = columns.begin * o.stride.w + t % s.s * o.dilation.w - o.padding.w;
    PixelBox out = box_in(s.n, s.p, s.q, k_pitch, 1, rows.size(), columns.size());
    PixelBox in = box_in(s.n, s.h, s.w, c_pitch, o.stride, rows.size(), columns.size());
    for (int i = 0; i < Args::halves; ++i) {
      out.at = f.dy[i] + (rows.begin * s.q + columns.begin) * k_pitch;
      in.at = f.x[i] + (h * s.w + w) * c_pitch;
      a.dy[i][a.taps] = pixel_map(MapType::bf16, out, stage_pixels);
      a.x[i][a.taps] = pixel_map(MapType::bf16, in, stage_pixels);
    }
    ++a.taps;
  }
  if (a.taps == 0) return std::nullopt;
  a.across = static_cast<int>(blocks_for(s.c, B::n));
  a.tiles = static_cast<int>(blocks_for(s.k, B::m)) * a.across;
  a.shares = std::min(std::max(1, most_blocks / a.tiles), std::max(1, a.stages / shortest_share));
  int share = 0;  // the last that begins no later than the tap's first stage
  for (int t = 0; t < a.taps; ++t) {
    TapArgs& tap = a.list[t];
    while (a.begin_of(share + 1) <= tap.first_stage) ++share;
    tap.first_share = share;
    while (a.begin_of(share + 1) < tap.first_stage + tap.stages) ++share;
    tap.last_share = share;
  }
  return a;
}

template <class B, class T>
bool run_outer(CudaContext& ctx, const Conv2dShape& s, const Factors& f, float* dweight) {
  using Args = OuterArgs<T, B::parts>;
  thread_local Plans<Args> plans;
  const Args* const kept =
      plans.get(s, {f.x[0], f.dy[0], dweight}, [&] { return plan_outer<B, Args>(s, f, dweight); });
  if (kept == nullptr) return false;
  Args args = *kept;
  if (args.taps < args.all_taps)
    for_each(ctx, "conv2d_backward_weight zero", s.k * s.taps() * s.c,
             [=] __device__(int64_t i) { dweight[i] = 0; });
  Tensor parts;
  if (args.shares > 1) {
    const Shape shape{args.taps + args.shares - 1, s.k, s.c};
    parts = Tensor::empty(shape, DType::f32, ctx.memory());
    args.parts = parts.data<float>();
  }
  static const cudaError_t granted = cudaFuncSetAttribute(
      outer_kernel<B, Args>, cudaFuncAttributeMaxDynamicSharedMemorySize, outer_bytes<B>);
  check(granted, "conv2d_backward_weight");
  launch(ctx, "conv2d_backward_weight", outer_kernel<B, Args>,
         dim3(static_cast<unsigned>(args.tiles * args.shares)), dim3(threads), outer_bytes<B>,
         args);
  if (args.shares > 1) add_parts(ctx, args);
  return true;
}

template <int m, int n, int stages>
using OuterShape = BlockShape<bf16_t, m, n, stages, true, true>;

template <class T>
bool fits(const CudaContext& ctx, const Conv2dShape& s, const T* x, const T* dy,
          const float* dweight) {
  const int64_t multiple = splits<T>(ctx) ? Vec<float>::size : Vec<bf16_t>::size;
  constexpr int64_t most = int64_t{1} << 31;  // what takes f32 apart counts in 32 bits
  if (splits<T>(ctx) && (s.input_pixels() * s.c >= most || s.output_pixels() * s.k >= most))
    return false;
  return (tensor_conv::allowed<T>(ctx) || splits<T>(ctx)) && available() && s.c % multiple == 0 &&
         s.k % multiple == 0 && is_aligned(x) && is_aligned(dy) && is_aligned(dweight);
}

/// Of three parts, in tiles whose sums may be kept twice.
bool run_split(CudaContext& ctx, const Conv2dShape& s, const float* x, const float* dy,
               float* dweight) {
  const Tensor x_parts = split_parts(ctx, x, s.input_pixels(), s.c);
  const Tensor dy_parts = split_parts(ctx, dy, s.output_pixels(), s.k);
  const Factors f{{x_parts.data<const bf16_t>(), nullptr},
                  {dy_parts.data<const bf16_t>(), nullptr}};
  if (s.c > 64)
    return run_outer<BlockShape<float, 128, 128, 2, true, true, 3>, float>(ctx, s, f, dweight);
  return run_outer<BlockShape<float, 128, 64, 2, true, true, 3>, float>(ctx, s, f, dweight);
}

}  // namespace

template <>
bool backward_weight(CudaContext& ctx, const Conv2dShape& s, View<const bf16_t> x,
                     View<const bf16_t> dy, View<float> dweight) {
  if (!fits<bf16_t>(ctx, s, x.data, dy.data, dweight.data)) return false;
  const Factors f{{x.data, nullptr}, {dy.data, nullptr}};
  // On an H200: 128 x 256 makes 550 to 690 TFLOP/s from 256 channels on, 128 x 128 280 to 380 from
  // 128 on (256 x 128 as much), 128 x 64 100 to 170 on fewer.
  if (s.k > 64 && s.c > 128)
    return run_outer<OuterShape<128, 256, 4>, bf16_t>(ctx, s, f, dweight.data);
  if (s.k > 64 && s.c > 64)
    return run_outer<OuterShape<128, 128, 6>, bf16_t>(ctx, s, f, dweight.data);
  return run_outer<OuterShape<128, 64, 6>, bf16_t>(ctx, s, f, dweight.data);
}

/// Three products make up for their number where bf16 alone is at its best: in the largest tile. On
/// narrower layers mma.sync's TF32 is as fast.
template <>
bool backward_weight(CudaContext& ctx, const Conv2dShape& s, View<const float> x,
                     View<const float> dy, View<float> dweight) {
  if (!fits<float>(ctx, s, x.data, dy.data, dweight.data)) return false;
  if (s.taps() > most_taps || s.output_pixels() == 0) return false;
  if (splits<float>(ctx)) return run_split(ctx, s, x.data, dy.data, dweight.data);
  if (s.k <= 64 || s.c <= 128) return false;
  const Tensor split_x = split(ctx, x), split_dy = split(ctx, dy);
  const auto halves = [](const Tensor& t) {
    const auto* const high = t.data<const bf16_t>();
    return std::array<const bf16_t*, 2>{high, high + t.numel() / 2};
  };
  return run_outer<OuterShape<128, 256, 4>, float>(ctx, s, {halves(split_x), halves(split_dy)},
                                                   dweight.data);
}

}  // namespace weft::hopper_conv
