// Small questions a spec answers about itself.
#include "data/spec.h"

namespace weft {

int TaskSpec::channels() const {
  switch (kind) {
    case TaskKind::segmentation:
    case TaskKind::classification:
      return classes;
    case TaskKind::normals:
      return 3;
    default:
      return 1;
  }
}

bool TaskSpec::image_label() const {
  return kind == TaskKind::classification || kind == TaskKind::binary ||
         kind == TaskKind::regression;
}

PictureFormat picture_format(const DataSpec& data) {
  return {data.layout == NpyLayout::chw, static_cast<float>(data.float_max)};
}

}  // namespace weft
