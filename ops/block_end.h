// block_end: a residual block's end under soft gates, of G groups stacked on N, group g by its own gate
//   z = BN_g(x) + r    f = max(z, 0)    y = p_g[0] f + p_g[1] r
// as batch_norm, add_relu and gate compute it, without writing out what lies between: on a GPU three
// passes over a map forward and six back, where the three ops take eight and thirteen. x, r, y
// [G*N, H, W, C]; p_g a row of the task's probabilities [L, 2]. Formulas of BN are batch_norm.h's.
//   df = p_g[0] dy    dz = df where z > 0    dr = dz + p_g[1] dy    dp_g = (<dy, f>, <dy, r>)
// Retains x, gamma, beta, p, mean and 1 / std [G, C], a bit an element: whether z > 0, and r where some
// p needs a gradient.
#pragma once

#include <vector>

#include "ops/batch_norm.h"

namespace weft {

/// A group's gate: row `row` of p [L, 2], select and skip.
struct GroupGate {
  Var p;
  int row = 0;
};

/// In training, of as many groups as there are gates: options.group_weights for all with one set of
/// running statistics, or one group each with as many sets. Throws ShapeError otherwise.
Var block_end(const Var& x, const Var& gamma, const Var& beta,
              const std::vector<BatchNormStats*>& stats, const Var& r,
              const std::vector<GroupGate>& gates, const BatchNormOptions& = {},
              SourceLoc = SourceLoc::here());

namespace kernels {

/// What comes behind the norm: x's rows in as many groups as there are gates.
template <class T>
struct BlockEnd {
  View<const T> r;                     ///< back: without data where no dp is wanted
  View<uint8_t> positive;              ///< as add_relu.h's SignBits
  std::vector<const stat_t<T>*> gate;  ///< [2] of each group, where the context computes
};

/// y, and the bits where they are wanted; mean and invstd are known. norm.relu is not looked at.
template <class T>
void block_end_forward(CpuContext&, View<const T> x, const Normalisation<T>&, const BlockEnd<T>&,
                       View<T> y);
template <class T>
void block_end_forward(CudaContext&, View<const T> x, const Normalisation<T>&, const BlockEnd<T>&,
                       View<T> y);

/// Where gradients go; a view without data is not wanted.
template <class T>
struct BlockEndGradients {
  View<T> dx, dr;  ///< dr may be dy's bytes
  View<stat_t<T>> dgamma, dbeta;
  std::vector<View<stat_t<T>>> dp;  ///< [2] of each group, or no views at all
};
template <class T>
void block_end_backward(CpuContext&, View<const T> x, View<const T> dy, const Normalisation<T>&,
                        const BlockEnd<T>&, const BlockEndGradients<T>&);
template <class T>
void block_end_backward(CudaContext&, View<const T> x, View<const T> dy, const Normalisation<T>&,
                        const BlockEnd<T>&, const BlockEndGradients<T>&);

}  // namespace kernels
}  // namespace weft
