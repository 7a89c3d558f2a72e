// Batch norm over ranks (engine/ranks.h), each of which has as many rows: the moments of all rows are
// those of rank 0 and 1, combined, then of these and rank 2, and so on (Chan, Golub and LeVeque 1983).
// Between GPUs the moments of each are gathered, and combined on every card; the sums of dx are added
// up there (engine/card_ranks.h). Neither waits for the host.
#pragma once

#include <cstdint>

#include "ops/batch_norm.h"

namespace weft::kernels {

/// This rank's means and squared deviations of `rows` rows become those of all ranks'. Of group g
/// and channel c they are at g * pitch + c.
void combine_ranks(int64_t rows, int64_t groups, int64_t channels, int64_t pitch, double* mean,
                   double* square);

/// own [G, C, 2]: mean and squared deviations of this rank's `rows` rows. Of all ranks' rows come
/// mean and invstd, and the running statistics move.
void moments_of_ranks(CudaContext&, const Tensor& own, int64_t rows, const BatchNormOptions&,
                      View<float> mean, View<float> invstd, View<float> running_mean,
                      View<float> running_var);
/// own [G, C, 2]: sums of dy and of dy (x - mean) of this rank's rows, which become all ranks'; of
/// them a = mean of dy, b = mean of dy (x - mean) / var.
void slopes_of_ranks(CudaContext&, const Tensor& own, int64_t rows, View<const float> invstd,
                     float* a, float* b);

}  // namespace weft::kernels
