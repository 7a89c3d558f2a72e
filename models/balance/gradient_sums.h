// Weighted sums of K gradients of each parameter: to = sum_i weight_i g_i, in order. Weights lie where
// the context computes, so that nobody waits for them. A gradient of weight 0 is not read, and no
// gradients give zeros.
#pragma once

#include <vector>

#include "engine/backend.h"

namespace weft::kernels {

/// Of one parameter of n elements.
template <class T>
struct GradientSum {
  struct Term {
    const T* g;
    const double* weight;
  };
  std::vector<Term> terms;
  int64_t n;
  T* to;
};

template <class T>
void gradient_sums(CpuContext&, const std::vector<GradientSum<T>>& parameters);
/// All in one launch for two gradients, and one more for each further two.
template <class T>
void gradient_sums(CudaContext&, const std::vector<GradientSum<T>>& parameters);

}  // namespace weft::kernels
