// Pixels 0..1 to what a network sees, and back.
//   imagenet: (RGB - mean) / std of ImageNet; gray: their means over the colours
//   caffe: BGR * 255 - (104.00698793, 116.66876762, 122.67891434), no division; gray: their mean
//   none: as it is (tabular data too)
#pragma once

#include "data/dataset.h"

namespace weft {

/// Writes picture's H * W * C numbers to `target`; other than 1 or 3 channels need `none`.
void normalize_pixels(const Picture& picture, Normalize how, float* target);

/// The picture whose normalised pixels these are, clamped to 0..1.
Picture restore_pixels(const float* pixels, int height, int width, int channels, Normalize how);

}  // namespace weft
