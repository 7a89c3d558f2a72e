// Chunks of the two matrix products (gemm.h) on factors rounded to bf16, by Intel's AMX: a tile
// instruction adds a [16, 32] by [32, 16] product to 16 x 16 sums in f32,
//   C[i, j] <- C[i, j] + sum over k < 32 of bf16(A[i, k]) bf16(B[k, j]),
// at about ten times the rate of f32's. All else is as in f32: operands and C lie in memory as f32,
// sums of k_block are added to C in f32, and their order depends on sizes alone. Numbers below
// f32's normal range count as 0.
#pragma once

#include <string>
#include <vector>

#include "engine/cpu/gemm.h"

namespace weft::gemm_bf16 {

/// "": this processor can, and the system lets it; else why not. Looks once.
const std::string& why_not();

/// So many products of two tiles, 2 x 16 x 16 x 32 operations each, that touch no memory: what the
/// processor could do at most.
void multiply_tiles(int64_t count);

/// C is cut in units of these; a chunk has at most so many of them in rows (outer) or columns (rows).
inline constexpr int unit = 32, most_columns = 16, most_rows = 8;

/// Rows [m0, m1) and columns [n0, n1), at most most_columns units, of C.
void row_chunk(const RowOutput<float>& c, Layout b_layout,
               const std::vector<RowProduct<float>>& products, int64_t m0, int64_t m1, int64_t n0,
               int64_t n1);

/// Rows [m0, m1), at most most_rows units, and columns [n0, n1) of one C, for k in [k_begin, k_end),
/// which is not empty.
void outer_chunk(const OuterProduct<float>& p, int64_t width, float* c, int64_t c_stride,
                 int64_t m0, int64_t m1, int64_t n0, int64_t n1, int64_t k_begin, int64_t k_end);

}  // namespace weft::gemm_bf16
