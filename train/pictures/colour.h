// Labels and predictions as RGB pictures, and sheets of pictures with captions.
//   segmentation: a palette; normals: xyz * 0.5 + 0.5; depth: viridis, near = bright;
//   edges, keypoints: bright on a dimmed image. NaN (no label) is a dark gray hatch.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/spec.h"

namespace weft {

/// The colour of a class, 0..1 RGB; every id has one.
std::array<float, 3> class_colour(int id);

/// Any dense label as RGB. `image` (same size) lies dimmed below edges and keypoints where given.
/// Depth runs from `nearest` to `farthest`; both 0: from the picture's own range.
Picture colour_label(TaskKind kind, const Picture& label, const Picture* image = nullptr,
                     float nearest = 0, float farthest = 0);

/// 5 x 7 pixel letters, `scale` times as large, at the pixel (y, x) of an RGB picture.
void draw_text(Picture& picture, int y, int x, const std::string& text, int scale = 1);
int text_width(const std::string& text, int scale = 1);

struct SheetCell {
  Picture picture;  ///< RGB, or empty: a gap
  std::string caption;
};

/// A grid, row by row, with captions below the pictures. Pictures of one sheet have one size.
Picture contact_sheet(const std::vector<SheetCell>& cells, int columns);

}  // namespace weft
