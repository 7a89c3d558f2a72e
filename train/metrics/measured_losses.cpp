// Losses of measured labels; see measured_losses.h.
#include "train/metrics/measured_losses.h"

#include <cmath>
#include <limits>
#include <span>

#include "data/measured_label.h"
#include "ops/l1_loss.h"
#include "ops/pointwise.h"

namespace weft {
namespace {

/// f(label) of every label that there is, where the prediction is and in its type; `other`
/// elsewhere, since a NaN would go where the mask of a loss does not reach.
template <class F>
Tensor each_label(const Var& prediction, const Tensor& labels, double other, F&& f) {
  std::vector<double> out(static_cast<size_t>(prediction.value().numel()));
  const float* label = labels.data<float>();
  for (double& value : out) {
    value = std::isnan(*label) ? other : f(label);
    label += labels.shape()[3];
  }
  return to_device(prediction.tape().context(),
                   Tensor::from(prediction.shape(), out, prediction.dtype()));
}

double value_of(const float* label) { return label[measured::value]; }

/// 1 where there is a label.
Tensor mask_of(const Var& prediction, const Tensor& labels) {
  Tensor mask = Tensor::empty({labels.shape()[0], 1, 1}, DType::u8);
  const float* label = labels.data<float>();
  for (uint8_t& valid : std::span(mask.data<uint8_t>(), static_cast<size_t>(mask.numel()))) {
    valid = !std::isnan(*label);
    label += labels.shape()[3];
  }
  return to_device(prediction.tape().context(), mask);
}

}  // namespace

Var above_bounds(const Var& pred, const Tensor& labels) {
  constexpr double none = std::numeric_limits<float>::lowest();
  const Tensor bounds = each_label(pred, labels, none, [](const float* label) {
    return label[measured::bound] != 0 ? double{label[measured::value]} : none;
  });
  return maximum(pred, pred.tape().constant(bounds));
}

Var relative_loss(const Var& pred, const Tensor& labels) {
  Tape& tape = pred.tape();
  const auto constant = [&](auto&& f) { return tape.constant(each_label(pred, labels, 0, f)); };
  const Var unit =
      constant([](const float* label) { return std::log(10.0) * label[measured::unit]; });
  // y' / y; exp stays finite, and beyond 10^7 the error has long come to its bound of 2.
  const Var ratio = exp(clamp((pred - constant(value_of)) * unit, -18.0, 18.0));
  const Var small =
      constant([](const float* label) { return 1 + 2.0 * label[measured::reference]; });
  const Var error = (ratio - 1.0) * 2.0 / (ratio + small);
  const Tensor zeros = each_label(pred, labels, 0, [](const float*) { return 0.0; });
  return mse_loss(error, zeros, mask_of(pred, labels));
}

Var measured_loss(const TaskSpec& task, const Var& prediction, const Tensor& labels) {
  const Var pred = task.floor ? above_bounds(prediction, labels) : prediction;
  const Var loss =
      mse_loss(pred, each_label(prediction, labels, 0, value_of), mask_of(prediction, labels));
  return task.relative == 0 ? loss : loss + task.relative * relative_loss(pred, labels);
}

}  // namespace weft
