// f32 taken apart: eight channels a thread, 16 bytes of each part at once.
#include "ops/conv2d_hopper_split_cuda.cuh"

#include "engine/cuda/element.cuh"
#include "engine/cuda/launch.cuh"

namespace weft::hopper_conv {
namespace {

/// The part of `v` that comes next, which is taken off it. What would round to infinity is cut off
/// instead; infinity and NaN stay, and make NaNs of the parts that follow.
__device__ inline bf16_t take_part(float& v) {
  uint32_t bits = __bfloat16_as_ushort(__float2bfloat16_rn(v));
  if ((bits & 0x7FFF) == 0x7F80) bits = __float_as_uint(v) >> 16;
  v -= __uint_as_float(bits << 16);
  return {static_cast<uint16_t>(bits)};
}

template <bool whole>
void split_by(CudaContext& ctx, const float* from, int64_t rows, int64_t channels, bf16_t* to) {
  constexpr int width = Vec<bf16_t>::size;
  const int c_extent = static_cast<int>(channels);
  const auto pitch = static_cast<int>(part_channels(channels));
  const auto groups = static_cast<unsigned>(pitch / width);
  for_each(ctx, "conv2d split", rows * groups, [=] __device__(int64_t i) {
    const auto item = static_cast<unsigned>(i);  // rows x channels are below 2^31
    const unsigned row = item / groups;
    const int c = static_cast<int>(item - row * groups) * width;
    const float* const at = from + int64_t{row} * c_extent + c;
    float v[width] = {};
    if constexpr (whole) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        if (c + 4 * half >= c_extent) continue;
        const float4 four = reinterpret_cast<const float4*>(at)[half];
        v[4 * half] = four.x, v[4 * half + 1] = four.y;
        v[4 * half + 2] = four.z, v[4 * half + 3] = four.w;
      }
    } else {
#pragma unroll
      for (int e = 0; e < width; ++e)
        if (c + e < c_extent) v[e] = at[e];
    }
#pragma unroll
    for (int part = 0; part < 3; ++part) {
      Vec<bf16_t> out;
#pragma unroll
      for (int e = 0; e < width; ++e) out.at[e] = take_part(v[e]);
      *reinterpret_cast<Vec<bf16_t>*>(to + (int64_t{row} * 3 + part) * pitch + c) = out;
    }
  });
}

}  // namespace

Tensor split_parts(CudaContext& ctx, const float* from, int64_t rows, int64_t channels) {
  const Tensor parts =
      Tensor::empty(Shape{rows, 3, part_channels(channels)}, DType::bf16, ctx.memory());
  if (fits_vec(from, channels))
    split_by<true>(ctx, from, rows, channels, parts.data<bf16_t>());
  else
    split_by<false>(ctx, from, rows, channels, parts.data<bf16_t>());
  return parts;
}

}  // namespace weft::hopper_conv
