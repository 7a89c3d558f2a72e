// conv2d on tensor cores, where the context's math or the type allows it: implicit GEMMs that read
// pixels where they lie, without im2col, and multiply no tap that sees only padding. Each returns
// false where the shape is not for it (large kernels, unaligned channels): the plain path of
// conv2d_cuda.cu then does the work.
#pragma once

#include "engine/cuda/context.h"
#include "ops/conv2d.h"

namespace weft::tensor_conv {

/// Whether products may be rounded to TF32, or are bf16 anyway.
template <class T>
bool allowed(const CudaContext& ctx) {
  return sizeof(T) == 2 || ctx.math() == MatrixMath::tf32;
}

template <class T>
bool forward(CudaContext&, const Conv2dShape&, View<const T> x, View<const T> weight,
             View<const T> bias, View<T> y);
template <class T>
bool backward_input(CudaContext&, const Conv2dShape&, View<const T> weight, View<const T> dy,
                    View<T> dx);
template <class T>
bool backward_weight(CudaContext&, const Conv2dShape&, View<const T> x, View<const T> dy,
                     View<T> dweight);

}  // namespace weft::tensor_conv
