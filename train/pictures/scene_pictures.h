// Rendered rooms and their labels as PNG files, to look at.
#pragma once

#include <cstdint>
#include <string>

namespace weft {

/// Writes scene-NNNN-{image,segmentation,...}.png of `count` training scenes and one contact sheet,
/// sheet.svg, into `folder`.
void write_scenes(const std::string& folder, int count, uint64_t seed, int height, int width);

}  // namespace weft
