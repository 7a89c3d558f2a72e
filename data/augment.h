// Resizing and random change of a sample: its colours (data/jitter.h), to the batch's size, zoomed by
// a factor, mirrored, cut; or a text's characters (data/hide.h).
// Sound: a mirror negates the normals' x, and a zoom by s divides depth by s (things s times as
// large are s times as near). Compat, as AdaShare's loaders: neither, but that Taskonomy's
// mirror does negate x. What a cut or a shrunken picture leaves open is black without labels.
#pragma once

#include <vector>

#include "data/dataset.h"
#include "data/spec.h"
#include "engine/philox.h"

namespace weft {

struct FitOptions {
  int height = 0, width = 0;  ///< 0: as the picture is
  AugmentSpec augment;        ///< scale, flip, crop
  bool sound = true;
  bool negates_x = false;  ///< compat: the set's own loader negates the mirrored normals' x
  DepthUnit depth_unit = DepthUnit::metres;  ///< the loader takes it from the data set
};

/// The sample at the batch's size; a pure function of it and `noise`. Labels of one image
/// (1 x 1) stay as they are; a dense label of another size than its image is resized to it.
Sample fit_sample(Sample sample, const std::vector<TaskSpec>& tasks, const FitOptions& options,
                  const Philox& noise);

}  // namespace weft
