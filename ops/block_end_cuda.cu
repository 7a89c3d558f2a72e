// block_end on the GPU: batch norm's statistics, then one pass forward; back one pass for its sums and
// those of the gates, a small launch to combine them, and one pass that writes dx and dr. Blocks and
// chunks are batch norm's (batch_norm_cuda.cuh). A byte of bits is of eight neighbours: of one thread
// in bf16, of two in f32. Channels that are no multiple of eight, or more than 16 groups, go by the
// passes of the single ops.
#include "engine/ranks.h"
#include "ops/batch_norm_cuda.cuh"
#include "ops/block_end.h"
#include "ops/block_end_passes.h"

namespace weft::kernels {
namespace {

constexpr int most_gates = 16;

template <class T>
struct PerGroup {
  T* at[most_gates];
};

/// A thread's rows of bits, the first of its channels in bit 0; none where df is 0 anyway.
template <int width>
struct SignRows {
  unsigned row[held_rows];

  __device__ SignRows(const Partition& g, const ThreadPart& at, int count, float select,
                      const uint8_t* positive) {
    const uint8_t* const from = positive + at.element(g, 0) / 8;
    const int64_t step = int64_t{g.down} * g.channels / 8;
#pragma unroll
    for (int k = 0; k < held_rows; ++k)
      row[k] = k < count && select != 0 ? from[k * step] >> at.channel % 8 : 0U;
  }
  __device__ float operator()(int k, int i, float df) const {
    return (row[k] >> i & 1U) != 0 ? df : 0.0F;
  }
};

/// Neighbouring lanes have the two halves of a byte where a thread has four channels.
template <int width>
__device__ void write_signs(unsigned signs, bool there, uint8_t* to) {
  bool first = true;
  if constexpr (width == 4) {
    first = threadIdx.x % 2 == 0;
    signs |= __shfl_down_sync(whole_warp, signs, 1) << 4;
  }
  if (there && first) *to = static_cast<uint8_t>(signs);
}

/// The block's sums, in its first thread.
__device__ void sum_block(double (&total)[2]) {
  constexpr int warps = block_threads / warp_threads;
  __shared__ double parts[2][warps];
#pragma unroll
  for (int j = 0; j < 2; ++j) {
    for (int offset = 1; offset < warp_threads; offset *= 2)
      total[j] += __shfl_xor_sync(whole_warp, total[j], offset);
    if (threadIdx.x % warp_threads == 0) parts[j][threadIdx.x / warp_threads] = total[j];
  }
  __syncthreads();
  if (threadIdx.x == 0)
    for (int w = 1; w < warps; ++w)
      for (int j = 0; j < 2; ++j) total[j] += parts[j][w];
}

/// A term of weight 0 is not looked at.
__device__ float weighed(float weight, float value) { return weight == 0 ? 0.0F : weight * value; }

template <int width, class T>
__global__ void __launch_bounds__(block_threads, 2)
    forward_kernel(Partition g, const T* x, const T* r, Normalisation<T> norm,
                   const __grid_constant__ PerGroup<const float> gates, uint8_t* positive, T* y) {
  const ThreadPart at(g);
  ThreadPart real = at;  // threads without channels stay, as their neighbours ask them for bits
  if (!at.inside) real.channel = 0;
  const Rows<width, T> rows(g, at, x), shortcut(g, at, r);
  const Affine<width> affine(g, real, norm);
  const float select = gates.at[at.group][0], skip = gates.at[at.group][1];
  const int64_t step = int64_t{g.down} * g.channels, first = at.element(g, 0);
#pragma unroll
  for (int k = 0; k < held_rows; ++k) {
    float v[width];
    unsigned signs = 0;
#pragma unroll
    for (int i = 0; i < width; ++i) {
      const float z = __fadd_rn(affine(rows(k, i), i), shortcut(k, i));
      signs |= (z > 0 ? 1U : 0U) << i;
      v[i] = weighed(select, z < 0 ? 0.0F : z) + weighed(skip, shortcut(k, i));
    }
    if (positive != nullptr)
      write_signs<width>(signs, k < rows.count, positive + (first + k * step) / 8);
    if (k < rows.count) write(y + first + k * step, v);
  }
}

/// parts: sums of dz [G, chunks, C], then of dz (x - mean); where `gated`, each block's <dy, f> and
/// <dy, r>, [G, blocks, 2].
template <int width, bool gated, class T>
__global__ void __launch_bounds__(block_threads, 2)
    sums_kernel(Partition g, const T* x, const T* dy, const T* r, Normalisation<T> norm,
                const __grid_constant__ PerGroup<const float> gates, const uint8_t* positive,
                float* plain, float* centred, double* dots) {
  const ThreadPart at(g);
  ThreadPart real = at;
  if (!at.inside) real.channel = 0;
  const Rows<width, T> rows(g, at, x), gradients(g, at, dy);
  const float select = gates.at[at.group][0];
  const SignRows<width> signs(g, at, rows.count, select, positive);
  const Affine<width> affine(g, real, norm);
  const int64_t step = int64_t{g.down} * g.channels, first = at.element(g, 0);
  GradientSums<width> sums;
  float of_f = 0, of_r = 0;
#pragma unroll
  for (int k = 0; k < held_rows; ++k) {
    if (k >= rows.count) break;
    float shortcut[width];
    if constexpr (gated) read(r + first + k * step, shortcut);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      const float d = signs(k, i, select * gradients(k, i));
      sums.plain[i] += d;
      sums.centred[i] += d * (rows(k, i) - affine.mean[i]);
      if constexpr (gated) {
        const float z = __fadd_rn(affine(rows(k, i), i), shortcut[i]);
        of_f += gradients(k, i) * (z < 0 ? 0.0F : z);
        of_r += gradients(k, i) * shortcut[i];
      }
    }
  }
  join_down<block_threads>(g, sums);
  if (at.inside && at.down == 0) {
    write(plain + at.part(g), sums.plain);
    write(centred + at.part(g), sums.centred);
  }
  if constexpr (gated) {
    double total[2] = {of_f, of_r};
    sum_block(total);
    if (threadIdx.x == 0) {
      double* const to = dots + 2 * (int64_t{at.group} * gridDim.x + blockIdx.x);
      to[0] = total[0];
      to[1] = total[1];
    }
  }
}

/// A group's dp [2], by one block.
__global__ void dots_kernel(int blocks, const double* dots,
                            const __grid_constant__ PerGroup<float> dp) {
  float* const to = dp.at[blockIdx.x];
  if (to == nullptr) return;
  const double* const mine = dots + int64_t{2} * blocks * blockIdx.x;
  double total[2] = {};
  for (int i = static_cast<int>(threadIdx.x); i < blocks; i += block_threads) {
    total[0] += mine[2 * i];
    total[1] += mine[2 * i + 1];
  }
  sum_block(total);
  if (threadIdx.x != 0) return;
  to[0] = static_cast<float>(total[0]);
  to[1] = static_cast<float>(total[1]);
}

/// dr may be dy.
template <int width, class T>
__global__ void __launch_bounds__(block_threads, 2)
    gradients_kernel(Partition g, const T* x, const T* dy, Normalisation<T> norm,
                     const __grid_constant__ PerGroup<const float> gates, const uint8_t* positive,
                     const float* a, const float* b, T* dx, T* dr) {
  const ThreadPart at(g);
  if (!at.inside) return;
  const Rows<width, T> rows(g, at, x), gradients(g, at, dy);
  const float select = gates.at[at.group][0], skip = gates.at[at.group][1];
  const SignRows<width> signs(g, at, rows.count, select, positive);
  const Affine<width> affine(g, at, norm);
  const int64_t step = int64_t{g.down} * g.channels, first = at.element(g, 0);
  float mean_dz[width], slope[width];
  read(a + int64_t{at.group} * g.channels + at.channel, mean_dz);
  read(b + int64_t{at.group} * g.channels + at.channel, slope);
#pragma unroll
  for (int k = 0; k < held_rows; ++k) {
    if (k >= rows.count) break;
    float to_x[width], to_r[width];
#pragma unroll
    for (int i = 0; i < width; ++i) {
      const float dz = signs(k, i, select * gradients(k, i));
      to_x[i] = affine.scale[i] * (dz - mean_dz[i] - (rows(k, i) - affine.mean[i]) * slope[i]);
      to_r[i] = dz + weighed(skip, gradients(k, i));
    }
    if (dx != nullptr) write(dx + first + k * step, to_x);
    if (dr != nullptr) write(dr + first + k * step, to_r);
  }
}

/// Whether these kernels take it: no tail of channels, and bits in whole bytes.
template <class T, class... Pointers>
bool fits(const Shape& x, const Normalisation<T>& norm, const BlockEnd<T>& end,
          const Pointers*... pointers) {
  return x.numel() > 0 && x.back() % 8 == 0 && end.gate.size() <= most_gates &&
         vector_of<T>(x.back(), norm, end.r.data, pointers...) == Vec<T>::size;
}

template <class T>
Partition partition(const Shape& x, const Normalisation<T>& norm) {
  return {x, norm.mean.shape[0], Vec<T>::size, vectors_across, block_threads};
}

template <class T>
PerGroup<const float> gates_of(const BlockEnd<T>& end) {
  PerGroup<const float> out{};
  std::copy(end.gate.begin(), end.gate.end(), out.at);
  return out;
}

}  // namespace

template <class T>
void block_end_forward(CudaContext& ctx, View<const T> x, const Normalisation<T>& norm,
                       const BlockEnd<T>& end, View<T> y) {
  if (!fits(x.shape, norm, end, x.data, y.data))
    return block_end_forward_passes<T>(ctx, x, norm, end, y);
  const Partition g = partition<T>(x.shape, norm);
  launch(ctx, "block_end", forward_kernel<Vec<T>::size, T>, g.blocks(), dim3(block_threads), 0, g,
         x.data, end.r.data, norm, gates_of(end), end.positive.data, y.data);
}

template <class T>
void block_end_backward(CudaContext& ctx, View<const T> x, View<const T> dy,
                        const Normalisation<T>& norm, const BlockEnd<T>& end,
                        const BlockEndGradients<T>& into) {
  if (!fits(x.shape, norm, end, x.data, dy.data, into.dx.data, into.dr.data))
    return block_end_backward_passes<T>(ctx, x, dy, norm, end, into);
  constexpr int width = Vec<T>::size;
  const Partition g = partition<T>(x.shape, norm);
  const auto room = [&](int64_t count, DType dtype) {
    return Tensor::empty({count}, dtype, ctx.memory());
  };
  const bool over_ranks = !current_ranks().alone() && into.dx.data != nullptr;
  const bool gated = !into.dp.empty();
  const int blocks = static_cast<int>(g.blocks().x);
  const Tensor parts = room(static_cast<int64_t>(2 * g.parts()), DType::f32);
  const Tensor slopes = room(int64_t{2} * g.groups * g.channels, DType::f32);
  const Tensor dots = gated ? room(int64_t{2} * g.groups * blocks, DType::f64) : Tensor();
  float *plain = parts.data<float>(), *a = slopes.data<float>();
  launch(ctx, "block_end sums", gated ? sums_kernel<width, true, T> : sums_kernel<width, false, T>,
         g.blocks(), dim3(block_threads), 0, g, x.data, dy.data, end.r.data, norm, gates_of(end),
         static_cast<const uint8_t*>(end.positive.data), plain, plain + g.parts(),
         gated ? dots.data<double>() : nullptr);
  combine_gradients(ctx, g, plain, norm, false, over_ranks, a, into.dgamma, into.dbeta);
  if (gated) {
    PerGroup<float> dp{};
    for (size_t i = 0; i < into.dp.size(); ++i) dp.at[i] = into.dp[i].data;
    launch(ctx, "block_end gates", dots_kernel, dim3(static_cast<unsigned>(g.groups)),
           dim3(block_threads), 0, blocks, dots.data<double>(), dp);
  }
  if (into.dx.data == nullptr && into.dr.data == nullptr) return;
  launch(ctx, "block_end dx", gradients_kernel<width, T>, g.blocks(), dim3(block_threads), 0, g,
         x.data, dy.data, norm, gates_of(end), static_cast<const uint8_t*>(end.positive.data), a,
         a + int64_t{g.groups} * g.channels, into.dx.data, into.dr.data);
}

#define WEFT_INSTANTIATE(T)                                                             \
  template void block_end_forward(CudaContext&, View<const T>, const Normalisation<T>&, \
                                  const BlockEnd<T>&, View<T>);                         \
  template void block_end_backward(CudaContext&, View<const T>, View<const T>,          \
                                   const Normalisation<T>&, const BlockEnd<T>&,         \
                                   const BlockEndGradients<T>&);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
