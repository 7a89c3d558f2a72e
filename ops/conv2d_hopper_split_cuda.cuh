// f32 as the sum of three bf16 parts: high, the nearest bf16; middle, the nearest to what that leaves;
// low, the rest. 24 bits in three times 8: exact, but for what falls below bf16's smallest number,
// 2^-133. Six products of parts make a product of two f32 (conv2d_hopper_cuda.cuh) at tensor cores'
// rate and with f32's error.
// Source: Ootomo and Yokota 2022, "Recovering single precision accuracy from Tensor Cores while
// surpassing the FP32 theoretical peak performance" (sums kept out of the tensor cores); Henry, Tang
// and Heinecke 2019, "Leveraging the bfloat16 artificial intelligence datatype for higher-precision
// computations" (three parts, six products).
#pragma once

#include "engine/cuda/context.h"

namespace weft::hopper_conv {

/// Channels of one part: whole rows of 128 bytes, the last of them filled up with zeros.
constexpr int64_t part_channels(int64_t channels) { return (channels + 63) / 64 * 64; }

/// from [rows, channels] as [rows, 3, part_channels] of bf16.
Tensor split_parts(CudaContext& ctx, const float* from, int64_t rows, int64_t channels);

}  // namespace weft::hopper_conv
