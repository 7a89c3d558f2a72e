// slice on the GPU: strips of x into y; back again, one pass over dx in which every unit of up to
// 16 bytes is either dy's or zero.
#include "ops/slice.h"
#include "ops/strips_cuda.cuh"

namespace weft::kernels {
namespace {

/// The whole in order: what lies in its row's strip comes from the part, the rest is zero.
template <class Index, class Unit>
__global__ void spread_strips_kernel(UnitStrips<Unit> s) {
  const int64_t item = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (item >= s.rows * s.pitch) return;
  const auto row = static_cast<int64_t>(static_cast<Index>(item) / static_cast<Index>(s.pitch));
  const int64_t at = item - row * s.pitch - s.offset;
  s.to[item] = at >= 0 && at < s.width ? s.from[row * s.width + at] : Unit{};
}

}  // namespace

template <class T>
void slice_forward(CudaContext& ctx, View<const T> x, int axis, int64_t begin, View<T> y) {
  copy_strips<false>(ctx, "slice", Strips(y.shape, x.shape, axis, begin), x.data, y.data);
}

template <class T>
void slice_backward(CudaContext& ctx, View<const T> dy, int axis, int64_t begin, View<T> dx) {
  with_unit(Strips(dy.shape, dx.shape, axis, begin), dy.data, dx.data, [&](const auto& s) {
    const int64_t items = s.rows * s.pitch;
    if (items == 0) return;
    const auto start = [&](auto kernel) {
      launch(ctx, "slice_backward", kernel,
             dim3(static_cast<unsigned>(blocks_for(items, block_threads))), dim3(block_threads), 0,
             s);
    };
    using Unit = std::remove_pointer_t<decltype(s.to)>;
    if (items < int64_t{1} << 32)
      start(spread_strips_kernel<uint32_t, Unit>);
    else
      start(spread_strips_kernel<int64_t, Unit>);
  });
}

#define WEFT_INSTANTIATE(T)                                                        \
  template void slice_forward(CudaContext&, View<const T>, int, int64_t, View<T>); \
  template void slice_backward(CudaContext&, View<const T>, int, int64_t, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(bf16_t)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
