// Pointwise kernels on the GPU: the functors of both backends at T = float, bf16 widened and
// rounded around them. Operands that move together over the whole are one contiguous loop; a
// broadcast finds its row with one division per vector (or per element, where rows are no whole
// vectors), and an operand that stands still along a row is read once per vector.
#include "ops/broadcast.h"
#include "ops/pointwise.h"
#include "ops/pointwise_cuda.cuh"
#include "ops/pointwise_functors.h"

namespace weft::kernels {
namespace {

template <class F>
struct Value {
  F f;
  __device__ float operator()(float x) const { return f.value(x); }
  __device__ float operator()(float x, float y) const { return f.value(x, y); }
};

template <class F>
struct Gradient {
  F f;
  __device__ float operator()(float dy, float kept) const { return f.gradient(dy, kept); }
  __device__ float operator()(float dy) const { return f.gradient(dy, dy); }  // keeps nothing
};

/// n neighbours of one row; an operand with stride 0 is one element.
template <int n, class T>
__device__ void read_operand(const T* p, int64_t stride, float (&to)[n]) {
  if (stride != 0) {
    read(p, to);
  } else {
    const float only = load(p);
#pragma unroll
    for (int i = 0; i < n; ++i) to[i] = only;
  }
}

template <int n, class F, class T>
__global__ void broadcast_kernel(Broadcast g, int64_t items, F f, const T* x, const T* y, T* out) {
  const int64_t item = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (item >= items) return;
  const int64_t inner = g.extent[g.rank - 1];
  const int64_t x_stride = g.a_stride[g.rank - 1], y_stride = g.b_stride[g.rank - 1];
  const int64_t row = item * n / inner, at = item * n - row * inner;
  float a[n], b[n], z[n];
  read_operand(x + Broadcast::start(g, row, g.a_stride) + at * x_stride, x_stride, a);
  read_operand(y + Broadcast::start(g, row, g.b_stride) + at * y_stride, y_stride, b);
#pragma unroll
  for (int i = 0; i < n; ++i) z[i] = f(a[i], b[i]);
  write(out + item * n, z);
}

template <int n, class F, class T>
void broadcast(CudaContext& ctx, const Broadcast& g, F f, const T* x, const T* y, View<T> out) {
  const int64_t items = out.numel() / n;
  launch(ctx, "pointwise broadcast", broadcast_kernel<n, F, T>,
         dim3(static_cast<unsigned>(blocks_for(items, block_threads))), dim3(block_threads), 0, g,
         items, f, x, y, out.data);
}

}  // namespace

template <class F, class T>
void unary_forward(CudaContext& ctx, F f, View<const T> x, View<T> y) {
  map(ctx, F::name, y.numel(), Value<F>{f}, y.data, x.data);
}

template <class F, class T>
void unary_backward(CudaContext& ctx, F f, View<const T> kept, View<const T> dy, View<T> dx) {
  if constexpr (F::keep == pointwise::Keep::nothing)
    map(ctx, F::name, dx.numel(), Gradient<F>{f}, dx.data, dy.data);
  else
    map(ctx, F::name, dx.numel(), Gradient<F>{f}, dx.data, dy.data, kept.data);
}

template <class F, class T>
void binary_forward(CudaContext& ctx, F f, View<const T> x, View<const T> y, View<T> out) {
  if (out.numel() == 0) return;
  const Broadcast g(x.shape, y.shape);
  const bool x_moves = g.a_stride[g.rank - 1] != 0, y_moves = g.b_stride[g.rank - 1] != 0;
  if (g.rank == 1 && x_moves && y_moves)
    return map(ctx, "pointwise", out.numel(), Value<F>{f}, out.data, x.data, y.data);
  // A moving operand's rows start at multiples of inner(): whole vectors stay aligned.
  constexpr int size = Vec<T>::size;
  if (fits_vec(out.data, g.inner()) && (!x_moves || is_aligned(x.data)) &&
      (!y_moves || is_aligned(y.data)))
    broadcast<size>(ctx, g, Value<F>{f}, x.data, y.data, out);
  else
    broadcast<1>(ctx, g, Value<F>{f}, x.data, y.data, out);
}

#define WEFT_INSTANTIATE_UNARY(F, T)                                               \
  template void unary_forward(CudaContext&, pointwise::F, View<const T>, View<T>); \
  template void unary_backward(CudaContext&, pointwise::F, View<const T>, View<const T>, View<T>);
#define WEFT_INSTANTIATE_BINARY(F, T) \
  template void binary_forward(CudaContext&, pointwise::F, View<const T>, View<const T>, View<T>);
#define WEFT_INSTANTIATE(F, ...) WEFT_INSTANTIATE_UNARY(F, float) WEFT_INSTANTIATE_UNARY(F, bf16_t)
WEFT_UNARY_FUNCTORS(WEFT_INSTANTIATE)
#undef WEFT_INSTANTIATE
#define WEFT_INSTANTIATE(F) WEFT_INSTANTIATE_BINARY(F, float) WEFT_INSTANTIATE_BINARY(F, bf16_t)
WEFT_BINARY_FUNCTORS(WEFT_INSTANTIATE)

}  // namespace weft::kernels
