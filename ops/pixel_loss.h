// What l1_loss, mse_loss, huber_loss, binary_cross_entropy and cosine_loss share: the mean of a
// functor's loss over valid pixels, and as X_each every loss by itself (PyTorch's reduction none).
// pred and target are [.., C] of one dtype, mask [..] is u8 (1 = valid) or undefined: all are. No
// valid pixel: loss 0, gradient 0; an invalid one is never read, so NaN may stand there.
// dpred = f'(pred, target) dy / n, each: f'(pred, target) dy. Retains pred, target, mask and 1 / n.
//   double value(const T* pred, const T* target, int64_t C)   the pixel's loss
//   void gradient(pred, target, C, double by, T* dpred)       by times its gradient
//   bool per_pixel   one loss a pixel: it adds 1 to n and X_each is [..]; else C, and [.., C]
#pragma once

#include "engine/philox.h"
#include "engine/tape.h"

namespace weft {

/// What functors are called for: whole pixels, or element by element for `each` loss of its own.
struct LossItems {
  int64_t count, width;  ///< items, and channels of each
  int64_t per_pixel;     ///< items under one byte of the mask

  LossItems(const Shape& pred, bool elements)
      : count(elements ? pred.numel() : pred.outer(pred.rank() - 1)),
        width(elements ? 1 : pred.back()),
        per_pixel(elements ? pred.back() : 1) {}
  WEFT_HD int64_t pixel(int64_t item) const { return per_pixel == 1 ? item : item / per_pixel; }
};

namespace kernels {

/// loss [] and total [2]: 1 / n and n (ops/loss_sum.h). A mask without data: all valid. A total
/// without data: each loss by itself.
template <class F, class T>
void pixel_loss_forward(CpuContext&, F f, View<const T> pred, View<const T> target,
                        View<const uint8_t> mask, View<T> loss, View<double> total);
template <class F, class T>
void pixel_loss_forward(CudaContext&, F f, View<const T> pred, View<const T> target,
                        View<const uint8_t> mask, View<T> loss, View<double> total);
template <class F, class T>
void pixel_loss_backward(CpuContext&, F f, View<const T> pred, View<const T> target,
                         View<const uint8_t> mask, View<const double> total, View<const T> dloss,
                         View<T> dpred);
template <class F, class T>
void pixel_loss_backward(CudaContext&, F f, View<const T> pred, View<const T> target,
                         View<const uint8_t> mask, View<const double> total, View<const T> dloss,
                         View<T> dpred);

}  // namespace kernels

template <class F>
struct PixelLoss final : Op {
  F f;
  Tensor pred, target, mask, total;

  explicit PixelLoss(F functor) : f(functor) {}
  bool each() const { return !total.defined(); }
  const char* name() const override { return each() ? F::each_name : F::name; }
  View<const uint8_t> mask_view() const {
    return mask.defined() ? mask.view<const uint8_t>() : View<const uint8_t>{};
  }
  View<double> total_view() const { return each() ? View<double>{} : total.view<double>(); }
  void backward(Backward& b) override {
    const Tensor dpred = b.din(0);
    on_device_full(b, [&](auto& ctx, auto zero) {
      using T = decltype(zero);
      kernels::pixel_loss_backward<F, T>(ctx, f, pred.view<T>(), target.view<T>(), mask_view(),
                                         total_view(), b.dout().view<T>(), dpred.view<T>());
    });
  }
};

namespace pixel_loss_detail {

template <class F>
Var record(F f, bool each, const Var& pred, const Tensor& target, const Tensor& mask, Tensor* valid,
           SourceLoc loc) {
  const char* name = each ? F::each_name : F::name;
  Tape& tape = Tape::of(name, loc, pred, target, mask);
  if (pred.shape().rank() < 1 || target.shape() != pred.shape() || target.dtype() != pred.dtype())
    shape_error(name, loc, "pred {} {} and target {} {} must be one shape [.., C] and dtype",
                name_of(pred.dtype()), pred.shape(), name_of(target.dtype()), target.shape());
  Shape pixels;
  for (int axis = 0; axis + 1 < pred.shape().rank(); ++axis) pixels.push_back(pred.shape()[axis]);
  if (mask.defined() && (mask.shape() != pixels || mask.dtype() != DType::u8))
    shape_error(name, loc, "mask is {} {}, pred {} needs u8 {}", name_of(mask.dtype()),
                mask.shape(), pred.shape(), pixels);
  auto op = std::make_unique<PixelLoss<F>>(f);
  op->pred = pred.value();
  op->target = target;
  op->mask = mask;
  if (!each) op->total = tape.empty({2}, DType::f64);
  Tensor loss = tape.empty(!each ? Shape{} : F::per_pixel ? pixels : pred.shape(), pred.dtype());
  on_device_full(tape, pred, [&](auto& ctx, auto zero) {
    using T = decltype(zero);
    kernels::pixel_loss_forward<F, T>(ctx, f, pred.value().view<T>(), target.view<T>(),
                                      op->mask_view(), loss.view<T>(), op->total_view());
  });
  if (valid) *valid = op->total.rows(1, 1);
  return tape.record(std::move(op), {pred}, std::move(loss), loc);
}

}  // namespace pixel_loss_detail

/// `valid`, where given, becomes a tensor of one f64: n.
template <class F>
Var pixel_loss(F f, const Var& pred, const Tensor& target, const Tensor& mask, Tensor* valid,
               SourceLoc loc) {
  return pixel_loss_detail::record(f, false, pred, target, mask, valid, loc);
}

template <class F>
Var pixel_loss_each(F f, const Var& pred, const Tensor& target, const Tensor& mask, SourceLoc loc) {
  return pixel_loss_detail::record(f, true, pred, target, mask, nullptr, loc);
}

}  // namespace weft
