// The GPU's pixel losses: a thread owns a pixel and calls the functor that the CPU calls, in
// double; losses are summed in the fixed tree of engine/cuda/reduce.cuh, in small chunks, since a
// functor takes long. Included by the *_cuda.cu of each loss, which says which functors it makes
// kernels of.
#pragma once

#include "engine/cuda/reduce.cuh"
#include "ops/loss_sum.h"
#include "ops/pixel_loss.h"

namespace weft::kernels {

template <class F, class T>
void pixel_loss_forward(CudaContext& ctx, F f, View<const T> pred, View<const T> target,
                        View<const uint8_t> mask, View<T> loss, View<double> total) {
  const bool each = total.data == nullptr;
  const LossItems items(pred.shape, each && !F::per_pixel);
  const T *p = pred.data, *t = target.data;
  const uint8_t* valid = mask.data;
  T* out = loss.data;
  double* out_total = total.data;
  if (each)
    return for_each(ctx, F::each_name, items.count, [=] __device__(int64_t i) {
      const int64_t at = i * items.width;
      out[i] = valid != nullptr && valid[items.pixel(i)] == 0
                   ? T(0)
                   : static_cast<T>(f.value(p + at, t + at, items.width));
    });
  const double n = F::per_pixel ? 1 : static_cast<double>(items.width);
  reduce_tree<LossSum>(
      ctx, F::name, items.count,
      [=] __device__(int64_t i) {
        if (valid != nullptr && valid[i] == 0) return LossSum{};
        return LossSum{f.value(p + i * items.width, t + i * items.width, items.width), n, n};
      },
      [=] __device__(const LossSum& sum) { write_loss(sum, out, out_total); }, block_threads);
}

template <class F, class T>
void pixel_loss_backward(CudaContext& ctx, F f, View<const T> pred, View<const T> target,
                         View<const uint8_t> mask, View<const double> total, View<const T> dloss,
                         View<T> dpred) {
  const bool each = total.data == nullptr;
  const LossItems items(pred.shape, each && !F::per_pixel);
  const T *p = pred.data, *t = target.data, *dout = dloss.data;
  const uint8_t* valid = mask.data;
  const double* inverse = total.data;
  T* out = dpred.data;
  for_each(ctx, F::name, items.count, [=] __device__(int64_t i) {
    const int64_t at = i * items.width;
    if (valid != nullptr && valid[items.pixel(i)] == 0) {
      for (int64_t c = 0; c < items.width; ++c) out[at + c] = T(0);
      return;
    }
    const double by =
        each ? static_cast<double>(dout[i]) : static_cast<double>(dout[0]) * inverse[0];
    f.gradient(p + at, t + at, items.width, by, out + at);
  });
}

}  // namespace weft::kernels

/// Makes the kernels of one functor; to be used in weft::kernels.
#define WEFT_PIXEL_LOSS(F)                                                                      \
  template void pixel_loss_forward(CudaContext&, F, View<const float>, View<const float>,       \
                                   View<const uint8_t>, View<float>, View<double>);             \
  template void pixel_loss_backward(CudaContext&, F, View<const float>, View<const float>,      \
                                    View<const uint8_t>, View<const double>, View<const float>, \
                                    View<float>);
