// Predictions in label form: a network's output [N, h, w, C] grown to the labels' resolution and
// then decoded: class id (the largest logit), unit normals, metres, 0..1; binary, multilabel: 1 where
// the logit is positive. Logits that are NaN are no class: their id is NaN. How outputs grow is
// train/metrics/geometry.h's; sound interpolates logits, before the argmax. In f64 throughout.
#pragma once

#include <vector>

#include "data/dataset.h"
#include "engine/tensor.h"
#include "train/metrics/geometry.h"

namespace weft {

/// Image n of a host f32 or f64 prediction, row by row.
class DecodedRows {
 public:
  DecodedRows(const TaskSpec& task, Semantics semantics, const Tensor& prediction,
              const Geometry& geometry, int64_t n, int64_t height, int64_t width);
  /// Row y as [label channels][width]; valid until the next call.
  const double* row(int64_t y);

 private:
  void widen(const Tensor& prediction, int64_t n, const std::vector<Between>& columns);
  const double* grown(int64_t y);

  const TaskSpec& task_;
  int64_t in_height_, in_width_, channels_, width_;
  std::vector<Between> rows_;
  std::vector<double> wide_;     // [in_height][channels][width]: columns are done
  std::vector<double> grown_;    // [channels][width]
  std::vector<double> decoded_;  // [label channels][width]
};

/// Image n of a prediction as a label picture of the given size, for people to look at.
Picture predicted_label(const TaskSpec& task, Semantics semantics, const Tensor& prediction,
                        const Geometry& geometry, int n, int height, int width);

/// How likely an image label's prediction [N, h, w, C] makes each class of image n: by softmax; binary:
/// no and yes, by the sigmoid; multilabel: each by itself. Empty where there are no classes, or logits
/// are none.
std::vector<double> class_probabilities(const TaskSpec& task, const Tensor& prediction, int64_t n);

}  // namespace weft
