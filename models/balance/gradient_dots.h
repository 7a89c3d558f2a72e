// Dot products of K gradients of each parameter, a K x K Gram matrix: out[i K + j] = <g_i, g_j>, in
// f64 whatever the gradients' type, over a tree that depends on n alone.
#pragma once

#include <vector>

#include "engine/backend.h"

namespace weft::kernels {

/// Of one parameter of n elements.
template <class T>
struct GradientRows {
  std::vector<const T*> rows;  ///< K; null is a gradient of zero
  int64_t n;
  double* out;  ///< K K doubles, where the context computes
};

template <class T>
void gradient_dots(CpuContext&, const std::vector<GradientRows<T>>& parameters);
/// All in two launches, or in a few more where there are many.
template <class T>
void gradient_dots(CudaContext&, const std::vector<GradientRows<T>>& parameters);

}  // namespace weft::kernels
