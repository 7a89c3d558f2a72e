// l1_loss: the mean of |pred - target|, and mse_loss: of (pred - target)^2, over valid pixels times
// channels; pred and target [.., C], mask u8 [..] (ops/pixel_loss.h says what is retained).
// dpred = sign(pred - target) / n (0 where they are equal), or 2 (pred - target) / n.
#pragma once

#include <cmath>

#include "engine/philox.h"
#include "ops/pixel_loss.h"

namespace weft {

/// An undefined mask: every pixel is valid. `valid` becomes n, a tensor of one f64.
Var l1_loss(const Var& pred, const Tensor& target, const Tensor& mask = {}, Tensor* valid = nullptr,
            SourceLoc = SourceLoc::here());
Var mse_loss(const Var& pred, const Tensor& target, const Tensor& mask = {},
             Tensor* valid = nullptr, SourceLoc = SourceLoc::here());
/// Every element's |pred - target| or (pred - target)^2: [.., C], 0 where the mask is.
Var l1_loss_each(const Var& pred, const Tensor& target, const Tensor& mask = {},
                 SourceLoc = SourceLoc::here());
Var mse_loss_each(const Var& pred, const Tensor& target, const Tensor& mask = {},
                  SourceLoc = SourceLoc::here());

struct AbsoluteError {
  static constexpr const char *name = "l1_loss", *each_name = "l1_loss_each";
  static constexpr bool per_pixel = false;

  template <class T>
  WEFT_HD double value(const T* pred, const T* target, int64_t channels) const {
    double sum = 0;
    for (int64_t c = 0; c < channels; ++c)
      sum += std::abs(static_cast<double>(pred[c]) - static_cast<double>(target[c]));
    return sum;
  }
  template <class T>
  WEFT_HD void gradient(const T* pred, const T* target, int64_t channels, double by, T* out) const {
    for (int64_t c = 0; c < channels; ++c) {
      const int sign = (pred[c] > target[c]) - (pred[c] < target[c]);
      out[c] = static_cast<T>(by * sign);
    }
  }
};

struct SquaredError {
  static constexpr const char *name = "mse_loss", *each_name = "mse_loss_each";
  static constexpr bool per_pixel = false;

  template <class T>
  WEFT_HD double value(const T* pred, const T* target, int64_t channels) const {
    double sum = 0;
    for (int64_t c = 0; c < channels; ++c) {
      const double error = static_cast<double>(pred[c]) - static_cast<double>(target[c]);
      sum += error * error;
    }
    return sum;
  }
  template <class T>
  WEFT_HD void gradient(const T* pred, const T* target, int64_t channels, double by, T* out) const {
    for (int64_t c = 0; c < channels; ++c)
      out[c] =
          static_cast<T>(2 * by * (static_cast<double>(pred[c]) - static_cast<double>(target[c])));
  }
};

}  // namespace weft
