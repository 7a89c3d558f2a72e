// cast on the GPU: eight neighbours a thread, 16 or 32 bytes at a time, where both ends allow it.
#include "engine/cuda/element.cuh"
#include "engine/cuda/launch.cuh"
#include "ops/cast.h"

namespace weft::kernels {
namespace {

constexpr int64_t group = 8;

template <class T>
struct alignas(group * sizeof(T)) Group {
  T at[group];
};

template <class T>
bool fits_group(const T* p, int64_t n) {
  return reinterpret_cast<uintptr_t>(p) % sizeof(Group<T>) == 0 && n % group == 0;
}

}  // namespace

template <class From, class To>
void cast(CudaContext& ctx, View<const From> x, View<To> y) {
  const From* in = x.data;
  To* out = y.data;
  if (!fits_group(in, y.numel()) || !fits_group(out, y.numel())) {
    for_each(ctx, "cast", y.numel(), [=] __device__(int64_t i) { store(out + i, load(in + i)); });
    return;
  }
  for_each(ctx, "cast", y.numel() / group, [=] __device__(int64_t i) {
    const Group<From> from = reinterpret_cast<const Group<From>*>(in)[i];
    Group<To> to;
    for (int j = 0; j < group; ++j) store(to.at + j, load(from.at + j));
    reinterpret_cast<Group<To>*>(out)[i] = to;
  });
}

template void cast(CudaContext&, View<const float>, View<float>);
template void cast(CudaContext&, View<const float>, View<bf16_t>);
template void cast(CudaContext&, View<const bf16_t>, View<float>);
template void cast(CudaContext&, View<const bf16_t>, View<bf16_t>);

}  // namespace weft::kernels
