// gate on the CPU: weighted sums of up to a few groups, and the two dot products of dp in one pass
// over dy. Dot products run in fixed lanes over fixed chunks, which are combined pairwise in
// double.
#include <algorithm>

#include "engine/reduce_tree.h"
#include "ops/gate.h"

namespace weft::kernels {
namespace {

// Above 16 gcc keeps the loop over lanes as a loop, and vectorises it; a shorter one it unrolls
// into a tangle of shuffles, eight times slower.
constexpr int64_t lanes = 32;

struct Dots {
  double f = 0, r = 0;
  Dots& operator+=(const Dots& other) {
    f += other.f;
    r += other.r;
    return *this;
  }
};

template <class T>
Dots chunk_dots(const T* __restrict dy, const T* __restrict f, const T* __restrict r, int64_t n) {
  T of_f[lanes] = {}, of_r[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int64_t lane = 0; lane < lanes; ++lane) {
      of_f[lane] += dy[i + lane] * f[i + lane];
      of_r[lane] += dy[i + lane] * r[i + lane];
    }
  for (int64_t lane = 0; i < n; ++i, ++lane) {
    of_f[lane] += dy[i] * f[i];
    of_r[lane] += dy[i] * r[i];
  }
  combine_pairwise(of_f, lanes);
  combine_pairwise(of_r, lanes);
  return {static_cast<double>(of_f[0]), static_cast<double>(of_r[0])};
}

template <class T>
void gate_sum(CpuContext& ctx, const std::vector<GateTerm<T>>& terms, int64_t n, T* y) {
  struct Weighted {
    const T* x;
    T by;
  };
  std::vector<Weighted> read;
  for (const GateTerm<T>& term : terms) {
    const T by = term.weight ? *term.weight : static_cast<T>(term.constant);
    if (by != T(0)) read.push_back({term.x, by});
  }
  ctx.for_chunks(n, pointwise_chunk, [&](int64_t begin, int64_t end) {
    T* __restrict out = y;
    if (read.empty()) {
      std::fill(out + begin, out + end, T(0));
      return;
    }
    size_t next = 1;
    const T* __restrict a = read[0].x;
    const T by_a = read[0].by;
    if (read.size() == 1) {
      for (int64_t i = begin; i < end; ++i) out[i] = by_a * a[i];
    } else {
      const T* __restrict b = read[1].x;
      const T by_b = read[1].by;
      for (int64_t i = begin; i < end; ++i) out[i] = by_a * a[i] + by_b * b[i];
      next = 2;
    }
    for (; next < read.size(); ++next) {
      const T* __restrict x = read[next].x;
      const T by = read[next].by;
      for (int64_t i = begin; i < end; ++i) out[i] += by * x[i];
    }
  });
}

}  // namespace

template <class T>
void gate_sums(CpuContext& ctx, const std::vector<std::vector<GateTerm<T>>>& terms, View<T> y) {
  if (y.numel() == 0) return;
  const int64_t n = y.numel() / static_cast<int64_t>(terms.size());
  for (size_t g = 0; g < terms.size(); ++g)
    gate_sum(ctx, terms[g], n, y.data + static_cast<int64_t>(g) * n);
}

template <class T>
void gate_dots(CpuContext& ctx, View<const T> dy, const T* f, const T* r, int row,
               View<stat_t<T>> dp) {
  const Dots dots = reduce_tree<Dots>(ctx, dy.numel(), [&](int64_t begin, int64_t end) {
    return chunk_dots(dy.data + begin, f + begin, r + begin, end - begin);
  });
  std::fill_n(dp.data, dp.numel(), T(0));
  dp[2 * row] = static_cast<T>(dots.f);
  dp[2 * row + 1] = static_cast<T>(dots.r);
}

#define WEFT_INSTANTIATE(T)                                                                    \
  template void gate_sums(CpuContext&, const std::vector<std::vector<GateTerm<T>>>&, View<T>); \
  template void gate_dots<T>(CpuContext&, View<const T>, const T*, const T*, int, View<T>);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)
#undef WEFT_INSTANTIATE

}  // namespace weft::kernels
