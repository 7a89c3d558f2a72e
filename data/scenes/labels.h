// Exact labels of a rendered world, from what the central ray of each pixel met.
#pragma once

#include "data/scenes/render.h"
#include "data/scenes/trace.h"

namespace weft::scenes {

void make_labels(const World& world, const std::vector<Hit>& hits, int height, int width,
                 const Philox& noise, Rendered& out);

}  // namespace weft::scenes
