// Small questions a spec answers about itself.
#include "data/spec.h"

#include "data/measured_label.h"
#include "data/target.h"

namespace weft {

int TaskSpec::label_channels() const {
  if (!target.empty())
    return static_cast<int>(
        measured::channels(static_cast<int64_t>(slopes.size()), learns_slopes(slopes, "slopes")));
  return kind == TaskKind::normals ? 3 : kind == TaskKind::multilabel ? classes : 1;
}

int TaskSpec::channels() const {
  switch (kind) {
    case TaskKind::segmentation:
    case TaskKind::classification:
    case TaskKind::multilabel:
      return classes;
    case TaskKind::normals:
      return 3;
    default:
      return 1;
  }
}

bool TaskSpec::one_class() const {
  return kind == TaskKind::classification || kind == TaskKind::binary;
}

bool TaskSpec::image_label() const {
  return one_class() || kind == TaskKind::regression || kind == TaskKind::multilabel;
}

PictureFormat picture_format(const DataSpec& data) {
  return {data.layout == NpyLayout::chw, static_cast<float>(data.float_max)};
}

}  // namespace weft
