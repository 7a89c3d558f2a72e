// Layer norm (Ba et al. 2016) over the last axis of x [.., C], and group norm (Wu and He 2018) over
// x [N, .., C], whose C channels are G equal neighbouring groups:
//   y = gamma (x - mean) / sqrt(var + eps) + beta, gamma and beta [C].
// mean and the biased var are a row's own, or a picture's and group's over all its pixels; layer
// norm is group norm with every row a picture of one pixel and one group.
// Retains x, gamma, and mean and 1 / sqrt(var + eps) [N, G].
#pragma once

#include "engine/tape.h"

namespace weft {

Var layer_norm(const Var& x, const Var& gamma, const Var& beta, double eps = 1e-5,
               SourceLoc = SourceLoc::here());
/// groups = C is instance norm.
Var group_norm(const Var& x, const Var& gamma, const Var& beta, int64_t groups, double eps = 1e-5,
               SourceLoc = SourceLoc::here());

namespace kernels {

/// x as [N, pixels, C]; mean and invstd, which it fills, are [N, G], gamma and beta [C].
template <class T>
void group_norm_forward(CpuContext&, View<const T> x, View<const stat_t<T>> gamma,
                        View<const stat_t<T>> beta, double eps, View<stat_t<T>> mean,
                        View<stat_t<T>> invstd, View<T> y);
template <class T>
void group_norm_forward(CudaContext&, View<const T> x, View<const stat_t<T>> gamma,
                        View<const stat_t<T>> beta, double eps, View<stat_t<T>> mean,
                        View<stat_t<T>> invstd, View<T> y);
/// dx, dgamma and dbeta; a view without data is not wanted.
template <class T>
void group_norm_backward(CpuContext&, View<const T> x, View<const T> dy,
                         View<const stat_t<T>> gamma, View<const stat_t<T>> mean,
                         View<const stat_t<T>> invstd, View<T> dx, View<stat_t<T>> dgamma,
                         View<stat_t<T>> dbeta);
template <class T>
void group_norm_backward(CudaContext&, View<const T> x, View<const T> dy,
                         View<const stat_t<T>> gamma, View<const stat_t<T>> mean,
                         View<const stat_t<T>> invstd, View<T> dx, View<stat_t<T>> dgamma,
                         View<stat_t<T>> dbeta);

}  // namespace kernels
}  // namespace weft
