// Gumbel-softmax on the CPU: row by row in double, rounded once at the end.
#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/gumbel_softmax.h"
#include "ops/softmax_rows.h"

namespace weft::kernels {
template <class T>
void gumbel_softmax_forward(CpuContext& ctx, const Philox& philox, View<const T> logits,
                            double temperature, bool hard, View<T> soft, View<T> y) {
  const int64_t width = logits.shape.back();
  for_rows(ctx, logits.shape.outer(logits.shape.rank() - 1), width, [&](int64_t row) {
    const int64_t first = row * width;
    std::vector<double> z(static_cast<size_t>(width));
    for (int64_t j = 0; j < width; ++j) {
      const double g = -std::log(-std::log(philox.uniform(static_cast<uint64_t>(first + j))));
      z[j] = (static_cast<double>(logits[first + j]) + g) / temperature;
    }
    const auto top = std::max_element(z.begin(), z.end());
    const double highest = *top;
    const int64_t chosen = top - z.begin();
    double sum = 0;
    for (double& v : z) sum += v = std::exp(v - highest);
    for (int64_t j = 0; j < width; ++j) soft[first + j] = static_cast<T>(z[j] / sum);
    // NaN logits give NaN, not a choice.
    if (hard)
      for (int64_t j = 0; j < width; ++j)
        y[first + j] = std::isnan(sum) ? static_cast<T>(sum) : static_cast<T>(j == chosen);
  });
}

template <class T>
void gumbel_softmax_backward(CpuContext& ctx, View<const T> soft, View<const T> dy,
                             double temperature, View<T> dlogits) {
  const int64_t width = dy.shape.back();
  for_rows(ctx, dy.shape.outer(dy.shape.rank() - 1), width, [&](int64_t row) {
    const T *s = soft.data + row * width, *d = dy.data + row * width;
    for (int64_t i = 0; i < width; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < width; ++j)
        sum += static_cast<double>(s[j]) * (static_cast<double>(d[i]) - static_cast<double>(d[j]));
      dlogits[row * width + i] = static_cast<T>(static_cast<double>(s[i]) * sum / temperature);
    }
  });
}

#define WEFT_INSTANTIATE(T)                                                                     \
  template void gumbel_softmax_forward(CpuContext&, const Philox&, View<const T>, double, bool, \
                                       View<T>, View<T>);                                       \
  template void gumbel_softmax_backward(CpuContext&, View<const T>, View<const T>, double, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
