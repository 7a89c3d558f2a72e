// Geometry: pixels of outputs, and outputs around pixels.
#include "train/metrics/geometry.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace weft {
namespace {

/// The pixel that output i stands for.
int64_t pixel_of(const Axis& axis, int64_t i) {
  const double looks_at = axis.grid.first + static_cast<double>(i) * axis.grid.stride;
  return std::min(static_cast<int64_t>(std::floor(looks_at + 0.5)), axis.picture - 1);
}

double labels_per_pixel(const Axis& axis) {
  return static_cast<double>(axis.labels) / static_cast<double>(axis.picture);
}

/// Outputs end within half a stride beyond the last pixel, and leave less than another's pixels
/// behind them: all that padding, rounding up and rounding down of strides can do.
bool covers(const Axis& axis) {
  if (axis.semantics == Semantics::compat) return true;  // any two sizes go together
  const auto [first, stride] = axis.grid;
  const double last = first + static_cast<double>(axis.outputs - 1) * stride;
  const double behind = static_cast<double>(axis.picture - 1) - last;
  return behind > -0.5 * stride && behind <= stride - 1 + first;
}

}  // namespace

Geometry geometry_of(const Model& model, size_t k, const Shape& images) {
  if (model.tasks()[k].image_label) return {};
  return {model.grid(k), images[1], images[2]};
}

Axes::Axes(const TaskSpec& task, Semantics semantics, const Geometry& geometry, int64_t out_height,
           int64_t out_width, int64_t label_height, int64_t label_width)
    : rows{semantics, geometry.grid, geometry.height > 0 ? geometry.height : label_height,
           out_height, label_height},
      columns{semantics, geometry.grid, geometry.width > 0 ? geometry.width : label_width,
              out_width, label_width} {
  if (!covers(rows) || !covers(columns))
    throw ShapeError(fmt::format(
        "task '{}': predictions of {} x {}, {} pixels apart from pixel {} on, are not those of a "
        "picture of {} x {}; pass the geometry of the network that made them",
        task.name, out_height, out_width, geometry.grid.stride, geometry.grid.first, rows.picture,
        columns.picture));
}

std::vector<int64_t> label_indices(const Axis& axis) {
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < axis.outputs; ++i) {
    const double there = (static_cast<double>(pixel_of(axis, i)) + 0.5) * labels_per_pixel(axis);
    indices.push_back(axis.semantics == Semantics::compat
                          ? i * axis.labels / axis.outputs
                          : std::min(static_cast<int64_t>(there), axis.labels - 1));
  }
  return indices;
}

std::vector<Between> outputs_around(const Axis& axis) {
  const double scale = labels_per_pixel(axis);
  const auto place = [&](int64_t i) {
    return (static_cast<double>(pixel_of(axis, i)) + 0.5) * scale - 0.5;
  };
  std::vector<Between> around;
  int64_t low = -1;  // the last output at or before label pixel x
  for (int64_t x = 0; x < axis.labels; ++x) {
    if (axis.semantics == Semantics::compat) {
      const int64_t output = x * axis.outputs / axis.labels;
      around.push_back({output, output, 0});
      continue;
    }
    const auto here = static_cast<double>(x);
    while (low + 1 < axis.outputs && place(low + 1) <= here) ++low;
    if (low < 0 || low + 1 == axis.outputs || place(low) == here) {
      const int64_t output = std::max<int64_t>(low, 0);
      around.push_back({output, output, 0});
    } else {
      const double from = place(low), to = place(low + 1);
      around.push_back({low, low + 1, (here - from) / (to - from)});
    }
  }
  return around;
}

}  // namespace weft
