// Updates in one pass over the parameter; gcc vectorises the loops, square root and quotient too.
#include <cmath>

#include "engine/reduce_tree.h"
#include "train/step/finite.h"
#include "train/step/optimizer.h"

namespace weft::kernels {

template <class T>
void sgd_update(CpuContext& ctx, const std::vector<UpdateTerm<T>>& terms, const OptimizerOptions& o,
                const int32_t* verdict) {
  if (verdict != nullptr && *verdict != all_finite) return;
  const T decay = static_cast<T>(o.weight_decay);
  for (const UpdateTerm<T>& t : terms) {
    T* const __restrict value = t.value;
    T* const __restrict b = t.first;
    const T* const __restrict g = t.grad;
    const T rate = static_cast<T>(t.lr), mu = static_cast<T>(t.step == 1 ? 0.0 : o.momentum);
    ctx.for_chunks(t.n, pointwise_chunk, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        b[i] = mu * b[i] + (g[i] + decay * value[i]);
        value[i] -= rate * b[i];
      }
    });
  }
}

template <class T>
void adam_update(CpuContext& ctx, const std::vector<UpdateTerm<T>>& terms,
                 const OptimizerOptions& o, const int32_t* verdict) {
  if (verdict != nullptr && *verdict != all_finite) return;
  const T b1 = static_cast<T>(o.beta1), c1 = static_cast<T>(1 - o.beta1);
  const T b2 = static_cast<T>(o.beta2), c2 = static_cast<T>(1 - o.beta2);
  const T eps = static_cast<T>(o.eps), decay = static_cast<T>(o.weight_decay);
  for (const UpdateTerm<T>& term : terms) {
    T* const __restrict value = term.value;
    T* const __restrict mean = term.first;
    T* const __restrict square = term.second;
    const T* const __restrict g = term.grad;
    const double t = static_cast<double>(term.step);
    const T rate = static_cast<T>(term.lr / (1 - std::pow(o.beta1, t)));
    const T root = static_cast<T>(1 / std::sqrt(1 - std::pow(o.beta2, t)));
    ctx.for_chunks(term.n, pointwise_chunk, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T gradient = g[i] + decay * value[i];
        mean[i] = b1 * mean[i] + c1 * gradient;
        square[i] = b2 * square[i] + c2 * gradient * gradient;
        value[i] -= rate * mean[i] / (std::sqrt(square[i]) * root + eps);
      }
    });
  }
}

template <class T>
double sum_of_squares(CpuContext& ctx, const std::vector<View<const T>>& xs) {
  double squares = 0;
  for (const View<const T>& x : xs)
    squares += reduce_tree<double>(ctx, x.numel(), [&](int64_t begin, int64_t end) {
      double sum = 0;
      for (int64_t i = begin; i < end; ++i)
        sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
      return sum;
    });
  return squares;
}

#define WEFT_INSTANTIATE(T)                                                 \
  template void sgd_update(CpuContext&, const std::vector<UpdateTerm<T>>&,  \
                           const OptimizerOptions&, const int32_t*);        \
  template void adam_update(CpuContext&, const std::vector<UpdateTerm<T>>&, \
                            const OptimizerOptions&, const int32_t*);       \
  template double sum_of_squares(CpuContext&, const std::vector<View<const T>>&);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
