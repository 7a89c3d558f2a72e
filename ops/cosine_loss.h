// cosine_loss: the mean over valid pixels of 1 - cos(pred, target), both vectors [.., C] divided by
// max(length, 1e-12) as torch's normalize does; mask u8 [..].
// With u, v the unit vectors: dpred = -(v - (u . v) u) / |pred| / n, and -v / 1e-12 / n below that
// length. Retains pred, target, mask and 1 / n (ops/pixel_loss.h).
#pragma once

#include <cmath>

#include "engine/philox.h"
#include "ops/pixel_loss.h"

namespace weft {

/// An undefined mask: every pixel is valid. `valid` becomes n, a tensor of one f64.
Var cosine_loss(const Var& pred, const Tensor& target, const Tensor& mask = {},
                Tensor* valid = nullptr, SourceLoc = SourceLoc::here());
/// Every pixel's 1 - cos(pred, target): [..], 0 where the mask is.
Var cosine_loss_each(const Var& pred, const Tensor& target, const Tensor& mask = {},
                     SourceLoc = SourceLoc::here());

struct CosineDistance {
  static constexpr const char *name = "cosine_loss", *each_name = "cosine_loss_each";
  static constexpr bool per_pixel = true;
  static constexpr double shortest = 1e-12;

  template <class T>
  WEFT_HD static double dot(const T* a, const T* b, int64_t channels) {
    double sum = 0;
    for (int64_t c = 0; c < channels; ++c)
      sum += static_cast<double>(a[c]) * static_cast<double>(b[c]);
    return sum;
  }
  template <class T>
  WEFT_HD static double length(const T* a, int64_t channels) {
    const double l = std::sqrt(dot(a, a, channels));
    return l < shortest ? shortest : l;
  }
  template <class T>
  WEFT_HD double value(const T* pred, const T* target, int64_t channels) const {
    return 1 - dot(pred, target, channels) / (length(pred, channels) * length(target, channels));
  }
  template <class T>
  WEFT_HD void gradient(const T* pred, const T* target, int64_t channels, double by, T* out) const {
    const double p = length(pred, channels), t = length(target, channels);
    const double cosine = p > shortest ? dot(pred, target, channels) / (p * t) : 0;
    for (int64_t c = 0; c < channels; ++c)
      out[c] = static_cast<T>(
          -by / p *
          (static_cast<double>(target[c]) / t - cosine * static_cast<double>(pred[c]) / p));
  }
};

}  // namespace weft
