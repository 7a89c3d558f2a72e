// Dropout on the CPU: a Philox group at a time, so that the words and the selection vectorise.
#include <algorithm>

#include "ops/dropout.h"
#include "ops/pointwise_cpu.h"

namespace weft::kernels {
namespace {

constexpr int64_t group = Philox::group;
static_assert(pointwise_chunk % group == 0);

/// y = f(x) where the word reaches `from`, else 0: f first and for all, so that no loop branches.
template <class T, class F>
void select(const uint32_t* __restrict words, int32_t from, const T* __restrict x, int64_t n, F f,
            T* __restrict y) {
  T values[group];
  for (int64_t i = 0; i < n; ++i) values[i] = f(x[i]);
  for (int64_t i = 0; i < n; ++i)
    y[i] = static_cast<int32_t>(words[i] >> 8) >= from ? values[i] : T(0);
}

template <class T, class F>
void keep_some(CpuContext& ctx, const Philox& philox, uint64_t first, double p, View<const T> x,
               View<T> y, F f) {
  const int32_t from = keep_from(p);
  ctx.for_chunks(y.numel(), pointwise_chunk, [&](int64_t begin, int64_t end) {
    uint32_t words[2 * group];
    for (int64_t at = begin; at < end; at += group) {
      const uint64_t element = first + static_cast<uint64_t>(at), within = element % group;
      philox.words(element - within, words);
      if (within > 0) philox.words(element - within + group, words + group);
      select(words + within, from, x.data + at, std::min(group, end - at), f, y.data + at);
    }
  });
}

template <class T>
T growth(double p) {
  return static_cast<T>(1 / (1 - p));
}

}  // namespace

template <class T>
void dropout(CpuContext& ctx, const Philox& philox, uint64_t first, double p, View<const T> x,
             View<T> y) {
  keep_some(ctx, philox, first, p, x, y, [by = growth<T>(p)](T v) { return by * v; });
}

template <class T>
void relu_dropout_forward(CpuContext& ctx, const Philox& philox, uint64_t first, double p,
                          View<const T> x, View<T> y) {
  keep_some(ctx, philox, first, p, x, y,
            [by = growth<T>(p)](T v) { return v < T(0) ? T(0) : by * v; });
}

template <class T>
void relu_dropout_backward(CpuContext& ctx, double p, View<const T> y, View<const T> dy,
                           View<T> dx) {
  map(
      ctx, dx.numel(), [by = growth<T>(p)](T d, T v) { return v > T(0) ? by * d : T(0); }, dx.data,
      dy.data, y.data);
}

#define WEFT_INSTANTIATE(T)                                                                       \
  template void dropout(CpuContext&, const Philox&, uint64_t, double, View<const T>, View<T>);    \
  template void relu_dropout_forward(CpuContext&, const Philox&, uint64_t, double, View<const T>, \
                                     View<T>);                                                    \
  template void relu_dropout_backward(CpuContext&, double, View<const T>, View<const T>, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)

}  // namespace weft::kernels
