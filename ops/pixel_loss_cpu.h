// The CPU's pixel losses: pixel by pixel in double, summed over fixed chunks of pixels. Included by
// the *_cpu.cpp of each loss, which says which functors it makes kernels of.
#pragma once

#include <algorithm>

#include "engine/reduce_tree.h"
#include "ops/loss_sum.h"
#include "ops/pixel_loss.h"

namespace weft::kernels {

template <class F, class T>
void pixel_loss_forward(CpuContext& ctx, F f, View<const T> pred, View<const T> target,
                        View<const uint8_t> mask, View<T> loss, View<double> total) {
  const int64_t channels = pred.shape.back(), pixels = pred.shape.outer(pred.shape.rank() - 1);
  const auto chunk_sum = [&](int64_t begin, int64_t end) {
    LossSum sum;
    for (int64_t i = begin; i < end; ++i) {
      if (mask.data && !mask[i]) continue;
      const double n = f.elements(channels);
      sum += {f.value(pred.data + i * channels, target.data + i * channels, channels), n, n};
    }
    return sum;
  };
  write_loss(reduce_tree<LossSum>(ctx, pixels, chunk_sum), loss.data, total.data);
}

template <class F, class T>
void pixel_loss_backward(CpuContext& ctx, F f, View<const T> pred, View<const T> target,
                         View<const uint8_t> mask, View<const double> total, View<const T> dloss,
                         View<T> dpred) {
  const int64_t channels = pred.shape.back(), pixels = pred.shape.outer(pred.shape.rank() - 1);
  const double by = static_cast<double>(dloss[0]) * total[0];
  ctx.for_chunks(pixels, sum_chunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      T* out = dpred.data + i * channels;
      if (mask.data && !mask[i])
        std::fill_n(out, channels, T(0));
      else
        f.gradient(pred.data + i * channels, target.data + i * channels, channels, by, out);
    }
  });
}

}  // namespace weft::kernels

/// Makes the kernels of one functor in both of the CPU's dtypes; to be used in weft::kernels.
#define WEFT_PIXEL_LOSS(F)                                                                       \
  template void pixel_loss_forward(CpuContext&, F, View<const float>, View<const float>,         \
                                   View<const uint8_t>, View<float>, View<double>);              \
  template void pixel_loss_forward(CpuContext&, F, View<const double>, View<const double>,       \
                                   View<const uint8_t>, View<double>, View<double>);             \
  template void pixel_loss_backward(CpuContext&, F, View<const float>, View<const float>,        \
                                    View<const uint8_t>, View<const double>, View<const float>,  \
                                    View<float>);                                                \
  template void pixel_loss_backward(CpuContext&, F, View<const double>, View<const double>,      \
                                    View<const uint8_t>, View<const double>, View<const double>, \
                                    View<double>);
