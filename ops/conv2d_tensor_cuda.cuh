// conv2d on tensor cores, where the context's math or the type allows it: implicit GEMMs that read
// pixels where they lie, without im2col, and multiply no tap that sees only padding. There are two
// of each: Hopper's (wgmma and TMA, conv2d_hopper_*) for channels in multiples of 16 bytes, and that
// of every card from Ampere on (mma.sync, conv2d_gather_cuda.cu, conv2d_outer_cuda.cu). Each
// returns false where the card or the shape is not for it; conv2d_cuda.cu asks them in this order
// and does the rest by columns and cuBLAS.
#pragma once

#include "engine/cuda/context.h"
#include "ops/conv2d.h"

namespace weft {

/// Hopper's. forward and backward_input: 3x3 kernels at most, C and K multiples of 16 bytes, equal
/// strides, taps that lie less than 128 pixels apart, 16 classes of pixels at most (conv2d_classes_
/// cuda.cuh), and every pixel of the result sees a tap. backward_weight: nine taps, C and K
/// multiples of 8, and in TF32 more than 128 and 64 of them. In f32x6 multiples of 4 do for all.
namespace hopper_conv {

/// Whether this build holds these kernels and the card runs them.
bool available();

/// Whether f32 is multiplied as sums of three bf16 parts (conv2d_hopper_split_cuda.cuh).
template <class T>
bool splits(const CudaContext& ctx) {
  return sizeof(T) == 4 && ctx.math() == MatrixMath::f32x6;
}

template <class T>
bool forward(CudaContext&, const Conv2dShape&, View<const T> x, View<const T> weight,
             View<const T> bias, View<T> y);
/// adds: to what dx holds.
template <class T>
bool backward_input(CudaContext&, const Conv2dShape&, View<const T> weight, View<const T> dy,
                    View<T> dx, bool adds = false);
template <class T>
bool backward_weight(CudaContext&, const Conv2dShape&, View<const T> x, View<const T> dy,
                     View<float> dweight);

}  // namespace hopper_conv

/// Every card's: 3x3 kernels at most, the summed channels a multiple of 16 bytes, equal strides;
/// nine taps and f32 for the weight.
namespace tensor_conv {

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
                     View<float> dweight);

/// weight [K, R, S, C] as [C, R, S, K]: what backward_input multiplies dy by, row after row.
template <class T>
Tensor transposed(CudaContext&, View<const T> weight);

}  // namespace tensor_conv
}  // namespace weft
