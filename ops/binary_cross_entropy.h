// binary_cross_entropy on logits x against targets t in [0, 1], the mean over valid pixels times
// channels of (1 - t) x + (1 + (p - 1) t) log(1 + exp(-x)), p = pos_weight: the weight of the
// positive class, as PyTorch's BCEWithLogits. log(1 + exp(-x)) = log1p(exp(-|x|)) + max(-x, 0)
// never overflows. dx = ((1 - t) - (1 + (p - 1) t) sigmoid(-x)) / n.
// logits and targets [.., C], mask u8 [..]; retains both, mask and 1 / n (ops/pixel_loss.h).
#pragma once

#include <cmath>

#include "engine/philox.h"
#include "ops/pixel_loss.h"

namespace weft {

/// An undefined mask: every pixel is valid. `valid` becomes n, a tensor of one f64.
Var binary_cross_entropy(const Var& logits, const Tensor& target, const Tensor& mask = {},
                         double pos_weight = 1, Tensor* valid = nullptr,
                         SourceLoc = SourceLoc::here());
/// Every element's loss: [.., C], 0 where the mask is.
Var binary_cross_entropy_each(const Var& logits, const Tensor& target, const Tensor& mask = {},
                              double pos_weight = 1, SourceLoc = SourceLoc::here());

struct LogisticLoss {
  static constexpr const char *name = "binary_cross_entropy",
                              *each_name = "binary_cross_entropy_each";
  static constexpr bool per_pixel = false;
  double pos_weight;

  template <class T>
  WEFT_HD double value(const T* logits, const T* target, int64_t channels) const {
    double sum = 0;
    for (int64_t c = 0; c < channels; ++c) {
      const double x = static_cast<double>(logits[c]), t = static_cast<double>(target[c]);
      const double softplus = std::log1p(std::exp(-std::abs(x))) + (x < 0 ? -x : 0.0);
      sum += (1 - t) * x + (1 + (pos_weight - 1) * t) * softplus;
    }
    return sum;
  }
  template <class T>
  WEFT_HD void gradient(const T* logits, const T* target, int64_t channels, double by,
                        T* out) const {
    for (int64_t c = 0; c < channels; ++c) {
      const double x = static_cast<double>(logits[c]), t = static_cast<double>(target[c]);
      const double e = std::exp(-std::abs(x));  // sigmoid(-x) without overflow
      const double no = (x < 0 ? 1.0 : e) / (1 + e);
      out[c] = static_cast<T>(by * ((1 - t) - (1 + (pos_weight - 1) * t) * no));
    }
  }
};

}  // namespace weft
