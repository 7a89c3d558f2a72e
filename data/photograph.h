// A photograph as a network sees it, before its pixels are normalised (data/normalize.h).
#pragma once

#include <array>

#include "io/picture.h"

namespace weft {

/// In `channels` channels (gray from colours by luminance 0.299 R + 0.587 G + 0.114 B, colours from
/// gray as three of it), resized bilinearly to `size`, height and width, where that is not 0.
/// ConfigError where a network sees neither 1 nor 3 channels.
Picture as_network_sees(const Picture& photograph, int channels, const std::array<int, 2>& size);

}  // namespace weft
