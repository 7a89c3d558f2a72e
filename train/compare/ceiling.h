// What a device could do at most, measured: the numbers that shares are quoted of. A CPU's is a
// loop of multiply-adds that never leaves the registers, never weft's own GEMM; a GPU's is a large
// square product of cuBLAS in the context's math. Bytes are those of a copy, read and written.
#pragma once

#include <functional>

#include "engine/backend.h"
#include "train/run_file/choices.h"

namespace weft {

/// Multiply-adds of all threads together, of f32 or in tiles of bf16, counted as two operations each;
/// GFLOP/s.
double cpu_peak_gflops(int threads, Precision precision = Precision::f32);
/// A GPU's, in the context's math, or in bf16; GFLOP/s. In f32x6, whose product cuBLAS does not have,
/// a sixth of bf16's.
double matrix_peak_gflops(const AnyContext& context, Precision precision);
/// Reading and writing together; GB/s.
double copy_peak_gbs(const AnyContext& context);

/// Milliseconds of `work`, to its end on the device: the least of `reps` after one to warm up. On a
/// GPU each is `calls` calls in a row, so that starting them is not what is measured.
double least_milliseconds(const AnyContext& context, int64_t reps,
                          const std::function<void()>& work, int calls = 10);

}  // namespace weft
