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
  const bool each = total.data == nullptr;
  const LossItems items(pred.shape, each && !F::per_pixel);
  const auto valid = [&](int64_t i) { return !mask.data || mask[items.pixel(i)]; };
  const auto value = [&](int64_t i) {
    return f.value(pred.data + i * items.width, target.data + i * items.width, items.width);
  };
  if (each) {
    ctx.for_chunks(items.count, sum_chunk, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) loss[i] = valid(i) ? static_cast<T>(value(i)) : T(0);
    });
    return;
  }
  const double n = F::per_pixel ? 1 : static_cast<double>(items.width);
  const auto chunk_sum = [&](int64_t begin, int64_t end) {
    LossSum sum;
    for (int64_t i = begin; i < end; ++i)
      if (valid(i)) sum += {value(i), n, n};
    return sum;
  };
  write_loss(reduce_tree<LossSum>(ctx, items.count, chunk_sum), loss.data, total.data);
}

template <class F, class T>
void pixel_loss_backward(CpuContext& ctx, F f, View<const T> pred, View<const T> target,
                         View<const uint8_t> mask, View<const double> total, View<const T> dloss,
                         View<T> dpred) {
  const bool each = total.data == nullptr;
  const LossItems items(pred.shape, each && !F::per_pixel);
  const double by_all = each ? 0 : static_cast<double>(dloss[0]) * total[0];
  ctx.for_chunks(items.count, sum_chunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t at = i * items.width;
      if (mask.data && !mask[items.pixel(i)])
        std::fill_n(dpred.data + at, items.width, T(0));
      else
        f.gradient(pred.data + at, target.data + at, items.width,
                   each ? static_cast<double>(dloss[i]) : by_all, dpred.data + at);
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
