// task_loss: labels are made on the host, sent to the tape's device, and handed
// to the loss's op.
#include "train/metrics/losses.h"

#include <cmath>
#include <span>

#include "engine/error.h"
#include "ops/binary_cross_entropy.h"
#include "ops/cosine_loss.h"
#include "ops/cross_entropy.h"
#include "ops/l1_loss.h"
#include "train/metrics/labels.h"
#include "train/metrics/measured_losses.h"

namespace weft {
namespace {

constexpr int32_t ignored = -1;

/// [N, h, w] of type T: f(first channel of each pixel's label).
template <class T, class F>
Tensor per_pixel(const Tensor& labels, F&& f) {
  const Shape& shape = labels.shape();
  Tensor out = Tensor::empty({shape[0], shape[1], shape[2]}, dtype_of<T>());
  const float* label = labels.data<float>();
  for (T& value : std::span(out.data<T>(), static_cast<size_t>(out.numel()))) {
    value = f(*label);
    label += shape[3];
  }
  return out;
}

Var class_loss(const TaskSpec& task, const Var& logits, const Tensor& labels) {
  CrossEntropyOptions options;
  options.ignore_index = ignored;
  if (!task.class_weights.empty())
    options.class_weights = to_device(
        logits.tape().context(), Tensor::from({task.classes}, task.class_weights, logits.dtype()));
  const Tensor ids = per_pixel<int32_t>(labels, [](float label) {
    return std::isnan(label) ? ignored : static_cast<int32_t>(label);
  });
  return cross_entropy(logits, to_device(logits.tape().context(), ids), options);
}

void check_prediction(const TaskSpec& task, const Shape& prediction, const Shape& target) {
  const bool fits = prediction.rank() == 4 && target.rank() == 4 && prediction[0] == target[0] &&
                    prediction[3] == task.channels();
  if (!fits)
    throw ShapeError(fmt::format(
        "task '{}': predictions {} do not fit labels {}; expected [{}, h, w, {}]", task.name,
        prediction, target, target.rank() > 0 ? target[0] : 0, task.channels()));
}

}  // namespace

std::optional<Var> task_loss(const TaskSpec& task, Semantics semantics, const Var& prediction,
                             const Tensor& target, const Geometry& geometry) {
  check_prediction(task, prediction.shape(), target.shape());
  const Tensor labels =
      labels_at(task, semantics, target, geometry, prediction.shape()[1], prediction.shape()[2]);
  if (count_valid(labels) == 0) return std::nullopt;
  if (task.kind == TaskKind::segmentation || task.kind == TaskKind::classification)
    return class_loss(task, prediction, labels);

  if (!task.target.empty()) return measured_loss(task, prediction, labels);
  const AnyContext& context = prediction.tape().context();
  const Tensor values = to_device(
      context, labels.dtype() == prediction.dtype()
                   ? labels
                   : Tensor::from(labels.shape(), labels.to_vector(), prediction.dtype()));
  const Tensor mask = to_device(context, per_pixel<uint8_t>(labels, [](float label) -> uint8_t {
                                  return !std::isnan(label);
                                }));
  switch (task.kind) {
    case TaskKind::normals:
      return cosine_loss(prediction, values, mask);
    case TaskKind::binary:
    case TaskKind::multilabel:  // the mean over classes, too
      return binary_cross_entropy(prediction, values, mask, task.pos_weight);
    case TaskKind::regression:
      return mse_loss(prediction, values, mask);
    default:
      return l1_loss(prediction, values, mask);
  }
}

double loss_weight(const TaskSpec& task, Semantics semantics, const Tensor& target,
                   const Geometry& geometry, int64_t height, int64_t width) {
  const Tensor labels = labels_at(task, semantics, target, geometry, height, width);
  const bool classes = task.kind == TaskKind::segmentation || task.kind == TaskKind::classification;
  if (!classes || task.class_weights.empty()) return static_cast<double>(count_valid(labels));
  double sum = 0;
  const float* id = labels.data<float>();
  for (int64_t i = 0; i < labels.numel(); ++i)
    if (!std::isnan(id[i])) sum += task.class_weights[static_cast<size_t>(id[i])];
  return sum;
}

}  // namespace weft
