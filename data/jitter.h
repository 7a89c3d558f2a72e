// Random change of a picture's colours, labels untouched. Of pixels x in 0..1, in this order, each
// result cut to 0..1, with g the pixel's grey 0.299 R + 0.587 G + 0.114 B and m its mean over the
// picture:
//   brightness  x <- b x             b ~ uniform(1 - augment.brightness, 1 + augment.brightness)
//   contrast    x <- m + c (x - m)   c, s likewise
//   saturation  x <- g + s (x - g)
// As torchvision's ColorJitter, which draws the order, too. A picture of one channel is its own
// grey.
#pragma once

#include "data/dataset.h"
#include "data/spec.h"
#include "engine/philox.h"

namespace weft {

/// Elements 4, 5 and 6 of `noise` are the three factors. ConfigError where a picture has neither
/// one channel nor three: what its grey is, nobody knows.
void jitter_colours(Picture& picture, const AugmentSpec& augment, const Philox& noise);

}  // namespace weft
