// The functions of exported int8 C, as text: C99, int8 maps [H][W][C], weights as in c_kernels.h,
// products of int8 steps and int32 sums, rounded as arithmetic.h does.
#pragma once

#include <string>

#include "train/export/network.h"

namespace weft {

/// What every file has: rounding, clamping, and into steps.
std::string int8_common();
/// Text of the function for nodes of this kind; `f32`: whose output is f32.
std::string int8_kernel(NodeKind kind, bool f32);
/// What convolutions and linear layers need before it: the sums of a pixel, in `int32_t sums[]`.
std::string int8_sums();
/// Its name, the same for kinds that share one.
std::string int8_kernel_name(NodeKind kind, bool f32);
/// Of the input: as it is, by a scale and shift a channel, or by a matrix (normalised inside).
std::string int8_entry(NodeKind kind);
/// Steps as f32.
std::string int8_exit();

}  // namespace weft
