// The functions of exported int8 C, as text: C99, int8 maps [H][W][C], products of 16 bits and
// int32 sums, rounded as arithmetic.h does. Weights are [K][R][S][C / G], so that the innermost loop is
// a sum of products of neighbours, which compilers have an instruction for.
#pragma once

#include <string>

#include "train/export/network.h"

namespace weft {

/// What every file has: rounding, clamping, and into steps.
std::string int8_common();
/// Text of the function for nodes of this kind; `f32`: whose output is f32.
std::string int8_kernel(NodeKind kind, bool f32);
/// What convolutions and linear layers need before it: the sums of four pixels, `int32_t sums[4 K]`,
/// of what these see, `int16_t patch[4][R S C / G]`.
std::string int8_sums();
/// Its name, the same for kinds that share one.
std::string int8_kernel_name(NodeKind kind, bool f32);
/// Of the input: as it is, by a scale and shift a channel, or by a matrix (normalised inside).
std::string int8_entry(NodeKind kind);
/// Steps as f32.
std::string int8_exit();

}  // namespace weft
