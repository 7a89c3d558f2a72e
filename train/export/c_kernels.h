// The functions that exported C files consist of, as text: one for each kind of node, of which a
// file has those that it calls. C99, float, no memory of their own. Maps are [H][W][C], a
// convolution's weights [G][R][S][C / G][K / G], so that the innermost loop runs over neighbours.
#pragma once

#include <string>

#include "train/export/network.h"

namespace weft {

/// Text of the function for nodes of this kind (conv and linear have one), with what it needs.
std::string c_kernel(NodeKind kind);
/// Its name: "weft_conv".
std::string c_kernel_name(NodeKind kind);

}  // namespace weft
