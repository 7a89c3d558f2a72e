// concat on the GPU: strips of x into y, one unit of up to 16 bytes a thread.
#include "ops/concat.h"
#include "ops/strips_cuda.cuh"

namespace weft::kernels {

template <class T>
void concat_forward(CudaContext& ctx, View<const T> x, int axis, int64_t begin, View<T> y) {
  copy_strips<true>(ctx, "concat", Strips(x.shape, y.shape, axis, begin), x.data, y.data);
}

template void concat_forward(CudaContext&, View<const float>, int, int64_t, View<float>);
template void concat_forward(CudaContext&, View<const bf16_t>, int, int64_t, View<bf16_t>);

}  // namespace weft::kernels
