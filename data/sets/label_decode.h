// From what a label file or cell says to what a task learns, by the task's map, ignore, invalid and
// scale. Errors name the file (or the index's line), the value and what was expected.
//   segmentation: whole numbers; ignore and invalid -> NaN; then map; then 0 .. classes - 1
//   normals: three channels; 8 or 16 bit files hold (n + 1) / 2, npy files n; made unit length,
//     and invalid where the length is outside 0.9..1.1 (what 8 bits round to is within 0.99..1.01)
//   depth, edges, keypoints, regression: value * scale; invalid -> NaN
// NaN in a file of floats is no label; an infinite value is refused. JPEG changes values, so no
// label is one.
#pragma once

#include <string>

#include "data/spec.h"
#include "io/picture_io.h"

namespace weft {

/// A label file's numbers; JPEG, and a file that EXIF says is turned, are refused.
struct LabelFile {
  Picture values;
  int bits = 8;  ///< as in PictureInfo
};
LabelFile read_label(const std::string& path, const TaskSpec& task,
                     const PictureFormat& format = {});

/// A dense label as read by read_label. compat takes the official targets as they are: normals of
/// any length, keypoints and edges from -1.
Picture decode_label(Picture values, const TaskSpec& task, int bits, const std::string& place,
                     Semantics semantics = Semantics::sound);

/// A label may be larger or smaller than its picture by one factor; both are then one size, up to
/// a pixel of the smaller: a DataError names both files and sizes.
void check_label_size(const Picture& image, const std::string& image_path, const Picture& label,
                      const std::string& label_path);

/// A class id of an image label after ignore and map: the class, or NaN.
float decode_class(double id, const TaskSpec& task, const std::string& place);

}  // namespace weft
