// From what a label file or cell says to what a task learns, by the task's map, ignore, invalid and
// scale. Errors name the file (or the index's line), the value and what was expected.
//   segmentation: whole numbers; ignore and invalid -> NaN; then map; then 0 .. classes - 1
//   normals: three channels; 8 or 16 bit files hold (n + 1) / 2, npy files n; made unit length
//   depth, edges, keypoints, regression: value * scale; invalid -> NaN
#pragma once

#include <string>

#include "train/data/picture_io.h"
#include "train/run_file.h"

namespace weft {

/// A dense label as read by read_values; `bits` as in PictureInfo (0: floating point).
Picture decode_label(Picture values, const TaskSpec& task, int bits, const std::string& place);

/// A class id of an image label after ignore and map: the class, or NaN.
float decode_class(double id, const TaskSpec& task, const std::string& place);

}  // namespace weft
