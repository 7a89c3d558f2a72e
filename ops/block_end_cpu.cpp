// block_end on the CPU.
#include "ops/block_end_passes.h"

namespace weft::kernels {

template <class T>
void block_end_forward(CpuContext& ctx, View<const T> x, const Normalisation<T>& norm,
                       const BlockEnd<T>& end, View<T> y) {
  block_end_forward_passes<T>(ctx, x, norm, end, y);
}

template <class T>
void block_end_backward(CpuContext& ctx, View<const T> x, View<const T> dy,
                        const Normalisation<T>& norm, const BlockEnd<T>& end,
                        const BlockEndGradients<T>& into) {
  block_end_backward_passes<T>(ctx, x, dy, norm, end, into);
}

#define WEFT_INSTANTIATE(T)                                                            \
  template void block_end_forward(CpuContext&, View<const T>, const Normalisation<T>&, \
                                  const BlockEnd<T>&, View<T>);                        \
  template void block_end_backward(CpuContext&, View<const T>, View<const T>,          \
                                   const Normalisation<T>&, const BlockEnd<T>&,        \
                                   const BlockEndGradients<T>&);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
