// huber_loss: the mean over valid pixels times channels of e^2 / 2 where |e| <= delta, and else of
// delta (|e| - delta / 2), e = pred - target (Huber 1964; PyTorch's): quadratic near the target, of
// bounded slope far away. pred and target [.., C], mask u8 [..] (ops/pixel_loss.h says what is
// retained). dpred = min(max(e, -delta), delta) / n.
#pragma once

#include <cmath>

#include "engine/philox.h"
#include "ops/pixel_loss.h"

namespace weft {

/// delta > 0. An undefined mask: every pixel is valid. `valid` becomes n, a tensor of one f64.
Var huber_loss(const Var& pred, const Tensor& target, const Tensor& mask = {}, double delta = 1,
               Tensor* valid = nullptr, SourceLoc = SourceLoc::here());
/// Every element's loss: [.., C], 0 where the mask is.
Var huber_loss_each(const Var& pred, const Tensor& target, const Tensor& mask = {},
                    double delta = 1, SourceLoc = SourceLoc::here());

struct HuberError {
  static constexpr const char *name = "huber_loss", *each_name = "huber_loss_each";
  static constexpr bool per_pixel = false;
  double delta;

  template <class T>
  WEFT_HD double value(const T* pred, const T* target, int64_t channels) const {
    double sum = 0;
    for (int64_t c = 0; c < channels; ++c) {
      const double e = std::abs(static_cast<double>(pred[c]) - static_cast<double>(target[c]));
      sum += e <= delta ? 0.5 * e * e : delta * (e - 0.5 * delta);
    }
    return sum;
  }
  template <class T>
  WEFT_HD void gradient(const T* pred, const T* target, int64_t channels, double by, T* out) const {
    for (int64_t c = 0; c < channels; ++c) {
      const double e = static_cast<double>(pred[c]) - static_cast<double>(target[c]);
      const double slope = e > delta ? delta : e < -delta ? -delta : e;  // NaN stays NaN
      out[c] = static_cast<T>(by * slope);
    }
  }
};

}  // namespace weft
