// Where a dense prediction lies over its labels: one geometry for losses, constant baselines,
// metrics, `weft predict` and pictures. Along each axis:
//   sound   output i stands for pixel s_i = min(floor(first + i * stride + 1/2), picture - 1), the
//           one that it looks at (models/grid.h): its label is the one there, and a prediction
//           grows to the labels' size bilinearly from outputs that lie there, constant beyond the
//           first and the last. Labels of another size than the picture cover the same area: pixel
//           s lies at (s + 1/2) * labels / picture - 1/2 of them.
//   compat  the official code: label floor(i * labels / outputs), and label pixel y grows from
//           output floor(y * outputs / labels).
#pragma once

#include <vector>

#include "models/sharing/sharing.h"
#include "train/run_file/run_file.h"

namespace weft {

/// Outputs on `grid` of pictures of height x width; 0: pictures of the labels' size. As it is made,
/// every pixel has an output of its own.
struct Geometry {
  Grid grid;
  int64_t height = 0, width = 0;
};

/// Of task k's predictions for images [N, H, W, C].
Geometry geometry_of(const Model& model, size_t k, const Shape& images);

/// One axis of it, with how many outputs and labels there are.
struct Axis {
  Semantics semantics;
  Grid grid;
  int64_t picture, outputs, labels;
};

/// Throws ShapeError, which names the task, where outputs h x w can't be those of such pictures.
struct Axes {
  Axes(const TaskSpec& task, Semantics semantics, const Geometry& geometry, int64_t out_height,
       int64_t out_width, int64_t label_height, int64_t label_width);
  Axis rows, columns;
};

/// For each output the index of its label.
std::vector<int64_t> label_indices(const Axis& axis);

/// A label pixel lies between outputs `low` and `high`, at `high_share` of the way.
struct Between {
  int64_t low, high;
  double high_share;
};

/// For each label pixel its outputs; one that a single output decides has it as both.
std::vector<Between> outputs_around(const Axis& axis);

}  // namespace weft
