// Resizing pictures. Images: bilinear, align_corners = false, the triangle widened by the factor
// when it shrinks, so that no source pixel is passed over. Labels: nearest, which keeps
// class ids and NaN as they are, the one whose area holds pixel i's middle, so that labels stay
// where their image goes; `floor`, as the official loaders: index floor(i in / out), up to half a
// pixel off. crop() pads what lies outside with a given value.
#pragma once

#include "data/dataset.h"

namespace weft {

Picture resize_bilinear(const Picture& in, int height, int width);
Picture resize_nearest(const Picture& in, int height, int width, bool floor = false);

/// in[top.., left..] of the given size; pixels outside of `in` become `fill`.
Picture crop(const Picture& in, int top, int left, int height, int width, float fill);

/// Left and right exchanged.
Picture mirror(const Picture& in);

}  // namespace weft
