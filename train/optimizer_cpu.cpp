// Updates in one pass over the parameter; gcc vectorises the loops, square root and quotient too.
#include <cmath>

#include "engine/reduce_tree.h"
#include "train/optimizer.h"

namespace weft::kernels {

template <class T>
void sgd_update(CpuContext& ctx, View<T> p, View<const T> grad, View<T> buffer, bool first,
                double lr, double momentum, double weight_decay) {
  T* const __restrict value = p.data;
  T* const __restrict b = buffer.data;
  const T* const __restrict g = grad.data;
  const T rate = static_cast<T>(lr), mu = static_cast<T>(first ? 0.0 : momentum);
  const T decay = static_cast<T>(weight_decay);
  ctx.for_chunks(p.numel(), pointwise_chunk, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      b[i] = mu * b[i] + (g[i] + decay * value[i]);
      value[i] -= rate * b[i];
    }
  });
}

template <class T>
void adam_update(CpuContext& ctx, View<T> p, View<const T> grad, View<T> m, View<T> v, int64_t step,
                 double lr, const OptimizerOptions& o) {
  T* const __restrict value = p.data;
  T* const __restrict mean = m.data;
  T* const __restrict square = v.data;
  const T* const __restrict g = grad.data;
  const double t = static_cast<double>(step);
  const T rate = static_cast<T>(lr / (1 - std::pow(o.beta1, t)));
  const T root = static_cast<T>(1 / std::sqrt(1 - std::pow(o.beta2, t)));
  const T b1 = static_cast<T>(o.beta1), c1 = static_cast<T>(1 - o.beta1);
  const T b2 = static_cast<T>(o.beta2), c2 = static_cast<T>(1 - o.beta2);
  const T eps = static_cast<T>(o.eps), decay = static_cast<T>(o.weight_decay);
  ctx.for_chunks(p.numel(), pointwise_chunk, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T gradient = g[i] + decay * value[i];
      mean[i] = b1 * mean[i] + c1 * gradient;
      square[i] = b2 * square[i] + c2 * gradient * gradient;
      value[i] -= rate * mean[i] / (std::sqrt(square[i]) * root + eps);
    }
  });
}

template <class T>
double sum_of_squares(CpuContext& ctx, View<const T> x) {
  return reduce_tree<double>(ctx, x.numel(), [&](int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t i = begin; i < end; ++i)
      sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    return sum;
  });
}

#define WEFT_INSTANTIATE(T)                                                                       \
  template void sgd_update<T>(CpuContext&, View<T>, View<const T>, View<T>, bool, double, double, \
                              double);                                                            \
  template void adam_update<T>(CpuContext&, View<T>, View<const T>, View<T>, View<T>, int64_t,    \
                               double, const OptimizerOptions&);                                  \
  template double sum_of_squares<T>(CpuContext&, View<const T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
