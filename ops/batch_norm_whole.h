// Batch norm of small tensors on the GPU in one launch a way instead of two or three: a block owns
// all rows of a strip of channels, keeps them in registers, and goes over the groups one after the
// other; the formulas are those of ops/batch_norm.h.
// For x [G*N, H, W, C] in at most 4 groups of 2048 rows N H W (of more or fewer where C is small or
// no multiple of a vector): the maps of a small step, where a launch costs more than its work. Sums
// are float trees over one block.
#pragma once

#include "ops/batch_norm.h"

namespace weft::kernels {

/// batch_norm_statistics, or in evaluation batch_norm_recall, and then batch_norm_forward; norm.mean
/// and norm.invstd are what `mean` and `invstd` show. False where x is too large, or the statistics are
/// of several ranks' rows: nothing is done.
template <class T>
bool batch_norm_whole_forward(CudaContext&, View<const T> x, const BatchNormOptions&,
                              View<stat_t<T>> mean, View<stat_t<T>> invstd,
                              View<stat_t<T>> running_mean, View<stat_t<T>> running_var,
                              const Normalisation<T>& norm, View<T> y);
/// batch_norm_backward; false as above.
template <class T>
bool batch_norm_whole_backward(CudaContext&, View<const T> x, View<const T> dy,
                               const Normalisation<T>&, bool constant_statistics, View<T> dx,
                               View<stat_t<T>> dgamma, View<stat_t<T>> dbeta);

}  // namespace weft::kernels
