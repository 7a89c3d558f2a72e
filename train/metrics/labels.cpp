// Labels as losses and metrics see them; see labels.h.
#include "train/metrics/labels.h"

#include <cmath>
#include <numeric>

#include "data/dataset.h"
#include "engine/error.h"

namespace weft {
namespace {

constexpr float official_least_depth = 3e-5f;

void check_shape(const TaskSpec& task, const Tensor& target) {
  if (target.shape().rank() != 4 || target.shape().back() != task.label_channels())
    throw ShapeError(fmt::format("task '{}': labels of {} are [N, H, W, {}], got {}", task.name,
                                 name_of(task.kind), task.label_channels(), target.shape()));
}

void check_class(const TaskSpec& task, float id, int classes) {
  if (id >= 0 && id < static_cast<float>(classes) && id == std::floor(id)) return;
  throw DataError(
      fmt::format("task '{}': label {} is none of the classes 0 to {}; set ignore, or "
                  "translate ids with map",
                  task.name, id, classes - 1));
}

/// Whether the task can use the label; NaN fails every comparison.
bool usable(const TaskSpec& task, Semantics semantics, const float* label) {
  switch (task.kind) {
    case TaskKind::segmentation:
    case TaskKind::classification:
    case TaskKind::binary:
      if (std::isnan(*label)) return false;
      check_class(task, *label, task.kind == TaskKind::binary ? 2 : task.classes);
      return true;
    case TaskKind::normals:
      return label[0] * label[0] + label[1] * label[1] + label[2] * label[2] > 0;
    case TaskKind::depth:
      return *label > (semantics == Semantics::compat ? official_least_depth : 0.0f);
    default:
      return !std::isnan(*label);
  }
}

/// The labels at these rows and columns.
Tensor pick(const TaskSpec& task, Semantics semantics, const Tensor& target,
            const std::vector<int64_t>& rows, const std::vector<int64_t>& columns) {
  const int64_t images = target.shape()[0], in_height = target.shape()[1],
                in_width = target.shape()[2], channels = target.shape()[3];
  Tensor labels = Tensor::empty(
      {images, static_cast<int64_t>(rows.size()), static_cast<int64_t>(columns.size()), channels},
      DType::f32);
  const float* in = target.data<float>();
  float* out = labels.data<float>();
  for (int64_t n = 0; n < images; ++n)
    for (int64_t y : rows) {
      const float* row = in + (n * in_height + y) * in_width * channels;
      for (int64_t x : columns) {
        const float* label = row + x * channels;
        const bool keep = usable(task, semantics, label);
        for (int64_t c = 0; c < channels; ++c) *out++ = keep ? label[c] : invalid_pixel;
      }
    }
  return labels;
}

std::vector<int64_t> all_of(int64_t extent) {
  std::vector<int64_t> indices(static_cast<size_t>(extent));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

}  // namespace

Tensor labels_at(const TaskSpec& task, Semantics semantics, const Tensor& target,
                 const Geometry& geometry, int64_t height, int64_t width) {
  check_shape(task, target);
  const Axes axes(task, semantics, geometry, height, width, target.shape()[1], target.shape()[2]);
  return pick(task, semantics, target, label_indices(axes.rows), label_indices(axes.columns));
}

Tensor labels_of(const TaskSpec& task, Semantics semantics, const Tensor& target) {
  check_shape(task, target);
  return pick(task, semantics, target, all_of(target.shape()[1]), all_of(target.shape()[2]));
}

int64_t count_valid(const Tensor& labels) {
  const int64_t channels = labels.shape().back(), pixels = labels.numel() / channels;
  const float* label = labels.data<float>();
  int64_t count = 0;
  for (int64_t i = 0; i < pixels; ++i) count += !std::isnan(label[i * channels]);
  return count;
}

}  // namespace weft
