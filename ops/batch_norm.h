// Batch norm over x [G*N, H, W, C] or [G*N, C]: y = gamma (x - mean_g) / sqrt(var_g + eps) + beta.
// The batch is G equal groups stacked on N, and each has its own statistics, as G separate passes
// would: mean and the biased variance over N, H, W. Running statistics take the unbiased variance,
// r <- keep r + sum_g group_weights[g] b_g, and are plain tensors, not on the tape. In evaluation
// they replace mean and var. relu: y = max(y, 0) in the same pass, its mask recomputed in backward.
// Retains x, gamma, beta, and mean and 1 / std [G, C], from which y can be computed again.
#pragma once

#include <vector>

#include "engine/tape.h"

namespace weft {

/// One set of running statistics; a trunk has one per batch norm, or one per task.
struct BatchNormStats {
  Tensor running_mean;  ///< [C]
  Tensor running_var;   ///< [C]
  int64_t num_batches_tracked = 0;
};

/// The defaults are one plain training pass at momentum 0.1.
struct BatchNormOptions {
  bool training = true;
  double eps = 1e-5;
  std::vector<double> group_weights = {0.1};  ///< one per group: its size is G in training
  double keep = 0.9;
  int64_t tracked = 1;  ///< added to num_batches_tracked
  bool relu = false;
  bool over_ranks = true;  ///< the moments of all ranks' rows (engine/ranks.h); false: of these
};

/// Sets group_weights, keep and tracked to what one naive pass per task, r <- (1 - m) r + m b,
/// would do in task order; task k's values are in group group_of_task[k].
void set_running_update(BatchNormOptions&, int groups, const std::vector<int>& group_of_task,
                        double momentum = 0.1);

Var batch_norm(const Var& x, const Var& gamma, const Var& beta, BatchNormStats&,
               const BatchNormOptions& = {}, SourceLoc = SourceLoc::here());

/// The same with running statistics for each of the stack's G groups: group g moves *stats[g]
/// alone, or in evaluation is normalised by it. The options are those of a pass for one group.
Var batch_norm(const Var& x, const Var& gamma, const Var& beta,
               const std::vector<BatchNormStats*>& stats, const BatchNormOptions& = {},
               SourceLoc = SourceLoc::here());

/// The running update alone, as a training pass over x would do it: the value of x serves another
/// set of statistics too. Nothing is recorded.
void track_running(const Var& x, BatchNormStats&, const BatchNormOptions& = {},
                   SourceLoc = SourceLoc::here());

namespace kernels {

/// What turns x into y, by group and channel.
template <class T>
struct Normalisation {
  View<const stat_t<T>> mean, invstd;  ///< [G, C]
  View<const stat_t<T>> gamma, beta;   ///< [C]
  bool relu;
};

/// mean and invstd [G, C] of x, and the update of the running statistics [C].
template <class T>
void batch_norm_statistics(CpuContext&, View<const T> x, const BatchNormOptions&,
                           View<stat_t<T>> mean, View<stat_t<T>> invstd,
                           View<stat_t<T>> running_mean, View<stat_t<T>> running_var);
template <class T>
void batch_norm_statistics(CudaContext&, View<const T> x, const BatchNormOptions&,
                           View<stat_t<T>> mean, View<stat_t<T>> invstd,
                           View<stat_t<T>> running_mean, View<stat_t<T>> running_var);
/// The same from running statistics: G = 1.
template <class T>
void batch_norm_recall(CpuContext&, View<const stat_t<T>> running_mean,
                       View<const stat_t<T>> running_var, double eps, View<stat_t<T>> mean,
                       View<stat_t<T>> invstd);
template <class T>
void batch_norm_recall(CudaContext&, View<const stat_t<T>> running_mean,
                       View<const stat_t<T>> running_var, double eps, View<stat_t<T>> mean,
                       View<stat_t<T>> invstd);
template <class T>
void batch_norm_forward(CpuContext&, View<const T> x, const Normalisation<T>&, View<T> y);
template <class T>
void batch_norm_forward(CudaContext&, View<const T> x, const Normalisation<T>&, View<T> y);
/// dx, dgamma and dbeta; a view without data is not wanted. constant_statistics: in evaluation.
template <class T>
void batch_norm_backward(CpuContext&, View<const T> x, View<const T> dy, const Normalisation<T>&,
                         bool constant_statistics, View<T> dx, View<stat_t<T>> dgamma,
                         View<stat_t<T>> dbeta);
template <class T>
void batch_norm_backward(CudaContext&, View<const T> x, View<const T> dy, const Normalisation<T>&,
                         bool constant_statistics, View<T> dx, View<stat_t<T>> dgamma,
                         View<stat_t<T>> dbeta);

}  // namespace kernels
}  // namespace weft
