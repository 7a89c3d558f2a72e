// An exported network for pictures of another size than it was recorded at, and what is wrong with
// one that a file describes: shapes follow node by node from the input's, by each kind's formula.
#pragma once

#include <string>

#include "train/export/network.h"

namespace weft {

/// The name of a layer whose map is one pixel at this size alone, so that what follows (a mean that
/// was left out) holds for no other size; empty: there is none.
std::string one_pixel_layer(const ExportedNetwork& network);

/// The same nodes with the shapes that they have for an input [height, width, C]. DataError, naming
/// the node, where weights, inputs or attributes do not fit together, or where the picture is too
/// small for a window.
ExportedNetwork at_size(const ExportedNetwork& network, int64_t height, int64_t width);

}  // namespace weft
