// conv2d forward and backward_input by Hopper's wgmma and TMA: the kernel, and its arguments made on
// the host. bf16's backward_input reads the weight [k, t, n] as it lies; TF32's wgmma cannot, and
// gets a transposed copy. f32 is rounded to the nearest TF32 by the tensor maps as it is loaded.
// The tile is chosen by the columns alone. What a tile costs is its stages; measured on an H200:
//   128 x 256: most work a byte loaded; 480 to 770 TFLOP/s of bf16 from 256 columns on
//   128 x 128: 65 to 128 columns, 220 to 350; a wider tile would multiply zeros
//   256 x 64:  64 columns at most, 260 on a layer that memory bounds
// Two blocks that share what they load (clusters of 2) were slower by a third throughout.
// f32 in full (MatrixMath::f32x6) takes tiles of half that width: their sums are kept twice, and a
// stage holds three parts of each factor.
#include <atomic>
#include <cmath>

#include "ops/conv2d_hopper_plans_cuda.cuh"
#include "ops/conv2d_hopper_shares_cuda.cuh"
#include "ops/conv2d_hopper_split_cuda.cuh"
#include "ops/conv2d_hopper_store_cuda.cuh"
#include "ops/conv2d_tensor_cuda.cuh"

namespace weft::hopper_conv {
namespace {

using tensor_conv::Gather;
using tensor_conv::Run;

template <class B>
constexpr int shared_bytes = 1024 + B::Stages::bytes + 2 * store_bytes;  ///< and room to align

template <class B>
__global__ void __launch_bounds__(threads, 1)
    gather_kernel(const __grid_constant__ GatherArgs<typename B::T> a) {
#ifdef WEFT_WGMMA
  extern __shared__ unsigned char memory[];
  const uint32_t boxes = aligned_shared(memory);
  typename B::Stages ring(boxes + 2 * store_bytes);
  if (threadIdx.x == 0) ring.init();
  __syncthreads();
  if (threadIdx.x < 128) {
    tma::give_registers<filling_registers>();
    if (threadIdx.x == 0) fill<B>(a, ring);
    return;
  }
  tma::take_registers<multiplying_registers>();
  const int half = static_cast<int>(threadIdx.x) / 128 - 1;
  Schedule<typename B::T> schedule(a);
  const Exchange<B> exchange{a, half};
  typename B::Sum sum;
  Segment s;
  while (schedule.next(s)) {
    multiply_stages<B>(ring, half, s.count, sum);
    if (s.first > 0) {
      exchange.give(schedule.share, sum);
      continue;
    }
    int there = s.count;
    for (int other = schedule.share + 1; there < s.stages; ++other) {
      exchange.add(other, sum);
      there += schedule.begin_of(other + 1) - schedule.begin_of(other);
    }
    store_tile<B>(a, s, half, boxes + half * store_bytes, sum);
  }
  if (threadIdx.x % 128 == 0) tma::wait_stores();
#endif
}

/// One call's tensors; from and weight: as the kernel takes them.
template <class T, class Factor = T>
struct Operands {
  const Factor *from, *weight;
  const T* bias;
  T* to;
  bool adds = false;  ///< to what `to` holds
};
template <class B>
using OperandsOf = Operands<typename B::T, typename B::Factor>;

template <class B>
constexpr MapType factor_type = sizeof(typename B::Factor) == 2 ? MapType::bf16 : MapType::tf32;

/// A class's offsets, maps and place in the lists; false where a tap lies too far, or there is none.
template <class B>
bool add_class(GatherArgs<typename B::T>& a, const Gather& g, const tensor_conv::RunPair& pair,
               const OperandsOf<B>& o) {
  if (pair.taps == 0 || a.classes == most_classes) return false;
  const Run &r = g.rows.run[pair.row_run], &q = g.cols.run[pair.column_run];
  const auto [first_row, last_row] = std::minmax_element(r.source, r.source + r.taps);
  const auto [first_column, last_column] = std::minmax_element(q.source, q.source + q.taps);
  const int span_h = *last_row - *first_row, span_w = *last_column - *first_column;
  if (span_h > most_span || span_w > most_span) return false;
  ClassArgs& c = a.list[a.classes];
  for (int i = 0; i < r.taps; ++i)
    for (int j = 0; j < q.taps; ++j) {
      const int t = i * q.taps + j;
      c.tap[t] = static_cast<uint8_t>(r.tap[i] * g.kernel_width + q.tap[j]);
      c.off_h[t] = static_cast<uint8_t>(r.source[i] - *first_row);
      c.off_w[t] = static_cast<uint8_t>(q.source[j] - *first_column);
    }
  c.rows = r.count;
  c.columns = q.count;
  c.pixels = g.images * r.count * q.count;
  c.stages = pair.taps * a.tap_steps;
  c.first_item = a.items;
  c.first_stage = a.stages;
  const int items = static_cast<int>(blocks_for(c.pixels, B::m)) * a.across;
  a.items += items;
  a.stages += items * c.stages;
  const int64_t from_width = g.cols.source_extent, to_width = g.cols.extent;
  const int64_t depth = B::parts == 1 ? g.depth : B::parts * part_channels(g.depth);
  const int64_t columns = g.columns;
  a.from[a.classes] = pixel_map(factor_type<B>,
                                {.at = o.from + (*first_row * from_width + *first_column) * depth,
                                 .channels = static_cast<int>(depth),
                                 .columns = q.count,
                                 .rows = r.count,
                                 .images = g.images,
                                 .column_stride = depth,
                                 .row_stride = from_width * depth,
                                 .image_stride = g.rows.source_extent * from_width * depth,
                                 .span_w = span_w,
                                 .span_h = span_h,
                                 .step = g.source_step},
                                B::m);
  a.to[a.classes++] = pixel_map(sizeof(typename B::T) == 2 ? MapType::bf16 : MapType::f32,
                                {.at = o.to + (r.start * to_width + q.start) * columns,
                                 .channels = g.columns,
                                 .columns = q.count,
                                 .rows = r.count,
                                 .images = g.images,
                                 .column_stride = columns * g.step,
                                 .row_stride = to_width * columns * g.step,
                                 .image_stride = g.rows.extent * to_width * columns},
                                64);
  return true;
}

/// Whole items, or shares of all stages: what takes less, by an estimate in stages. Whole items last
/// as long as the busiest block's. A share ends by writing or adding parts, about 8 stages (2 of
/// three parts' longer ones) and a quarter of that for each part of its tile; so many small shares do
/// not pay. Where there are many items they keep every block busy, and neighbours read the same
/// weights: they stay whole.
template <class B>
void divide(GatherArgs<typename B::T>& a) {
  constexpr double end = B::parts == 1 ? 8 : 2;
  a.blocks = std::min(most_blocks, a.items);
  a.shares = false;
  if (a.items > 4 * most_blocks) return;
  std::vector<int> load(static_cast<size_t>(a.blocks));
  int item = 0;
  for (int c = 0; c < a.classes; ++c)
    for (const int end = c + 1 < a.classes ? a.list[c + 1].first_item : a.items; item < end; ++item)
      load[item / a.blocks % 2 == 0 ? item % a.blocks : a.blocks - 1 - item % a.blocks] +=
          a.list[c].stages;
  const double busiest = *std::max_element(load.begin(), load.end());
  const double deepest = a.list[0].stages;
  const double share = std::max<double>(std::ceil(static_cast<double>(a.stages) / most_blocks),
                                        std::ceil(std::sqrt(end / 4 * deepest)));
  if (share + end + end / 4 * deepest / share > 0.9 * busiest) return;
  a.shares = true;
  a.blocks = std::clamp(static_cast<int>(a.stages / share), 1, most_blocks);
}

/// Nothing where the shape is not for these kernels.
template <class B>
std::optional<GatherArgs<typename B::T>> plan(const std::optional<Gather>& g,
                                              const OperandsOf<B>& o) {
  using T = typename B::T;
  constexpr MapType type = factor_type<B>;
  if (!g || g->pixels() == 0 || g->source_step > most_step) return std::nullopt;
  GatherArgs<T> a{};
  a.depth = g->depth;
  a.columns = g->columns;
  a.source_step = g->source_step;
  a.bias = o.bias;
  a.across = static_cast<int>(blocks_for(g->columns, B::n));
  a.tap_steps = static_cast<int>(blocks_for(g->depth, B::k));
  for (const auto& pair : tensor_conv::classes_of(*g))
    if (!add_class<B>(a, *g, pair, o)) return std::nullopt;
  const int depth = B::parts == 1 ? g->depth : B::parts * a.tap_steps * B::k;
  a.weight = B::right_mn ? weight_map(type, o.weight, g->columns, g->taps, g->depth, 64)
                         : weight_map(type, o.weight, depth, g->taps, g->columns, B::n);
  divide<B>(a);
  return a;
}

/// A number that no launch before had, and none of which memory holds by chance.
uint64_t new_tag() {
  static std::atomic<uint64_t> launches = 0;
  return ++launches * 0x9E3779B97F4A7C15ull;
}

template <class B>
bool run_tiles(CudaContext& ctx, const char* name, const Conv2dShape& s, bool backward,
               const OperandsOf<B>& o) {
  thread_local Plans<GatherArgs<typename B::T>> plans[2];  // one of each direction
  const auto* const kept = plans[backward].get(s, {o.from, o.weight, o.bias, o.to}, [&] {
    return plan<B>(backward ? tensor_conv::backward_gather(s) : tensor_conv::forward_gather(s), o);
  });
  if (kept == nullptr) return false;
  GatherArgs<typename B::T> args = *kept;
  args.adds = o.adds;
  Tensor parts, flags;
  if (args.shares) {
    const int64_t blocks = args.blocks, values = Exchange<B>::share_values;
    const Shape parts_shape{blocks, values}, flags_shape{blocks, 2, 2};  // a flag is two i32
    parts = Tensor::empty(parts_shape, DType::f32, ctx.memory());
    flags = Tensor::empty(flags_shape, DType::i32, ctx.memory());
    args.parts = parts.data<float>();
    args.flags = reinterpret_cast<uint64_t*>(flags.data<int32_t>());
    args.tag = new_tag();
  }
  static const cudaError_t granted = cudaFuncSetAttribute(
      gather_kernel<B>, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes<B>);
  check(granted, name);
  launch(ctx, name, gather_kernel<B>, dim3(static_cast<unsigned>(args.blocks)), dim3(threads),
         shared_bytes<B>, args);
  return true;
}

/// The table of tiles, by columns of the result.
template <class T, bool weight_as_it_lies>
bool run(CudaContext& ctx, const char* name, const Conv2dShape& s, bool backward,
         const Operands<T>& o) {
  const int64_t columns = backward ? s.c : s.k;
  if (columns > 128)
    return run_tiles<BlockShape<T, 128, 256, 4, false, weight_as_it_lies>>(ctx, name, s, backward,
                                                                           o);
  if (columns > 64)
    return run_tiles<BlockShape<T, 128, 128, 6, false, weight_as_it_lies>>(ctx, name, s, backward,
                                                                           o);
  return run_tiles<BlockShape<T, 256, 64, 4, false, weight_as_it_lies>>(ctx, name, s, backward, o);
}

/// Of three parts: x or dy, the weight as forward or backward_input sums over it, the rest.
bool run_split(CudaContext& ctx, const char* name, const Conv2dShape& s, bool backward,
               const Operands<float>& o) {
  const int64_t depth = backward ? s.k : s.c, columns = backward ? s.c : s.k;
  const int64_t pixels = backward ? s.output_pixels() : s.input_pixels();
  if (pixels * depth >= int64_t{1} << 31) return false;  // split_parts counts in 32 bits
  const Tensor from = split_parts(ctx, o.from, pixels, depth);
  const Tensor weight = split_parts(ctx, o.weight, columns * s.taps(), depth);
  const Operands<float, bf16_t> parts{from.data<const bf16_t>(), weight.data<const bf16_t>(),
                                      o.bias, o.to, o.adds};
  if (columns > 64)
    return run_tiles<BlockShape<float, 128, 128, 2, false, false, 3>>(ctx, name, s, backward,
                                                                      parts);
  return run_tiles<BlockShape<float, 128, 64, 2, false, false, 3>>(ctx, name, s, backward, parts);
}

template <class T>
bool fits(const CudaContext& ctx, const Conv2dShape& s, const Operands<T>& o) {
  return (tensor_conv::allowed<T>(ctx) || splits<T>(ctx)) && available() &&
         s.c % Vec<T>::size == 0 && s.k % Vec<T>::size == 0 && is_aligned(o.from) &&
         is_aligned(o.weight) && is_aligned(o.bias) && is_aligned(o.to);
}

}  // namespace

bool available() {
  static const bool found = [] {
    int major = 0;
    cudaFuncAttributes attributes;
    return cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0) == cudaSuccess &&
           major == 9 &&
           cudaFuncGetAttributes(&attributes,
                                 gather_kernel<BlockShape<float, 128, 256, 4, false, false>>) ==
               cudaSuccess &&
           attributes.binaryVersion == 90 && attributes.numRegs > 100;  // not the empty kernel
  }();
  return found;
}

template <class T>
bool forward(CudaContext& ctx, const Conv2dShape& s, View<const T> x, View<const T> weight,
             View<const T> bias, View<T> y) {
  const Operands<T> o{x.data, weight.data, bias.data, y.data};
  if (!fits(ctx, s, o)) return false;
  if constexpr (sizeof(T) == 4)
    if (splits<T>(ctx)) return run_split(ctx, "conv2d_forward", s, false, o);
  return run<T, false>(ctx, "conv2d_forward", s, false, o);
}

template <class T>
bool backward_input(CudaContext& ctx, const Conv2dShape& s, View<const T> weight, View<const T> dy,
                    View<T> dx, bool adds) {
  constexpr bool as_it_lies = sizeof(T) == 2;
  Operands<T> o{dy.data, weight.data, nullptr, dx.data, adds};
  if (!fits(ctx, s, o)) return false;
  Tensor turned;
  if constexpr (!as_it_lies) {
    turned = tensor_conv::transposed(ctx, weight);
    o.weight = turned.data<const T>();
    if (splits<T>(ctx)) return run_split(ctx, "conv2d_backward_input", s, true, o);
  }
  return run<T, as_it_lies>(ctx, "conv2d_backward_input", s, true, o);
}

#define WEFT_INSTANTIATE(T)                                                                    \
  template bool forward(CudaContext&, const Conv2dShape&, View<const T>, View<const T>,        \
                        View<const T>, View<T>);                                               \
  template bool backward_input(CudaContext&, const Conv2dShape&, View<const T>, View<const T>, \
                               View<T>, bool);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::hopper_conv
